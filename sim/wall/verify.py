"""Verification: each real run beside a simulation of the same traffic, with the latencies that were measured in it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.backends import backend_named
from sim.daemons import Servers, servers
from sim.daemons.programs import require_all
from sim.experiment import Outcome, outcome_of
from sim.latency import Empirical, Sum
from sim.records import Column
from sim.result import Run
from sim.runner import run as simulate
from sim.scenario import Scenario
from sim.wall.run import THREADS, Around, check_real, run_for_real
from sim.wall.worker import spec_of


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
        require_all(backend_named(one.backend).needs)
    pairs = []
    with servers() as ours:
        for one in runs:
            pairs.append(_pair(one, ours, around))
            done(one)
    return pairs


def _pair(one: Run, ours: Servers, around: Around) -> Pair:
    real = run_for_real(one, ours, around)
    scenario = calibrated(one, real.steps, real.slept)
    predicted = simulate(scenario, one.strategy, backend=one.backend, seed=one.seed, servers=ours)
    return Pair(outcome_of(real), outcome_of(predicted))


def calibrated(run: Run, steps: Mapping[str, Column], slept: Collection[str]) -> Scenario:
    """Return the scenario of *run* with the latencies it had for real, and as many threads.

    *steps* holds, by the latency's name, the seconds that each step took besides what was *slept*; what was slept is
    known, and the same requests sleep the same in both. A step that never happened keeps the scenario's latency.
    """
    scenario, latencies = run.scenario, dict[str, Any]()
    for name, sample in steps.items():
        if len(sample):
            measured = Empirical.of(sample)
            latencies[name] = Sum(spec_of(run, name), measured) if name in slept else measured
    return replace(scenario, threads=scenario.threads or THREADS, **latencies)
