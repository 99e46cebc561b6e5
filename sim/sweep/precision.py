"""Decides how many seeds are enough: a point gets more seeds until its intervals are as narrow as was asked.

A run is one observation and seeds are independent, so the intervals are Student's. To stop at the first interval that
is narrow enough would be wrong: it often comes from a spread that is small by chance, and such intervals miss the truth
too often. Four rules prevent this:

- an interval counts from `FIRST` values on;
- look-ahead: the interval must stay narrow enough for `AHEAD` more seeds, or a tenth of all;
- a skewed figure needs more values for Student's interval, unless its interval is narrow enough many times over;
- fresh seeds: a quarter more seeds follow that did not influence the stop; the interval must still be narrow enough.

A decision after *n* seeds depends only on the values of the seeds 1 to *n*, and it never asks for a seed that may not
be needed. So a point always ends with the same seeds, whatever the order in which runs end and however often they are
interrupted. `make proof` compares the intervals with closed forms.
Source: Hoad, Robinson, Davies, Automated selection of the number of replications for a discrete-event simulation, JORS
2010, on the look-ahead; Cochran, Sampling Techniques, on skewness (25 G1^2 values); Law, Simulation Modeling and
Analysis, on independent replications.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isnan, log10

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, one_line, unknown
from ..verdict.metrics import APP_METRICS, MACHINE_METRICS, METRICS, Metric
from ..world.durations import number, seconds

CONFIDENCE = 0.95
FIRST = 8  # values
AHEAD = 5  # seeds; for more than 50 seeds, a tenth of them
FRESH = 1 / 4  # of the seeds so far
SKEWED = 25.0  # times the squared skewness
MANY_TIMES = 4.0  # an interval so many times narrower than asked is narrow enough even for a skewed figure
ALL_METRICS: Mapping[str, Metric] = {**APP_METRICS, **METRICS}


@dataclass(frozen=True)
class Target:
    """A metric, and how far its 95% interval may reach to either side, in the metric's own unit."""

    metric: str
    half_width: float


def parse_precision(text: str, metrics: Mapping[str, Metric] = ALL_METRICS) -> tuple[Target, ...]:
    """Return the targets in a text such as ``stale_ratio:0.2%,hit_ratio:0.005``; *metrics* are those that runs have.

    Raises:
        UserError: for an unknown figure, one of the machine's speed, or a half-width that is not valid.
    """
    targets = [_target(part.strip(), metrics) for part in text.split(",")]
    names = [target.metric for target in targets]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"precision {one_line(text)!r} names {twice} twice")
    return tuple(targets)


def _target(part: str, metrics: Mapping[str, Metric]) -> Target:
    name, colon, half = (piece.strip() for piece in part.partition(":"))
    if not (name and colon and half):
        raise UserError(f"precision {one_line(part)!r}: it must be FIGURE:HALF, such as stale_ratio:0.002")
    possible = {known: metric for known, metric in metrics.items() if known not in MACHINE_METRICS}
    if name in MACHINE_METRICS:
        raise UserError(f"precision {one_line(part)!r}: {name} is this machine's speed; more seeds do not help there")
    if name not in possible:
        raise unknown("figure", name, possible)
    return Target(name, _half_width(part, half, possible[name]))


def _half_width(part: str, text: str, metric: Metric) -> float:
    is_share = metric.unit == "ratio"
    where = f"precision {one_line(part)!r}"
    if text.endswith("%") and not is_share:
        raise UserError(f"{where}: {metric.name} is not a share; give its half-width in {metric.unit}, without %")
    read = seconds if metric.unit == "s" else number
    half_width = read(where, text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if half_width <= 0:
        raise UserError(f"{where}: the half-width must be above 0")
    if is_share and half_width >= 1:
        raise UserError(f"{where}: {metric.name} is a share, at most 1; for {text} percent write {text}%")
    return half_width


def seeds_wanted(targets: Sequence[Target], values: Mapping[str, Sequence[float]], least: int, most: int) -> int:
    """Return how many seeds a point should have, as far as the values so far can tell.

    *values* has a list for each metric: its values with the seeds 1, 2, ..., or NaN where there was nothing to measure.
    If the answer is larger than the number of values, that many seeds are needed in any case: run them and ask again.
    Otherwise the point is done, with that many of its first seeds.
    """
    tight = np.logical_and.reduce([_tight(values[target.metric], target.half_width) for target in targets])
    loose = FIRST - 1  # the last number of seeds whose interval is not narrow enough
    while True:
        settled = loose + 1 + AHEAD
        while settled - _ahead(settled) <= loose:
            settled += 1
        stretch = tight[loose:settled]
        if not stretch.all():
            loose += int(np.flatnonzero(~stretch)[-1]) + 1
            continue
        wanted = max(least, settled + ceil(settled * FRESH))
        if wanted >= most:
            return most
        if wanted > len(tight) or tight[wanted - 1]:
            return wanted
        loose = wanted


def seeds_at_least(least: int, most: int) -> int:
    """Return the least number of seeds of a point, whatever its targets and values."""
    return seeds_wanted([Target("", inf)], {"": ()}, least, most)


def _ahead(seeds: int) -> int:
    return max(AHEAD, seeds // 10)


def shortfalls(targets: Sequence[Target], values: Mapping[str, Sequence[float]]) -> list[tuple[Target, float]]:
    """Return the targets that all these seeds together do not reach, and the half-widths that they reach instead.

    A half-width is infinite if only one seed had something to measure; if none had, there is no shortfall.
    """
    reached = [(target, half_width(values[target.metric])) for target in targets]
    return [(target, half) for target, half in reached if half > target.half_width]


def shortfall(targets: Sequence[Target], values: Mapping[str, Sequence[float]]) -> str:
    """Return ``stale_ratio ± 0.0031 after 60 seeds (asked: 0.002)`` or the like; "" if the precision was reached."""
    parts = []
    for target, half in shortfalls(targets, values):
        seeds, asked = len(values[target.metric]), f"asked: {target.half_width:.6g}"
        known = sum(not isnan(value) for value in values[target.metric])
        of = "" if known == seeds else f", of which {known} had something to measure"
        said = f"± {_rounded_up(half):.6g}" if half < inf else "without an interval"
        parts.append(f"{target.metric} {said} after {seeds} {'seed' if seeds == 1 else 'seeds'}{of} ({asked})")
    return "; ".join(parts)


def _rounded_up(value: float) -> float:
    """Return *value* rounded up to three figures, so that a value above a limit is also shown above it."""
    unit = 10.0 ** (floor(log10(value)) - 2)
    return ceil(value / unit) * unit


def half_width(values: Sequence[float]) -> float:
    """Return the half-width of the mean's 95% interval; NaN without values, infinite for one. NaNs do not count."""
    return float(_prefixes(values).half[-1]) if len(values) else float("nan")


@dataclass(frozen=True)
class _Prefixes:
    """For the first 1, 2, 3, ... values: how many are known, the half-width of their interval, their skewness."""

    known: NDArray[np.int64]
    half: NDArray[np.float64]
    skewness: NDArray[np.float64]


def _prefixes(values: Sequence[float]) -> _Prefixes:
    """Return the `_Prefixes` of *values*; each entry depends only on the values up to it, to the last bit."""
    from scipy.special import stdtrit

    column = np.asarray(values, float)
    is_known = ~np.isnan(column)
    known = np.cumsum(is_known)
    # Relative to the first value, not to the mean of all: later values must not change how earlier ones are rounded.
    off = np.where(is_known, column - column[is_known.argmax()], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, second, third = (np.cumsum(off**power) / known for power in (1, 2, 3))
        variance = np.maximum(second - mean**2, 0)
        half = stdtrit(known - 1, (1 + CONFIDENCE) / 2) * np.sqrt(variance / (known - 1))
        skewness = (third - 3 * mean * second + 2 * mean**3) / variance**1.5
        skewness *= np.sqrt(known * (known - 1.0)) / (known - 2.0)
    half[known == 1] = inf
    half[known == 0] = np.nan
    skewness[~(variance > 0) | (known < 3)] = 0
    return _Prefixes(known, half, skewness)


def _tight(values: Sequence[float], half_width: float) -> NDArray[np.bool_]:
    """Return for the first 1, 2, 3, ... values whether their interval is narrow enough, or none of them is known."""
    if not len(values):
        return np.empty(0, bool)
    found = _prefixes(values)
    enough = found.known >= np.maximum(FIRST, SKEWED * found.skewness**2)
    many_times = (found.known >= FIRST) & (found.half <= half_width / MANY_TIMES)
    tight: NDArray[np.bool_] = ((found.half <= half_width) & enough) | many_times | (found.known == 0)
    return tight
