"""Verification: each real run beside simulations of the same traffic, with the latencies that were measured in it.

Each real run is simulated several times, with other draws from its latencies: what they differ in is what chance does.
If the model is right, the real run is about one more of them: the same traffic, its latencies drawn once more.
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
CONFIDENCE = 0.99  # that chance alone makes no cell differ, of all those that are compared


@dataclass(frozen=True)
class Pair:
    """One seed's traffic, met once for real and several times in the simulation."""

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
    run_all(list(firsts.values()), default_processes())  # or it is said now
    measured, models = [], []
    with servers() as ours:
        for one in runs:
            outcome, models_of_it = _measure(one, ours, around)
            measured.append(outcome)
            models += models_of_it
            done(one)
    # Only now: beside a real run they would take its processor time.
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
    """Return with how many seeds the most extreme measurement is rarer than what chance may do to one of *cells*."""
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
    """Run it for real; return what came of it, and the simulations that are to predict it."""
    real = run_for_real(one, ours, around)
    return outcome_of(real), [replace(one, scenario=each) for each in calibrated(one, real.steps, real.slept)]


def calibrated(run: Run, steps: Mapping[str, Column], slept: Collection[str]) -> list[Scenario]:
    """Return the scenario of *run* with the latencies it had for real, and as many threads: once a replicate.

    The replicates differ in what is drawn from the latencies.

    *steps* holds, by the latency's name, the seconds that each step took besides what was *slept*; what was slept is
    known, and the same requests sleep the same in both. A step that never happened keeps the scenario's latency.
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
