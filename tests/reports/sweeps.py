"""Sweeps for tests: real ones of small scenarios, and ones whose figures are known because they were put there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from cachewise import Scenario, Strategy
from cachewise.sim.experiment import Outcome, run_all
from cachewise.sim.sweep.found import EVERYWHERE, Axis, Landed, Sweep, Value
from cachewise.sim.verdict.result import Run
from cachewise.strategies import DeleteOnWrite, NoCache, TtlOnly, WriteThrough

SHOP = Scenario(
    "shop", keys=10, reads_per_s=60, writes_per_s=2, duration_s=12, warmup_s=4, transaction_tail_s="exponential:0.05"
)
CLASSES = (NoCache, TtlOnly, DeleteOnWrite, WriteThrough)
TIMEOUTS = Axis("timeout", (2.0, 6.0, 20.0, 60.0))
RATES = Axis("writes_per_s", (0.5, 2.0, 8.0, 32.0), log=True)


def really(timeouts: Axis, rates: Axis, seeds: Sequence[int]) -> Sweep:
    """Run SHOP with every timeout, rate, strategy and seed; no cache has no timeout."""
    planned = []
    for cls in CLASSES:
        for timeout in timeouts.values[:1] if cls is NoCache else timeouts.values:
            strategy = cls() if cls is NoCache else cls(timeout=timeout)
            at = EVERYWHERE if cls is NoCache else timeout
            planned += [
                (Run(replace(SHOP, writes_per_s=rate), strategy, "shared", seed), (at, rate))
                for rate in rates.values
                for seed in seeds
            ]
    outcomes = run_all([run for run, _at in planned], 2)
    landed = (
        Landed(outcome, outcome.run.strategy.name, at) for outcome, (_run, at) in zip(outcomes, planned, strict=True)
    )
    return Sweep(SHOP.name, (timeouts, rates), tuple(landed))


def put(real: Outcome, strategy: Strategy, seed: int, *, backend: str = "shared", **figures: Any) -> Outcome:
    """Return a real outcome as if it were another's, with other figures; what is outdated is all that is wrong."""
    if "stale_ratio" in figures:
        figures = {"wrong_ratio": figures["stale_ratio"], **figures}
    if "queries_per_read" in figures:
        per_read = figures.pop("queries_per_read")
        reads = real.summary["reads"]
        figures |= {"db_queries": per_read * reads, "db_queries_saved_ratio": 1 - per_read}
        figures |= {"db_queries_per_s": per_read * reads / real.measured_s}
    run = replace(real.run, strategy=strategy, backend=backend, seed=seed)
    return replace(real, run=run, summary={**real.summary, **figures})


def known(
    real: Outcome,
    axis: Axis,
    figures: dict[type[Strategy], Callable[[Value, int], dict[str, Any]]],
    seeds: Iterable[int] = (1, 2, 3, 4, 5),
) -> Sweep:
    """Return a sweep along one axis: the figures of each strategy by value and seed."""
    landed = [
        Landed(put(real, cls(), seed, **of(value, seed)), cls.name, (value,))
        for cls, of in figures.items()
        for value in axis.values
        for seed in seeds
    ]
    return Sweep("made", (axis,), tuple(landed))


def noise(seed: int, spread: float) -> float:
    """Return what five seeds have on top: 0 on average, from -*spread* to *spread*."""
    return (seed * 2 % 5 - 2) / 2 * spread
