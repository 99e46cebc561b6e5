"""Quantiles of more durations than memory can hold."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# A bucket holds the numbers with the same exponent and first ten binary digits: its ends are less than 0.1% apart.
DIGITS = 10
SHIFT = 52 - DIGITS


class Histogram:
    """Counts of durations in buckets. Quantiles are exact within 0.05%; zero, the least and the largest are exact.

    Buckets are cut from the bits of the numbers, not from their logarithms, so that every machine gives the same.
    """

    def __init__(self) -> None:
        self.count = 0
        self.least = float("nan")
        self.largest = float("nan")
        self._buckets: Counter[int] = Counter()

    def add(self, values: Floats) -> None:
        """Count *values*, none of which is negative."""
        if len(values):
            self.count += len(values)
            self.least = float(np.fmin(self.least, values.min()))
            self.largest = float(np.fmax(self.largest, values.max()))
            buckets, counts = np.unique(values.view(np.int64) >> SHIFT, return_counts=True)
            self._buckets.update(dict(zip(buckets.tolist(), counts.tolist(), strict=True)))

    def quantiles(self, shares: Sequence[float] | Floats) -> Floats:
        """Return the quantiles at *shares*, interpolated as numpy's are; NaN if nothing was counted."""
        if not self.count:
            return np.full(len(shares), np.nan)
        place = np.asarray(shares) * (self.count - 1)
        below = np.floor(place)
        low, high = self._ranked(below), self._ranked(np.ceil(place))
        return np.asarray(low + (high - low) * (place - below))

    def _ranked(self, places: Floats) -> Floats:
        """Return the values at *places* in ascending order (the first is 0); each is the middle of its bucket."""
        buckets = np.array(sorted(self._buckets), np.int64)
        up_to = np.cumsum([self._buckets[bucket] for bucket in buckets.tolist()])
        middles = np.where(buckets, (buckets << SHIFT) + (1 << SHIFT - 1), 0).view(np.float64)
        return np.clip(middles, self.least, self.largest)[np.searchsorted(up_to, places, side="right")]
