"""Statistics over replications: a run is one observation, whatever the number of its reads.

Reads between two writes depend on each other, so an interval from counting reads would be far too narrow. Seeds are
independent.
Source: Law, Simulation Modeling and Analysis, on independent replications and common random numbers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ..sim.verdict.metrics import KNOWN

CONFIDENCE = 0.95
PICKS = 200_000  # the most random trials
MOST_SEEDS = 10_000  # that `--seeds` takes


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its confidence interval; `low` and `high` are NaN if there is only one seed."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def known(self) -> bool:
        """Whether there is an interval, which needs two seeds."""
        return self.seeds > 1

    @property
    def excludes_zero(self) -> bool:
        """Whether the seeds show a difference with this interval: it is more than chance."""
        return self.known and not self.low <= 0 <= self.high


def mean_interval(
    values: Iterable[float], least: float = -inf, most: float = inf, confidence: float = CONFIDENCE
) -> Interval:
    """Return the mean of *values* and Student's t interval, cut to what is possible.

    The true mean lies in [*least*, *most*], so cutting the interval to it loses nothing. NaNs (nothing to measure) are
    left out.
    """
    known = np.array([value for value in values if not isnan(value)], dtype=float)
    count = len(known)
    if count == 0:
        return Interval(nan, nan, nan, 0)
    mean = float(known.mean())
    if count == 1:
        return Interval(mean, nan, nan, 1)
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * float(known.std(ddof=1)) / sqrt(count)
    return Interval(mean, max(mean - half, least), min(mean + half, most), count)


def metric_interval(metric: str, values: Iterable[float]) -> Interval:
    """Return the interval of a metric of `cachewise.sim.verdict.metrics`, within the metric's natural limits."""
    return mean_interval(values, *limits(metric))


def limits(metric: str) -> tuple[float, float]:
    """Return the least and the largest value a metric can have."""
    least = -inf if metric.endswith("_saved_ratio") else 0.0  # version queries can cost more than they save
    return least, 1.0 if KNOWN[metric].unit == "ratio" else inf


def paired_difference(
    ours: Mapping[int, float], theirs: Mapping[int, float], confidence: float = CONFIDENCE
) -> Interval:
    """Return *ours* minus *theirs* over the seeds that both have, so that differences in traffic cancel out.

    With the same seed, strategies meet the same requests and latencies (common random numbers).
    """
    differences = (ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys()))
    return mean_interval(differences, confidence=confidence)


def seeds_to_settle(difference: Interval, confidence: float = CONFIDENCE, margin: float = 0.0) -> int | None:
    """Return from about how many seeds on a difference's interval leaves out zero, or lies within *margin* of it.

    Mean and spread are taken to stay as they are: the interval narrows with the square root of the number of seeds.
    None where `MOST_SEEDS` are too few, or where there is no interval. *confidence* is that of the interval.
    """
    if not difference.known:
        return None
    counts = np.arange(difference.seeds + 1, MOST_SEEDS + 1)
    quantile = (1 + confidence) / 2
    half, ran = difference.high - difference.mean, difference.seeds
    spread = half * sqrt(ran) / float(stdtrit(ran - 1, quantile))
    reach = max(abs(difference.mean), margin - abs(difference.mean))
    enough = counts[stdtrit(counts - 1, quantile) * spread / np.sqrt(counts) < reach]
    return int(enough[0]) if len(enough) else None


def exchangeable_range(rows: Sequence[Sequence[float]], confidence: float) -> tuple[float, float]:
    """Return the range of a mean over seeds if the value of each seed is a random one of its row.

    No distribution is assumed. If there are at most `PICKS` ways to pick one value of each row, all are tried,
    otherwise that many random ones. NaNs (nothing to measure) are left out; if a row has only NaNs, the range is NaN.
    Source: Edgington and Onghena, Randomization Tests, on tests by random data permutation.
    """
    table = np.asarray(rows, float)
    total, known = 0.0, 0
    for row, pick in zip(table, _picks(*table.shape), strict=True):
        picked = row[pick]
        total, known = total + np.nan_to_num(picked), known + ~np.isnan(picked)
    means = (total / np.where(known, known, 1))[known > 0]
    if not len(means):
        return nan, nan
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, tail, method="lower"), np.quantile(means, 1 - tail, method="higher")
    return float(low), float(high)


def _picks(rows: int, values: int) -> Iterator[NDArray[np.int64]]:
    """Yield for each row the indices of the values that the trials pick."""
    if values**rows <= PICKS:
        every = np.arange(values**rows)
        yield from (every // values**row % values for row in range(rows))
    else:
        rng = np.random.default_rng(PICKS)
        yield from (rng.integers(values, size=PICKS) for _ in range(rows))


def most_unseen_ratio(trials: int) -> float:
    """Return the largest share that *trials* independent trials miss with 5% probability: about 3 / *trials*.

    Source: Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 1983 (the rule of three).
    """
    return 1 - (1 - CONFIDENCE) ** (1 / trials) if trials else 1.0
