"""The progress of a series of runs, or of other steps: a bar on a terminal, elsewhere a plain line a minute."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from ..own.homes import short_name
from ..processes.interrupts import raise_if_received
from ..verdict.result import Run
from .exit_codes import say

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, ProgressColumn

LINE_S = 60.0
FIGURES = 26  # the most columns for the figures behind a bar and the spinner before it
Advance = Callable[[str], None]  # called after a step with the name of the next one
Show = Callable[[float, str], None]  # called with the number of steps done, and the current one's name if it is new


@contextmanager
def progress(total: int, first: str, *, silent: bool = False) -> Iterator[Callable[[Run], None]]:
    """Show on standard error how many of *total* steps are done, at first with the text *first*.

    If *silent*, nothing is shown unless standard error is a terminal.
    """
    with steps(total, first, silent=silent) as advance:
        yield lambda one: advance(f"last: {short_name(one.strategy)} on {one.backend}")


@contextmanager
def steps(total: int, first: str, *, silent: bool = False) -> Iterator[Advance]:
    """Do the same as `progress` for steps that are not runs."""
    with fractions(total, first, silent=silent) as show:
        done = count(1)
        yield lambda what: show(next(done), what)


@contextmanager
def fractions(total: int, first: str, *, silent: bool = False) -> Iterator[Show]:
    """Do the same as `steps` if steps can also be done in part."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(total, first, console) as show:
            yield show
        return
    told = _Told(total, first)
    with each_minute(told.line, silent=silent):
        yield told.show


@contextmanager
def _bar(total: int, first: str, console: "Console") -> Iterator[Show]:
    from rich.progress import MofNCompleteColumn, TimeElapsedColumn

    with bar_on(console, MofNCompleteColumn(), TimeElapsedColumn()) as bar:  # none looks hung
        task = bar.add_task(first, total=total)

        def show(done: float, what: str) -> None:
            raise_if_received()  # else the series would go on if some code has swallowed a Ctrl-C
            bar.update(task, completed=done, description=what or None, refresh=bool(what))  # also shows short steps

        yield show


def bar_on(console: "Console", *figures: "ProgressColumn") -> "Progress":
    """Return a bar with *figures* behind it and its text above it, which is wrapped if the window is narrow."""
    from rich.progress import BarColumn, Progress, SpinnerColumn
    from rich.text import Text

    class WithText(Progress):
        def get_renderables(self) -> Iterator["RenderableType"]:
            for task in self.tasks:
                yield Text(task.description)
            yield self.make_tasks_table(self.tasks)

    width = max(4, min(40, console.width - FIGURES))
    return WithText(SpinnerColumn(), BarColumn(width), *figures, console=console, transient=True)


class _Told:
    """The progress in words."""

    def __init__(self, total: int, first: str) -> None:
        self._total, self._done, self._what = total, 0.0, first
        self._minutes = 0

    def show(self, done: float, what: str) -> None:
        """Note how many steps are done, and the name of the current one."""
        raise_if_received()
        self._done, self._what = done, what or self._what

    def line(self) -> str:
        """Return the line after one more minute; it uses no clock, as a run may have replaced it."""
        self._minutes += 1
        so_far_s = self._minutes * LINE_S
        parts = [f"{self._done:,.0f} of {self._total:,} done"] if self._total > 1 else []
        parts.append(f"{in_words(so_far_s)} so far")
        if self._done:
            parts.append(f"about {in_words(so_far_s * (self._total - self._done) / self._done)} left")
        return f"{', '.join(parts)} ({self._what})"


@contextmanager
def each_minute(line: Callable[[], str], *, silent: bool = False) -> Iterator[None]:
    """Print a line a minute, even if no step ends meanwhile."""
    over = threading.Event()

    def speak() -> None:
        while not over.wait(LINE_S):
            say(line())

    thread = threading.Thread(target=speak, daemon=True)
    if not silent:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if not silent:
            thread.join()


def in_words(seconds: float) -> str:
    """Return a time in words."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
