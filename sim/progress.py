"""A progress bar for a series of runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sim.result import Run


@contextmanager
def progress(total: int) -> Iterator[Callable[[Run], None]]:
    """Show a bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    text = TextColumn("{task.description:<44}")
    columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())  # none looks hung
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("the first run", total=total)
        yield lambda one: bar.update(task, advance=1, description=f"last: {one.strategy.name} on {one.backend}")
