"""Percentiles of response times through an HDR histogram: every value counts, to three significant figures."""

from collections.abc import Iterable
from typing import Any

LEAST_US, MOST_US, FIGURES = 1, 3_600_000_000, 3  # from a microsecond to an hour


def percentiles(seconds: Iterable[float], *which: float) -> list[float]:
    """Return the percentiles *which* (50, 99.9 …) of *seconds*; NaN if there are none.

    Source: HdrHistogram by Gil Tene, as the package `hdrhistogram`.
    """
    from hdrh.histogram import HdrHistogram

    histogram: Any = HdrHistogram(LEAST_US, MOST_US, FIGURES)
    for value in seconds:
        histogram.record_value(min(max(LEAST_US, round(value * 1e6)), MOST_US))
    if not histogram.get_total_count():
        return [float("nan")] * len(which)
    return [histogram.get_value_at_percentile(one) / 1e6 for one in which]
