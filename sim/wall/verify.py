"""Verification: compares each real run with simulations of the same traffic, with the latencies measured in it.

Each real run is simulated several times, with other draws from its latencies. The simulations differ by chance only. If
the model is right, the real run is like one more of them: the same traffic, with its latencies drawn once more.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..daemons import Servers, servers
from ..errors import UserError
from ..experiment import Outcome, default_processes, outcome_of, run_all, strategy_spec
from ..verdict.records import Column
from ..verdict.result import Run
from ..world.latency import Empirical, Sum
from ..world.scenario import Scenario
from .run import THREADS, Around, check_real, run_for_real
from .worker import spec_of

REPLICATES = 16  # simulations of each real run
CONFIDENCE = 0.99  # that chance alone makes none of the compared cells differ


@dataclass(frozen=True)
class Pair:
    """One seed's traffic: one real run, and several simulations."""

    measured: Outcome
    predicted: tuple[Outcome, ...]


def verify_all(runs: Sequence[Run], around: Around, done: Callable[[Run], None] = lambda _run: None) -> list[Pair]:
    """Run each of them for real, then simulate them; return the pairs in the order given.

    *done* is called `1 + REPLICATES` times for each of them.

    Raises:
        UserError: before anything takes long, if one of them cannot run for real or be simulated, or if all of them
            could show nothing.
    """
    check_all(runs, around)
    firsts = {(strategy_spec(one.strategy), one.backend): one for one in runs}
    run_all(list(firsts.values()), default_processes())  # to find errors before the long part
    measured, models = [], []
    with servers() as ours:
        for one in runs:
            outcome, models_of_it = _measure(one, ours, around)
            measured.append(outcome)
            models += models_of_it
            done(one)
    # Not earlier: simulations would take processor time from a real run.
    predicted = iter(run_all(models, default_processes(), done))
    return [Pair(outcome, tuple(next(predicted) for _ in range(REPLICATES))) for outcome in measured]


def check_all(runs: Sequence[Run], around: Around) -> None:
    """Make sure that each of them can run for real, and that all of them together could show something.

    Raises:
        UserError: if not.
    """
    _check_seeds(runs)
    for one in runs:
        check_real(one, around)


def least_seeds(cells: int) -> int:
    """Return the least number of seeds with which a difference in one of *cells* cells can be told from chance."""
    seeds = 1
    while (1 + REPLICATES) ** -seeds > (1 - CONFIDENCE) / cells / 2:
        seeds += 1
    return seeds


def _check_seeds(runs: Sequence[Run]) -> None:
    cells = len({(strategy_spec(one.strategy), one.backend) for one in runs})
    seeds, least = len({one.seed for one in runs}), least_seeds(cells)
    if seeds < least:
        raise UserError(
            f"--seeds {seeds}: {'1 cell' if cells == 1 else f'{cells} cells'} (of strategy and backend) "
            f"{'needs' if cells == 1 else 'need'} at least {least}: with fewer, no difference can be told from chance"
        )


def _measure(one: Run, ours: Servers, around: Around) -> tuple[Outcome, list[Run]]:
    """Run it for real; return the outcome, and the simulations that should predict it."""
    real = run_for_real(one, ours, around)
    return outcome_of(real), [replace(one, scenario=each) for each in calibrated(one, real.steps, real.slept)]


def calibrated(run: Run, steps: Mapping[str, Column], slept: Collection[str]) -> list[Scenario]:
    """Return the scenario of *run* with its real latencies and number of threads, once for each replicate.

    The replicates differ in the draws from the latencies.

    *steps* holds the seconds of each step without its sleep, by the latency's name. *slept* names the latencies that
    were slept; a request sleeps the same in both. A step that never happened keeps the scenario's latency.
    """
    threads = run.scenario.threads or THREADS
    measured = {name: Empirical.of(sample) for name, sample in steps.items() if len(sample)}
    found = []
    for table in range(REPLICATES):
        drawn = {name: replace(one, table=table) for name, one in measured.items()}
        latencies: dict[str, Any] = {
            name: Sum(spec_of(run, name), one) if name in slept else one for name, one in drawn.items()
        }
        found.append(replace(run.scenario, threads=threads, **latencies))
    return found
