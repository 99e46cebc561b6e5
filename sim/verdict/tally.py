"""Figures of judged reads: counts, quantiles and loads, of reads that were kept or of reads that were dropped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .histogram import Histogram
from .records import Column
from .truth import Verdicts

LOAD_BINS = 120
Floats = NDArray[np.float64]
Shares = Sequence[float] | Floats


@dataclass
class Counts:
    """Counts of reads. `oldest_s` is the greatest age of an outdated one; NaN if there was none."""

    reads: int = 0
    hits: int = 0
    wrong: int = 0
    stale: int = 0
    stale_hits: int = 0
    dirty: int = 0
    aborted: int = 0
    versions_behind: int = 0
    most_behind: int = 0
    oldest_s: float = float("nan")

    def add(self, hit: Column, verdicts: Verdicts) -> None:
        """Count more reads."""
        self.reads += len(hit)
        self.hits += int(hit.sum())
        self.wrong += int(verdicts.wrong.sum())
        self.stale += int(verdicts.stale.sum())
        self.stale_hits += int((verdicts.stale & hit).sum())
        self.dirty += int(verdicts.dirty.sum())
        self.aborted += int(verdicts.aborted.sum())
        self.versions_behind += int(verdicts.versions_behind.sum(dtype=np.int64))
        self.most_behind = max(self.most_behind, int(verdicts.versions_behind.max(initial=0)))
        if verdicts.stale.any():
            self.oldest_s = float(np.fmax(self.oldest_s, verdicts.stale_age_s[verdicts.stale].max()))


class Load:
    """How many reads arrived, and how many queries began, in each of `LOAD_BINS` equal bins of the measured time."""

    def __init__(self, start_s: float, measured_s: float) -> None:
        self._edges = np.linspace(start_s, start_s + measured_s, LOAD_BINS + 1)
        self.reads = np.zeros(LOAD_BINS, np.int64)
        self.queries = np.zeros(LOAD_BINS, np.int64)

    def add_reads(self, arrival_s: Floats) -> None:
        """Count reads that arrived then."""
        self.reads += np.histogram(arrival_s, self._edges)[0]

    def add_queries(self, started_s: Floats) -> None:
        """Count queries that began then.

        Queries after the traffic's end belong to the last bin, so that the sum is that of the summary.
        """
        self.queries += np.histogram(np.minimum(started_s, self._edges[-1]), self._edges)[0]


class Kept:
    """Reads that were all kept: every figure is exact."""

    def __init__(self, columns: Mapping[str, Column], verdicts: Verdicts) -> None:
        self.columns = {**columns, **vars(verdicts)}
        self.verdicts = verdicts
        self.counts = Counts()
        self.counts.add(columns["hit"], verdicts)

    @property
    def stale_ages_s(self) -> Floats:
        """The ages of the outdated reads."""
        return self.verdicts.stale_age_s[self.verdicts.stale]

    def response_quantiles_s(self, shares: Shares) -> Floats:
        """Return quantiles of the response times, from the arrivals."""
        return _quantiles(self.columns["end_s"] - self.columns["arrival_s"], shares)

    def stale_age_quantiles_s(self, shares: Shares) -> Floats:
        """Return quantiles of the outdated reads' ages, in seconds."""
        return _quantiles(self.stale_ages_s, shares)


class Tally:
    """Reads that were dropped: counts and loads are exact, quantiles within 0.05%."""

    def __init__(self, load: Load) -> None:
        self.counts = Counts()
        self.load = load
        self._response_s = Histogram()
        self._stale_age_s = Histogram()

    def add(self, columns: Mapping[str, Column], verdicts: Verdicts) -> None:
        """Count more reads."""
        self.counts.add(columns["hit"], verdicts)
        self.load.add_reads(columns["arrival_s"])
        self._response_s.add(columns["end_s"] - columns["arrival_s"])
        self._stale_age_s.add(verdicts.stale_age_s[verdicts.stale])

    def response_quantiles_s(self, shares: Shares) -> Floats:
        """Return quantiles of the response times, from the arrivals."""
        return self._response_s.quantiles(shares)

    def stale_age_quantiles_s(self, shares: Shares) -> Floats:
        """Return quantiles of the outdated reads' ages, in seconds."""
        return self._stale_age_s.quantiles(shares)


def _quantiles(values: Floats, shares: Shares) -> Floats:
    return np.asarray(np.quantile(values, shares)) if len(values) else np.full(len(shares), np.nan)
