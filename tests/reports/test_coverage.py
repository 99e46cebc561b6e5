"""The report's intervals hold the truth as often as they say, over seeds of the simulator itself.

A timeout alone has a closed form, so the truth is known exactly. The seeds 1 to `SEEDS` are cut into groups, each group
gives one interval, and the intervals that hold the truth are counted. The count of a true 95% is binomial: it must fall
into that distribution's central 99.9%.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any

import pytest
from scipy.stats import binom

from cachewise import Scenario, run
from cachewise.reports.statistics import CONFIDENCE, Interval, mean_interval, metric_interval, paired_difference
from cachewise.sim import theory
from cachewise.strategies import TtlOnly

pytestmark = pytest.mark.proof

SEEDS = 1500
READS_PER_S, WRITES_PER_S = 4.0, 0.5
TIMEOUTS_S = (2.0, 4.0)
SCENARIO = Scenario(
    "coverage",
    keys=1,
    reads_per_s=READS_PER_S,
    writes_per_s=WRITES_PER_S,
    duration_s=300,
    warmup_s=100,  # fills have lost their common phase by then
    cache_rtt_s=0,
    db_read_s=0,
    db_commit_s=0,
)
Summary = dict[str, Any]
IntervalOf = Callable[[str, Sequence[Summary]], Interval]


@pytest.fixture(scope="module")
def summaries() -> dict[float, list[Summary]]:
    """Return the summaries of seeds 1 to `SEEDS`, by timeout."""
    return {
        timeout_s: [
            run(SCENARIO, TtlOnly(timeout_s), backend="locmem", seed=seed).summary for seed in range(1, SEEDS + 1)
        ]
        for timeout_s in TIMEOUTS_S
    }


def truth(metric: str, timeout_s: float) -> float:
    """Return what *metric* is in the long run."""
    hits = theory.hit_ratio(READS_PER_S, timeout_s)
    stale_hits = theory.timeout_stale_hits(WRITES_PER_S, timeout_s)
    return {"hit_ratio": hits, "stale_ratio": hits * stale_hits, "stale_hit_ratio": stale_hits}[metric]


def groups(runs: Sequence[Summary], size: int) -> Iterator[Sequence[Summary]]:
    """Cut *runs* into groups of *size*."""
    return (runs[first : first + size] for first in range(0, len(runs) - size + 1, size))


def from_seeds(metric: str, runs: Sequence[Summary]) -> Interval:
    """Return the report's interval: one run, one observation."""
    return metric_interval(metric, [one[metric] for one in runs])


def from_reads(metric: str, runs: Sequence[Summary]) -> Interval:
    """Return what counting the reads as independent gives: the textbook's interval of a proportion."""
    reads = sum(one["reads"] for one in runs)
    ratio = sum(one[metric] * one["reads"] for one in runs) / reads
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * sqrt(ratio * (1 - ratio) / reads)
    return Interval(ratio, ratio - half, ratio + half, len(runs))


def from_normal_quantiles(metric: str, runs: Sequence[Summary]) -> Interval:
    """Return the report's interval made with the normal distribution's 1.96 in place of Student's quantile."""
    values = [one[metric] for one in runs]
    students = mean_interval(values)
    spread = sqrt(sum((value - students.mean) ** 2 for value in values) / (len(values) - 1) / len(values))
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * spread
    return Interval(students.mean, students.mean - half, students.mean + half, len(runs))


def assert_covers(true: float, intervals: Iterable[Interval]) -> None:
    """Assert that as many of the intervals hold the truth as a true 95% lets expect."""
    holds = [found.low <= true <= found.high for found in intervals]
    least, most = binom.interval(0.999, len(holds), CONFIDENCE)
    assert least <= sum(holds) <= most, (
        f"{sum(holds)} of {len(holds)} hold {true:.4g}; {least:.0f} to {most:.0f} should"
    )


@pytest.mark.parametrize("size", [3, 10])
@pytest.mark.parametrize("metric", ["hit_ratio", "stale_ratio", "stale_hit_ratio"])
@pytest.mark.parametrize("timeout_s", TIMEOUTS_S)
def test_intervals_over_seeds_hold_the_truth(
    timeout_s: float, metric: str, size: int, summaries: dict[float, list[Summary]]
) -> None:
    """500 intervals over 3 seeds each, and 150 over 10, hold the closed form 95% of the time."""
    intervals = [from_seeds(metric, group) for group in groups(summaries[timeout_s], size)]
    assert_covers(truth(metric, timeout_s), intervals)


@pytest.mark.parametrize("size", [3, 10])
def test_paired_differences_hold_the_truth(size: int, summaries: dict[float, list[Summary]]) -> None:
    """So do the intervals of the difference between two timeouts on the same traffic."""
    short, long = ([one["stale_ratio"] for one in summaries[timeout_s]] for timeout_s in TIMEOUTS_S)
    differences = [
        paired_difference(dict(enumerate(long[at : at + size])), dict(enumerate(short[at : at + size])))
        for at in range(0, SEEDS - size + 1, size)
    ]
    assert_covers(truth("stale_ratio", TIMEOUTS_S[1]) - truth("stale_ratio", TIMEOUTS_S[0]), differences)


@pytest.mark.parametrize("wrong", [from_reads, from_normal_quantiles])
def test_wrong_intervals_do_not(wrong: IntervalOf, summaries: dict[float, list[Summary]]) -> None:
    """The check has teeth: reads counted as independent, or 1.96 standard errors of three seeds, fail it."""
    timeout_s = TIMEOUTS_S[1]
    intervals = [wrong("stale_ratio", group) for group in groups(summaries[timeout_s], 3)]
    with pytest.raises(AssertionError, match="should"):
        assert_covers(truth("stale_ratio", timeout_s), intervals)
