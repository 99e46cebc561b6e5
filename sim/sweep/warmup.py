"""Detects a warm-up that was too short: the beginning of the measured time then differs from the rest.

The method is MSER-5 on the queries per read, summed over the seeds of a point. It cuts off batches of five bins at the
front until the rest gives the narrowest interval. MSER-5 always finds such a place, even in noise. So a warm-up is only
reported if the beginning differs from the rest by more than chance, and by so much that the figure of the whole
measured time is wrong by `MATTERS` or more.
Source: White, An effective truncation heuristic for bias reduction in simulation output, Simulation 1997; Franklin and
White, Stationarity tests and MSER-5, Winter Simulation Conference 2008.
"""

from collections.abc import Sequence
from math import ceil, floor, inf, log10, sqrt

import numpy as np
from numpy.typing import NDArray

from ..experiment import Outcome
from ..verdict.tally import LOAD_BINS
from ..world.arrivals import parse_arrivals

BINS_A_BATCH = 5
MATTERS = 0.02  # as a share of the queries per read without the beginning
CHANCE = 0.0005  # how often chance alone may cause a report, at one place
FEW = 50  # with fewer queries of all seeds together, nothing is reported
STANDS_OUT = 1.5  # the beginning must differ so many times more than any stretch of the rest
A_TREND = 0.5  # a trend counts if it explains this share of the variance in the rest; by chance it seldom does
SEEDS_ENOUGH = 5  # so many seeds show how large chance is; with fewer, the batches do
Batches = NDArray[np.float64]  # one row a seed, one column a batch


def short_warmup(outcomes: Sequence[Outcome]) -> str | None:
    """Return a line if the warm-up of these runs, one a seed of one point, was too short; else None.

    If arrivals follow a day, a flash crowd, bursts or a trace, there is no steady state to wait for: it is None.
    """
    scenario, measured_s = outcomes[0].run.scenario, outcomes[0].measured_s
    if scenario.trace is not None or parse_arrivals(scenario.arrivals)[0] != "poisson":
        return None
    queries = _batches([outcome.db_queries_per_s for outcome in outcomes])
    reads = _batches([outcome.reads_per_s for outcome in outcomes])
    if queries.sum() * measured_s / queries.shape[1] < FEW or not reads.sum(axis=0).all():
        return None  # too little traffic to tell
    cut = _truncation(queries.sum(axis=0) / reads.sum(axis=0))
    if cut == 0:
        return None
    first, rest, whole = (_per_read(queries, reads, part) for part in (slice(cut), slice(cut, None), slice(None)))
    matters = abs(whole - rest) >= MATTERS * rest and not _comes_again(queries.sum(axis=0) / reads.sum(axis=0), cut)
    if not (matters and _beyond_chance(queries, reads, cut)):
        return None
    return _line(scenario.warmup_s, measured_s, cut / queries.shape[1], first / rest if rest else inf)


def _batches(rates: Sequence[NDArray[np.float64]]) -> Batches:
    batches: Batches = np.array(rates).reshape(len(rates), LOAD_BINS // BINS_A_BATCH, BINS_A_BATCH).mean(axis=2)
    return batches


def _per_read(queries: Batches, reads: Batches, part: slice) -> float:
    return float(queries[:, part].sum() / reads[:, part].sum())


def _truncation(series: NDArray[np.float64]) -> int:
    """Return how many values MSER cuts off at the front, at most half of them."""
    count = len(series)
    errors = [series[cut:].var() / (count - cut) for cut in range(count // 2 + 1)]
    return int(np.argmin(errors))


def _comes_again(series: NDArray[np.float64], cut: int) -> bool:
    """Return whether some stretch of the rest differs from its mean by nearly as much as the beginning does.

    Hot keys under a timeout do this: they expire together, again and again, in all seeds at the same times.
    """
    rest = series[cut:]
    stretch = min(cut, len(rest) // 3)
    means = np.convolve(rest, np.full(stretch, 1 / stretch), "valid")
    return bool(STANDS_OUT * np.abs(means - rest.mean()).max() >= abs(series[:cut].mean() - rest.mean()))


def _beyond_chance(queries: Batches, reads: Batches, cut: int) -> bool:
    """Return whether the first *cut* batches differ from the rest by more than chance explains."""
    from scipy.special import stdtrit

    if len(queries) >= SEEDS_ENOUGH:
        parts = [queries[:, part].sum(axis=1) / reads[:, part].sum(axis=1) for part in (slice(cut), slice(cut, None))]
        differences = parts[0] - parts[1]
        off, error, freedom = differences.mean(), differences.std(ddof=1) / sqrt(len(queries)), len(queries) - 1.0
    else:
        series = queries.sum(axis=0) / reads.sum(axis=0)
        rest = _around(series[cut:], series[:cut].mean() - series[cut:].mean())
        # Neighbouring batches are correlated, so they are worth fewer independent ones.
        again = max(0.0, float((rest[1:] * rest[:-1]).sum() / (rest**2).sum())) if rest.any() else 0.0
        worth = (1 - again) / (1 + again)
        off, freedom = series[:cut].mean() - series[cut:].mean(), max(1.0, len(rest) * worth - 1)
        error = rest.std(ddof=1) * sqrt((1 / cut + 1 / len(rest)) / worth)
    return bool(abs(off) > stdtrit(freedom, 1 - CHANCE / 2) * error)


def _around(rest: NDArray[np.float64], off: float) -> NDArray[np.float64]:
    """Return the differences of *rest* from its mean or, if it still settles, from its trend.

    It still settles if the trend goes on in the direction away from the beginning, which differs by *off*. A trend is
    not chance: if it counted as scatter, a warm-up that is much too short would hide itself.
    """
    places = np.arange(len(rest)) - (len(rest) - 1) / 2
    slope = float((places * rest).sum() / (places**2).sum())
    around: NDArray[np.float64] = rest - rest.mean()
    left: NDArray[np.float64] = around - slope * places
    settles = slope * off < 0 and (left**2).sum() < (1 - A_TREND) * (around**2).sum()
    return left if settles else around


def _line(warmup_s: float, measured_s: float, share: float, times: float) -> str:
    early_s = share * measured_s
    was = f"the warm-up of {_seconds(warmup_s)} was too short" if warmup_s else "a warm-up is missing"
    first = f"the first {_seconds(early_s)}{' after it' if warmup_s else ''} asked the database"
    often = f"{times:.2g} times as often as the rest" if times < inf else "and the rest did not"
    then = "would leave them out" if share < 1 / 2 else "or more is needed"
    return f"{was}: {first} {often}; warmup_s={_rounded_up(warmup_s + early_s):.12g} {then}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 100 else f"{seconds:.3g} s"


def _rounded_up(seconds: float) -> float:
    """Return *seconds* rounded up to two figures."""
    unit = 10.0 ** (floor(log10(seconds)) - 1)
    return ceil(round(seconds / unit, 6)) * unit
