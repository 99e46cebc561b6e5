"""A progress bar for a series of runs, or of other steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from ..own.homes import short_name
from ..processes.interrupts import raise_if_received
from ..verdict.result import Run

Advance = Callable[[str], None]  # takes what is under way
Show = Callable[[float, str], None]  # takes how many steps are done, and what is under way, if it is another thing


@contextmanager
def progress(total: int, first: str) -> Iterator[Callable[[Run], None]]:
    """Show a bar for *total* steps on standard error, if that is a terminal, with *first* beside it to begin with."""
    with steps(total, first) as advance:
        yield lambda one: advance(f"last: {short_name(one.strategy)} on {one.backend}")


@contextmanager
def steps(total: int, first: str) -> Iterator[Advance]:
    """Show a bar for *total* steps on standard error, if that is a terminal, with *first* beside it to begin with."""
    with fractions(total, first) as show:
        done = count(1)
        yield lambda what: show(next(done), what)


@contextmanager
def fractions(total: int, first: str) -> Iterator[Show]:
    """Do so for steps of which parts are done, too."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    text = TextColumn("{task.description:<44}")
    columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())  # none looks hung
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(first, total=total)

        def show(done: float, what: str) -> None:
            raise_if_received()  # or the series would go on after a Ctrl-C that somebody took for an error
            bar.update(task, completed=done, description=what or None, refresh=bool(what))  # a short step is seen, too

        yield show
