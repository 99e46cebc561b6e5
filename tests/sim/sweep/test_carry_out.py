"""A grid is carried out in a folder: what is run, in which rounds, and what is said of it in the end."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cachewise import Scenario, Strategy
from cachewise.sim.command.sweep_progress import SweepProgress
from cachewise.sim.sweep.carry_out import Expedition, Grid
from cachewise.sim.sweep.found import EVERYWHERE, Axis, Sweep
from cachewise.sim.sweep.points import Cell, StrategyPoint
from cachewise.sim.sweep.precision import parse_precision
from cachewise.sim.sweep.schema import Landing
from cachewise.sim.sweep.store import opened
from cachewise.sim.sweep.work import Answer, Load, work_cell
from cachewise.strategies import DeleteOnWrite, NoCache, TtlOnly

SHORT = Scenario("short", keys=5, reads_per_s=50, writes_per_s=2, duration_s=10, warmup_s=1)
TIMEOUTS = Axis("timeout", (1.0, 4.0))


class Alone:
    """A crew that is this process: the cells are run here, in the order in which they are given."""

    def __init__(self, fails: Sequence[str] = ()) -> None:
        self.ran: list[list[int]] = []  # the seeds of each round
        self._fails = fails

    def work(self, loads: Sequence[Load]) -> Iterator[tuple[int, Answer]]:
        """Run them, the last one first: a crew's answers come in any order."""
        opened_runs = [load.content.opened() for load in loads]
        self.ran.append([run.seed for run in opened_runs])
        for place in reversed(range(len(loads))):
            fails = opened_runs[place].strategy.name in self._fails
            yield place, Answer(None, 1.0, "no room") if fails else work_cell(loads[place])


class Watching:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.ended_cells: list[str] = []

    def begin(self, cells: Sequence[Cell], landed: int) -> None:
        """Hear of a round."""

    def ended(self, cell: Cell, landing: Landing | None) -> None:
        """Hear of a cell."""
        self.ended_cells.append(f"{cell.point.contender} {cell.seed} {'landed' if landing else 'failed'}")


def points(*strategies: Strategy, at: Sequence[object]) -> list[StrategyPoint]:
    """Return a point for each strategy, at its place on the axis."""
    return [StrategyPoint(one.name, "shared", (place,), SHORT, one) for one, place in zip(strategies, at, strict=True)]


def carried_out(folder: Path, grid: Grid, crew: Alone, *, retry_failed: bool = False) -> tuple[Sweep, Watching]:
    """Carry a grid out in *folder*."""
    watching = Watching()
    with opened(folder) as store:
        expedition = Expedition(grid, store, crew, 1, watching)
        expedition.take_up(retry_failed=retry_failed)
        return expedition.carry_out(), watching


def test_what_has_landed_is_not_run_again_and_more_seeds_are(tmp_path: Path) -> None:
    """In the order of the grid, whatever came first."""
    both = points(TtlOnly(timeout=1), TtlOnly(timeout=4), at=TIMEOUTS.values)
    crew = Alone()
    carried_out(tmp_path, Grid("short", (TIMEOUTS,), both, 2, 2), crew)
    sweep, watching = carried_out(tmp_path, Grid("short", (TIMEOUTS,), both, 3, 3), crew)
    assert crew.ran == [[1, 1, 2, 2], [3, 3]]
    assert watching.ended_cells == ["ttl-only 3 landed"] * 2
    assert [(one.at, one.outcome.run.seed) for one in sweep.landed] == [
        ((place,), seed) for place in (1.0, 4.0) for seed in (1, 2, 3)
    ]


def test_precision_asks_for_more_seeds_where_they_are_needed(tmp_path: Path) -> None:
    """No cache has no outdated read to be precise about; the timeout goes on to the most there may be."""
    targets = parse_precision("stale_ratio:0.0001")
    grid = Grid("short", (TIMEOUTS,), points(NoCache(), TtlOnly(timeout=4), at=(EVERYWHERE, 4.0)), 17, 19, targets)
    sweep, _ = carried_out(tmp_path, grid, Alone())
    seeds = [one.contender for one in sweep.landed]
    assert (seeds.count("no-cache"), seeds.count("ttl-only")) == (17, 19)
    ((where, line),) = sweep.imprecise.items()
    assert where == ("ttl-only", "shared", (4.0,))
    assert "after 19 seeds (asked: 0.0001)" in line


def test_a_failed_cell_is_told_and_tried_again_when_asked(tmp_path: Path) -> None:
    """The others land."""
    grid = Grid("short", (TIMEOUTS,), points(TtlOnly(timeout=1), DeleteOnWrite(timeout=4), at=(1.0, 4.0)), 2, 2)
    sweep, _ = carried_out(tmp_path, grid, Alone(fails=["ttl-only"]))
    assert len(sweep.landed) == 2
    assert sweep.failed == tuple(f"ttl-only on shared, timeout=1, seed {seed}: no room" for seed in (1, 2))
    crew = Alone()
    assert len(carried_out(tmp_path, grid, crew)[0].failed) == 2
    assert crew.ran == []
    sweep, _ = carried_out(tmp_path, grid, crew, retry_failed=True)
    assert (len(sweep.landed), sweep.failed) == (4, ())


def test_what_changed_nothing_is_said(tmp_path: Path) -> None:
    """A pool of connections that is never full; for a timeout that matters nothing is said."""
    axis = Axis("db_connections", (500.0, 1000.0))
    pools = [SHORT.with_settings({"db_connections": text}) for text in ("500", "1000")]
    same = [StrategyPoint("ttl-only", "shared", (float(one.db_connections),), one, TtlOnly(timeout=2)) for one in pools]
    sweep, _ = carried_out(tmp_path / "same", Grid("short", (axis,), same, 1, 1), Alone())
    assert sweep.unchanged == ("db_connections changed nothing for ttl-only",)
    other = points(TtlOnly(timeout=1), TtlOnly(timeout=4), NoCache(), at=(1.0, 4.0, EVERYWHERE))
    assert carried_out(tmp_path / "other", Grid("short", (TIMEOUTS,), other, 1, 1), Alone())[0].unchanged == ()


def test_a_worker_with_other_versions_ends_the_sweep(tmp_path: Path) -> None:
    """Its cells would be others under the same names."""

    class Foreign(Alone):
        def work(self, loads: Sequence[Load]) -> Iterator[tuple[int, Answer]]:
            yield len(loads) - 1, Answer(None, 0.0, foreign="the worker on far has numpy==1")

    grid = Grid("short", (TIMEOUTS,), points(TtlOnly(timeout=1), at=(1.0,)), 1, 1)
    with pytest.raises(ValueError, match="far has numpy==1: make them the same, or leave this worker out"):
        carried_out(tmp_path, grid, Foreign())
    assert [*(tmp_path / "cells").iterdir()] == []


def test_progress_counts_and_names_the_best_so_far(tmp_path: Path) -> None:
    """Done and left, what failed, and of those that one can choose the one with the fewest wrong reads."""
    progress = SweepProgress((TIMEOUTS,), ("no-cache",))
    grid = Grid(
        "short",
        (TIMEOUTS,),
        points(TtlOnly(timeout=1), DeleteOnWrite(timeout=4), NoCache(), at=(1.0, 4.0, EVERYWHERE)),
        2,
        2,
    )
    assert progress.line() == "0 of 0 cells"
    with opened(tmp_path) as store:
        Expedition(grid, store, Alone(fails=["ttl-only"]), 1, progress).carry_out()
    assert progress.line().startswith(
        "6 of 6 cells, 2 failed, done, best so far: delete-on-write on shared timeout=4 ("
    )
