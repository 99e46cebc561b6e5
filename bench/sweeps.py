"""The overhead of many runs: `python -m bench.sweeps` plays them in crews of processes, and in this process alone.

Real time is measured, as two processes save nothing else: the machine should have two free cores.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table

from bench.case import BACKEND, STRATEGY, scenario_at
from cachewise import servers
from cachewise.sim.experiment import _run_in_worker, _run_one
from cachewise.sim.processes.crew import Crew
from cachewise.sim.processes.parcels import Parcel
from cachewise.sim.sweep.carry_out import Expedition, Grid
from cachewise.sim.sweep.points import Cell, StrategyPoint
from cachewise.sim.sweep.schema import Landing
from cachewise.sim.sweep.store import opened
from cachewise.sim.sweep.work import work_cell
from cachewise.sim.verdict.result import Run

RATE_PER_S = 100.0
MOST_TWO_OVER_ONE = 0.6
MOST_SWEPT_OVER_BARE = 1.03
LEAST_ROUNDS = 3
CALIBRATION = 20_000  # requests of a run that shows how many requests take two seconds
Round = dict[str, float]  # the seconds of each side


@dataclass(frozen=True)
class Work:
    """The work of each side: many *equal* runs, side by side or not, and a few *long* ones; each with its requests."""

    equal: int
    equal_requests: int
    long: int
    long_requests: int


def bare(work: Work) -> float:
    """Do the long runs one after the other in this process."""
    with servers() as ours:
        _run_one(runs(1, CALIBRATION // 10)[0], ours)
        began_s = perf_counter()
        for one in runs(work.long, work.long_requests):
            _run_one(one, ours)
        return perf_counter() - began_s


def swept(work: Work) -> float:
    """Do the long runs as cells of a sweep, in a crew of one process, until all have landed in a folder.

    The start of the process does not count, as it takes the same time for ten runs as for ten thousand.
    """
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as store, Crew(1, work_cell) as crew:
        Expedition(grid(1, CALIBRATION // 10), store, crew, 1, Nobody()).carry_out()
        began_s = perf_counter()
        Expedition(grid(work.long, work.long_requests), store, crew, 1, Nobody()).carry_out()
        return perf_counter() - began_s


class Nobody:
    """Ignores the progress of a sweep."""

    def begin(self, cells: Sequence[Cell], landed: int) -> None:
        """Ignore a round."""

    def ended(self, cell: Cell, landing: Landing | None) -> None:
        """Ignore a cell."""


def grid(count: int, requests: int) -> Grid:
    """Return a grid of one point, with so many seeds, each of about *requests* requests."""
    return Grid(
        "bench", (), [StrategyPoint("it", BACKEND, (), scenario_at(RATE_PER_S, requests), STRATEGY)], count, count
    )


def equal(work: Work, processes: int) -> float:
    """Do the equal runs in so many processes, from their start to their end."""
    began_s = perf_counter()
    with Crew(processes, _run_in_worker) as some:
        list(some.work(parcels(work.equal, work.equal_requests)))
    return perf_counter() - began_s


SIDES: dict[str, Callable[[Work], float]] = {
    "bare": bare,
    "swept": swept,
    "one process": lambda work: equal(work, 1),
    "two processes": lambda work: equal(work, 2),
}
BARS: list[tuple[str, float, Callable[[Round], float]]] = [
    ("two processes / one process", MOST_TWO_OVER_ONE, lambda one: one["two processes"] / one["one process"]),
    ("swept / bare", MOST_SWEPT_OVER_BARE, lambda one: one["swept"] / one["bare"]),
]


def runs(count: int, requests: int) -> list[Run]:
    """Return so many runs, each of about *requests* requests."""
    return [Run(scenario_at(RATE_PER_S, requests), STRATEGY, BACKEND, seed) for seed in range(count)]


def parcels(count: int, requests: int) -> list[tuple[Parcel[Run], None]]:
    """Return the same runs as parcels for a worker; no reads are kept in a file."""
    return [(Parcel(one), None) for one in runs(count, requests)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code, 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweeps", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds, at least 3 (default %(default)s)")
    parser.add_argument("--equal", type=int, default=40, help="runs that two processes share (default %(default)s)")
    parser.add_argument("--long", type=int, default=5, help="runs with which bare ones compare (default %(default)s)")
    parser.add_argument(
        "--run-s", type=float, default=2.0, help="seconds that one of these takes (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds must be at least {LEAST_ROUNDS}")
    if min(options.equal, options.long, options.run_s) <= 0:
        parser.error("--equal, --long and --run-s must be above 0")
    per_s = CALIBRATION / bare(Work(0, 0, 1, CALIBRATION))
    requests = max(1, round(per_s * options.run_s))
    work = Work(options.equal, max(1, requests // 2), options.long, requests)
    return print_report(rounds_of(work, options.rounds), work, Console())


def rounds_of(work: Work, rounds: int) -> list[Round]:
    """Let all sides do their work, in turn."""
    console = Console(stderr=True)
    found = []
    for number in range(rounds):
        console.print(f"round {number + 1} of {rounds}", highlight=False)
        turn = number % len(SIDES)  # so that no side always follows the same other side
        names = [*SIDES][turn:] + [*SIDES][:turn]
        found.append({name: SIDES[name](work) for name in names})
    return found


def print_report(rounds: Sequence[Round], work: Work, console: Console) -> int:
    """Print the times of each side, the ratios and their limits; return the exit code."""
    table = Table("side", "runs", "requests a run", "seconds, median")
    for name in SIDES:
        long = name in {"bare", "swept"}
        count, requests = (work.long, work.long_requests) if long else (work.equal, work.equal_requests)
        table.add_row(name, f"{count}", f"{requests:,}", f"{median(one[name] for one in rounds):.2f}")
    console.print(table)
    missed = False
    for what, bar, ratio in BARS:
        measured = [ratio(one) for one in rounds]
        met = median(measured) <= bar
        missed |= not met
        spread = f"{min(measured):.3f} to {max(measured):.3f}"
        line = f"{what}, at most {bar:g}: {median(measured):.3f} ({'met' if met else 'missed'}; {spread})"
        console.print(line, highlight=False, soft_wrap=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
