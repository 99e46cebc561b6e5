"""Carries out a sweep: runs the cells that have not landed yet, in rounds, until each point has enough seeds.

A cell is one run; it has *landed* when its result is in the store.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from typing import Protocol

from ..daemons.home import sweep
from ..errors import UserError
from ..processes.crew import Crew
from ..processes.losses import WorkerKilledError
from ..verdict.metrics import MACHINE_METRICS
from .found import Axis, Landed, Sweep
from .points import Cell, Point, place_named
from .precision import Target, seeds_wanted, shortfall
from .schema import Landing, landing_of, row_of
from .store import Store
from .unchanged import unchanged
from .warmup import short_warmup
from .work import Answer, Load

KILLED = "its worker process was killed (is the memory full? try --jobs 1)"


@dataclass(frozen=True)
class Grid:
    """The plan of a sweep: the points in the order of tables, and how many seeds each gets.

    Each point runs seeds 1 to `least`. With `targets` it goes on until they are met, up to `most` seeds.
    """

    title: str
    axes: tuple[Axis, ...]
    points: Sequence[Point]
    least: int
    most: int
    targets: tuple[Target, ...] = ()

    @property
    def cells(self) -> int:
        """The least number of cells."""
        return len(self.points) * self.least


class Watcher(Protocol):
    """Follows the progress of a sweep."""

    def begin(self, cells: Sequence[Cell], landed: int) -> None:
        """Is called before each round with the cells to run, and how many have landed so far."""

    def ended(self, cell: Cell, landing: Landing | None) -> None:
        """Is called when a cell has ended; without a *landing* it failed."""


@dataclass
class Progress:
    """The results so far: the landings by the cells' names, and the names of the cells that failed."""

    landings: dict[str, Landing] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)


class Expedition:
    """Runs a grid and puts its results into a store."""

    def __init__(self, grid: Grid, store: Store, crew: Crew[Load, Answer], jobs: int, watcher: Watcher) -> None:
        self._grid = grid
        self._store = store
        self._crew = crew
        self._jobs = jobs
        self._watcher = watcher
        self._known = Progress()
        self._wanted = [grid.least] * len(grid.points)  # seeds of each point

    def carry_out(self) -> Sweep:
        """Run all cells that have not landed, and return the sweep. Each result is in the store at once."""
        while True:
            todo = self.left()
            if todo:
                self._watcher.begin(todo, len(self._known.landings))
                self._run(todo)
            if not self._more():
                break
        asked = [*self._asked()]
        self._store.settle([cell.key for cell in asked])
        self._store.pack([cell.key for cell in asked])
        return self._found(asked)

    def left(self) -> list[Cell]:
        """Return the cells that are left to run, as far as is known now."""
        return self._left([*self._asked()])

    def _asked(self) -> Iterator[Cell]:
        """Yield the cells that are wanted so far, in the order of tables."""
        for point, wanted in zip(self._grid.points, self._wanted, strict=True):
            for seed in range(1, wanted + 1):
                yield Cell(point, seed, point.key(seed))

    def take_up(self, *, retry_failed: bool = False) -> None:
        """Take over the results of earlier commands for cells of this grid; *retry_failed* forgets the failed ones."""
        possible = {
            point.key(seed): (point, seed)
            for point in self._grid.points
            for seed in range(1, (self._grid.most if self._grid.targets else self._grid.least) + 1)
        }
        self._store.settle(possible)
        for row in self._store.rows():
            point, seed = possible[row["cell"]]
            self._known.landings[row["cell"]] = landing_of(row, point.run(seed))
        for key in self._store.failures():
            if retry_failed or key not in possible:
                self._store.forgive(key)
            else:
                self._known.failed.add(key)

    def _run(self, todo: Sequence[Cell]) -> None:
        """Run these cells, seed by seed, so that early results cover the whole grid."""
        waiting = sorted(todo, key=lambda cell: (cell.seed, -cell.point.requests))
        while waiting:
            try:
                for cell, answer in self._answers(waiting):
                    self._take(cell, answer)
            except WorkerKilledError:
                sweep()  # the killed processes did not clean up
                left = self._left(waiting)
                suspects, waiting = left[: 2 * self._jobs], left[2 * self._jobs :]
                self._try_alone(suspects)
            else:
                return

    def _try_alone(self, suspects: Iterable[Cell]) -> None:
        """Run cells one by one, to find the one whose worker was killed."""
        for cell in suspects:
            try:
                for _, answer in self._answers([cell]):
                    self._take(cell, answer)
            except WorkerKilledError:
                sweep()
                self._take(cell, Answer(None, nan, KILLED))

    def _answers(self, cells: Sequence[Cell]) -> Iterator[tuple[Cell, Answer]]:
        for place, answer in self._crew.work([load_of(cell) for cell in cells]):
            yield cells[place], answer

    def _left(self, cells: Sequence[Cell]) -> list[Cell]:
        return [cell for cell in cells if cell.key not in self._known.landings and cell.key not in self._known.failed]

    def _take(self, cell: Cell, answer: Answer) -> None:
        if answer.foreign:
            raise UserError(f"{answer.foreign}: make them the same, or leave this worker out")
        landing = None
        if answer.landing is None:
            self._store.fail(cell.key, cell.named(self._grid.axes), answer.reason, answer.frames)
            self._known.failed.add(cell.key)
        else:
            outcome = answer.landing.outcome
            whole = outcome if outcome.run is not None else replace(outcome, run=cell.point.run(cell.seed))
            landing = replace(answer.landing, outcome=whole)
            self._store.land(row_of(cell.key, cell.point.contender, landing), answer.wall_s)
            machine = dict.fromkeys(MACHINE_METRICS, nan)
            landing = replace(landing, outcome=replace(whole, summary={**whole.summary, **machine}))
            self._known.landings[cell.key] = landing
        self._watcher.ended(cell, landing)

    def _more(self) -> bool:
        """Update how many seeds each point needs; return whether any point needs more than before."""
        before = [*self._wanted]
        for place, point in enumerate(self._grid.points if self._grid.targets else ()):
            landings = self._of(point, self._wanted[place])
            if len(landings) == self._wanted[place]:  # none failed
                values = _values(self._grid.targets, landings)
                self._wanted[place] = seeds_wanted(self._grid.targets, values, self._grid.least, self._grid.most)
        return self._wanted != before

    def _of(self, point: Point, seeds: int) -> list[Landing]:
        keys = (point.key(seed) for seed in range(1, seeds + 1))
        return [self._known.landings[key] for key in keys if key in self._known.landings]

    def _found(self, asked: Sequence[Cell]) -> Sweep:
        points = list(zip(self._grid.points, self._wanted, strict=True))
        said = {point: self._of(point, wanted) for point, wanted in points}
        failures = self._store.failures()
        landed = tuple(
            Landed(self._known.landings[cell.key].outcome, cell.point.contender, cell.point.at)
            for cell in asked
            if cell.key in self._known.landings
        )
        return Sweep(
            title=self._grid.title,
            axes=self._grid.axes,
            landed=landed,
            imprecise=dict(self._imprecise(said)),
            by_precision=bool(self._grid.targets),
            warmups=tuple(self._warmups(said)),
            unchanged=tuple(unchanged(self._grid.axes, landed)),
            failed=tuple(
                f"{failures[cell.key]['what']}: {failures[cell.key]['reason']}"
                for cell in asked
                if cell.key in failures
            ),
        )

    def _imprecise(
        self, said: Mapping[Point, Sequence[Landing]]
    ) -> Iterator[tuple[tuple[str, str, tuple[object, ...]], str]]:
        for point, landings in said.items():
            line = shortfall(self._grid.targets, _values(self._grid.targets, landings)) if landings else ""
            if line:
                yield (point.contender, landings[0].outcome.run.backend, point.at), line

    def _warmups(self, said: Mapping[Point, Sequence[Landing]]) -> Iterator[str]:
        for point, landings in said.items():
            if not landings or landings[0].details:  # not for projects, as their events change the traffic
                continue
            line = short_warmup([landing.outcome for landing in landings])
            if line:
                yield f"{place_named(point, self._grid.axes)}: {line}"


def _values(targets: Iterable[Target], landings: Sequence[Landing]) -> dict[str, list[float]]:
    """Return the values of the target metrics, in the order of seeds."""
    return {
        one.metric: [float(landing.outcome.summary.get(one.metric, nan)) for landing in landings] for one in targets
    }


def load_of(cell: Cell) -> Load:
    """Return what is sent to the worker of a cell."""
    surroundings = cell.point.surroundings()
    return Load(cell.point.load(cell.seed), str(Path.cwd()), surroundings, surroundings.lines(), cell.point.files)
