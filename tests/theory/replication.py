"""Independent replications: a figure's mean and standard error over seeds, and how it is held against theory."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cachewise import Result, Scenario, run

SEEDS = range(1, 41)
WARMUP_CYCLES = 6
length = 1  # how many times longer than usual the runs are
Measure = Callable[[Result], tuple[float, float]]
"""What a run adds to a figure, as (part, whole): the figure is the sum of the parts over the sum of the wholes."""


@dataclass(frozen=True)
class Estimate:
    """A figure over replications."""

    value: float
    standard_error: float


def replicate(
    scenario: Scenario,
    strategy: Any,
    measures: Iterable[Measure],
    *,
    cycle_s: float,
    backend: str = "locmem",
    seeds: Iterable[int] = SEEDS,
) -> dict[Measure, Estimate]:
    """Run once a seed and estimate every measure; the warm-up is `WARMUP_CYCLES` cycles and a random part of one more.

    Without that jitter all windows would start at the same phase of a nearly periodic process (timeouts of a hot key).
    """
    measures = list(measures)
    parts: dict[Measure, list[tuple[float, float]]] = {measure: [] for measure in measures}
    for seed in seeds:
        cycles = WARMUP_CYCLES + np.random.default_rng(seed).random()
        result = run(replace(scenario, warmup_s=cycles * cycle_s), strategy, backend=backend, seed=seed)
        for measure in measures:
            parts[measure].append(measure(result))
    return {measure: ratio(parts[measure]) for measure in measures}


def ratio(parts: Iterable[tuple[float, float]]) -> Estimate:
    """Return the pooled ratio of (part, whole) pairs, one a replication, and its standard error.

    The error comes from the spread between replications, never from counting reads as independent.
    Source: the classical ratio estimator; Law, Simulation modeling and analysis, chapter 9.
    """
    part, whole = np.array(list(parts), float).T
    value = part.sum() / whole.sum()
    spread = np.std(part - value * whole, ddof=1)
    return Estimate(float(value), float(spread / whole.mean() / np.sqrt(len(part))))


def assert_within(
    theory: float, estimate: Estimate, what: str = "", *, z: float = 4, tolerance: float = 0, detects: float = 0.03
) -> None:
    """Assert that *estimate* lies within *z* standard errors of *theory*, and that this says something.

    *tolerance* is what an approximate formula may be off by, as a share of it; *detects* is the relative error that *z*
    standard errors must not hide.
    """
    off, error = abs(estimate.value - theory), estimate.standard_error
    allowed = z * error + tolerance * theory
    assert off <= allowed + 1e-12, f"{what}: {estimate.value:.6g}, standard error {error:.2g}; theory says {theory:.6g}"
    assert z * error <= detects * theory, f"{what}: a standard error of {error:.2g} hides {detects:.0%} of {theory:.6g}"


def assert_theory(
    scenario: Scenario,
    strategy: Any,
    theory: Mapping[Measure, float],
    *,
    cycle_s: float,
    backend: str = "locmem",
    seeds: Iterable[int] = SEEDS,
    tolerance: float = 0,
    detects: float = 0.03,
) -> None:
    """Run *scenario* on every seed and hold each measure against its value in *theory*."""
    estimates = replicate(scenario, strategy, theory, cycle_s=cycle_s, backend=backend, seeds=seeds)
    for measure, value in theory.items():
        assert_within(value, estimates[measure], measure.__name__, tolerance=tolerance, detects=detects)


def instant(reads_per_s: float, writes_per_s: float, *, requests: int = 300_000, **knobs: Any) -> Scenario:
    """Return a scenario of one key without latencies, of *requests* over all of `SEEDS`; *knobs* change the rest."""
    total_per_s = reads_per_s + writes_per_s
    defaults = {
        "reads_per_s": reads_per_s,
        "writes_per_s": writes_per_s,
        "duration_s": length * requests / len(SEEDS) / total_per_s,
        "cache_rtt_s": 0,
        "db_read_s": 0,
        "db_commit_s": 0,
        "value_bytes": 0,
        "max_entries": None,  # theory's cache is infinite where it does not say how large it is
        "keys": 1,
        "read_popularity": "uniform",
    }
    return Scenario("theory", **{**defaults, **knobs})
