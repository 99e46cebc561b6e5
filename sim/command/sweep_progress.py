"""How a sweep goes: cells done and left, time left, the best so far; a plain line a minute where it is no terminal."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from typing import Any

from ..processes.interrupts import raise_if_received
from ..sweep.found import Axis, named_values
from ..sweep.points import Cell
from ..sweep.schema import Landing
from .progress import bar_on, each_minute, in_words

Place = tuple[str, str, tuple[object, ...]]


class SweepProgress:
    """Counts the cells, and makes the line on the progress at any moment."""

    def __init__(self, axes: Sequence[Axis], bounds: Sequence[str]) -> None:
        self._axes = axes
        self._bounds = bounds
        self._done = self._failed = self._total = 0
        self._left_requests = self._done_requests = 0.0
        self._began_s = time.monotonic()
        self._figures: dict[Place, list[tuple[float, float]]] = defaultdict(list)
        self._show: Callable[[], None] = lambda: None

    def begin(self, cells: Sequence[Cell], landed: int) -> None:
        """Is called before each round with the cells to run."""
        if not self._total:
            self._began_s = time.monotonic()
        self._done, self._total = landed, landed + len(cells)
        self._left_requests = sum(cell.point.requests for cell in cells)
        self._show()

    def ended(self, cell: Cell, landing: Landing | None) -> None:
        """Is called when a cell has ended."""
        raise_if_received()
        self._done += 1
        self._failed += landing is None
        self._left_requests -= cell.point.requests
        self._done_requests += cell.point.requests
        if landing is not None and cell.point.contender not in self._bounds:
            summary = landing.outcome.summary
            place = (cell.point.contender, cell.point.backend, cell.point.at)
            wrong_ratio = float(summary["wrong_ratio"])
            if not isnan(wrong_ratio):  # there were reads
                self._figures[place].append((wrong_ratio, float(summary["db_queries_per_s"])))
        self._show()

    def line(self) -> str:
        """Return the line on the progress."""
        parts = [f"{self._done:,} of {self._total:,} cells", *([f"{self._failed:,} failed"] if self._failed else [])]
        if self._done_requests:
            left_s = self._left_requests * (time.monotonic() - self._began_s) / self._done_requests
            parts.append(f"about {in_words(left_s)} left" if self._left_requests else "done")
        return ", ".join([*parts, *self._best()])

    def _best(self) -> Iterator[str]:
        """Yield the contender and place with the fewest wrong reads so far, and with the fewest queries of those."""
        means = {
            place: tuple(sum(column) / len(column) for column in zip(*rows, strict=True))
            for place, rows in [*self._figures.items()]
        }
        if means:
            place = min(means, key=lambda one: means[one])
            yield f"best so far: {self._named(place)} ({means[place][0]:.2%} wrong)"

    def _named(self, place: Place) -> str:
        contender, backend, at = place
        return " ".join([contender, f"on {backend}", *named_values(self._axes, at)])

    @property
    def counts(self) -> tuple[int, int]:
        """The number of cells that have ended, and of all cells so far."""
        return self._done, self._total

    @contextmanager
    def shown(self) -> Iterator["SweepProgress"]:
        """Show it while the block lasts."""
        from rich.console import Console

        console = Console(stderr=True)
        with _bar(self, console) if console.is_terminal else each_minute(self.line):
            yield self


@contextmanager
def _bar(progress: SweepProgress, console: Any) -> Iterator[None]:
    with bar_on(console) as bar:
        task = bar.add_task("the workers start")

        def show() -> None:
            done, total = progress.counts
            bar.update(task, completed=done, total=max(1, total), description=progress.line(), refresh=True)

        progress._show = show
        yield
