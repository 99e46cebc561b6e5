"""Verification: each real run beside a simulation of the same traffic, with the latencies that were measured in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.experiment import Outcome, outcome_of
from sim.latency import Empirical
from sim.records import Column
from sim.result import Run
from sim.runner import run as simulate
from sim.scenario import Scenario
from sim.servers import Servers, servers
from sim.wall.run import THREADS, Around, check_real, run_for_real


@dataclass(frozen=True)
class Pair:
    """One seed's traffic, met for real and in the simulation."""

    measured: Outcome
    predicted: Outcome


def verify_all(runs: Sequence[Run], around: Around, done: Callable[[Run], None] = lambda _run: None) -> list[Pair]:
    """Run each of them for real and simulate it; return the pairs in the order given.

    Raises:
        UserError: before anything starts, if one of them cannot run for real.
    """
    for one in runs:
        check_real(one, around)
    pairs = []
    with servers() as ours:
        for one in runs:
            pairs.append(_pair(one, ours, around))
            done(one)
    return pairs


def _pair(one: Run, ours: Servers, around: Around) -> Pair:
    real = run_for_real(one, ours, around)
    scenario = calibrated(one.scenario, real.steps)
    predicted = simulate(scenario, one.strategy, backend=one.backend, seed=one.seed, servers=ours)
    return Pair(outcome_of(real), outcome_of(predicted))


def calibrated(scenario: Scenario, steps: Mapping[str, Column]) -> Scenario:
    """Return *scenario* with the latencies that *steps* (seconds, by name) were measured at, and threads as they were.

    A step that never happened keeps the scenario's latency: it will not happen in the simulation either.
    """
    latencies: dict[str, Any] = {name: Empirical.of(sample) for name, sample in steps.items() if len(sample)}
    return replace(scenario, threads=scenario.threads or THREADS, **latencies)
