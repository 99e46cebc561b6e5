"""Latencies: the n-th latency of request i is a function of (seed, purpose, i, n), and of nothing else.

Each distribution is drawn once, into a shuffled table of equally likely strata. So the distribution of the table is
right to within 1/65,536, and one more cache miss does not shift any later draw.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .durations import seconds
from .specs import parse_spec, require, write_spec

LatencyOf = Callable[[int, int], float]
MOST_VALUES = 2048  # of a measured distribution
FORMS = {"exponential": ("MEAN_S",), "lognormal": ("MEDIAN_S", "SIGMA"), "uniform": ("LOW_S", "HIGH_S")}
MOST = 1_000_000  # seconds: eleven days
TABLE_SIZE = 1 << 16
# The table is shuffled, so neighbouring requests can take neighbouring entries, which are near in memory, too. The
# draws of one request lie far apart.
NTH_STRIDE = 0x85EB


@dataclass(frozen=True)
class Empirical:
    """A measured latency: `values_s` in ascending order, each as likely as the others.

    Another number as *table* gives other draws from the same values; all other draws of the run stay the same.

    Raises:
        UserError: for values that cannot be latencies.
    """

    values_s: tuple[float, ...]
    table: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        values = self.values_s
        require(bool(values), "a measured latency needs at least one value")
        require(values[0] >= 0 and values[-1] <= MOST, f"measured latencies must lie between 0 and {MOST:,}")
        require(all(a <= b for a, b in pairwise(values)), "measured latencies must be in ascending order")

    @classmethod
    def of(cls, sample_s: NDArray[np.float64]) -> "Empirical":
        """Return the distribution of *sample_s*; a large sample is cut into equal shares, each replaced by its mean.

        This keeps the mean of the whole, which quantiles would not do for a long tail.
        """
        ordered = np.sort(sample_s)
        if len(ordered) > MOST_VALUES:
            sums, cuts = np.concatenate([[0.0], np.cumsum(ordered)]), np.linspace(0, len(ordered), MOST_VALUES + 1)
            shares = np.diff(np.interp(cuts, np.arange(len(sums)), sums)) * (MOST_VALUES / len(ordered))
            ordered = np.maximum.accumulate(np.clip(shares, ordered[0], ordered[-1]))  # this only mends rounding
        return cls(tuple(ordered.tolist()))

    def __str__(self) -> str:
        """Return the text for a table of inputs."""
        median = self.values_s[len(self.values_s) // 2]
        return f"measured: {len(self.values_s):,} values, median {median:.3g}"


@dataclass(frozen=True)
class Sum:
    """Two latencies in a row: the planned one, and the time that the machine took besides."""

    planned: "Latency"
    besides: Empirical

    def __str__(self) -> str:
        """Return the text for a table of inputs."""
        return f"{self.planned}, plus {self.besides}"


Latency = float | str | Empirical | Sum


def parse_latency(field: str, spec: Latency) -> tuple[str, tuple[float, ...]]:
    """Return (form, numbers in seconds) of a latency spec; a plain number or duration is ``constant``.

    Raises:
        UserError: for anything that is not a valid latency.
    """
    if isinstance(spec, Sum):
        raise TypeError("a sum has two forms: parse its parts")
    if isinstance(spec, Empirical):
        return "empirical", spec.values_s
    if not isinstance(spec, str) or (":" not in spec and spec not in FORMS):
        value = seconds(field, spec)
        require(0 <= value <= MOST, f"{field}={value:g} must lie between 0 and {MOST:,}")
        return "constant", (value,)
    name, numbers = parse_spec(field, spec, FORMS)
    require(min(numbers) >= 0 and max(numbers) <= MOST, f"{field}={spec!r}: numbers must lie between 0 and {MOST:,}")
    require(name != "lognormal" or numbers[1] <= 3, f"{field}={spec!r}: SIGMA must be at most 3")
    require(name != "uniform" or numbers[0] <= numbers[1], f"{field}={spec!r}: LOW_S is above HIGH_S")
    return name, numbers


def plain_latency(field: str, spec: Latency) -> Latency:
    """Return a latency with all times in seconds, a constant as a number: equal ones are written alike.

    Raises:
        UserError: for what is no latency.
    """
    if isinstance(spec, Sum):
        plain_latency(field, spec.planned)
        return spec
    name, numbers = parse_latency(field, spec)
    if isinstance(spec, Empirical):
        return spec
    return numbers[0] if name == "constant" else write_spec(name, numbers)


def mean_latency_s(field: str, spec: Latency) -> float:
    """Return the mean of a latency spec, in seconds."""
    if isinstance(spec, Sum):
        return mean_latency_s(field, spec.planned) + mean_latency_s(field, spec.besides)
    name, numbers = parse_latency(field, spec)
    if name == "lognormal":
        return numbers[0] * float(np.exp(numbers[1] ** 2 / 2))
    return sum(numbers) / len(numbers)


def latency_of(field: str, spec: Latency, seed: np.random.SeedSequence) -> LatencyOf | None:
    """Return a function from (request id, n) to seconds, or None if the latency is always zero."""
    if isinstance(spec, Sum):
        return _sum(field, spec, seed)
    name, numbers = parse_latency(field, spec)
    if not any(numbers) or (name == "lognormal" and numbers[0] == 0):
        return None
    if name == "constant":
        return lambda _request, _nth, constant=numbers[0]: constant  # type: ignore[misc]
    rng = np.random.default_rng(_apart(seed, spec.table) if isinstance(spec, Empirical) else seed)
    table = _quantiles(name, numbers, (np.arange(TABLE_SIZE) + rng.random(TABLE_SIZE)) / TABLE_SIZE)
    rng.shuffle(table)
    draws = table.tolist()

    def draw(request: int, nth: int) -> float:
        seconds: float = draws[(request + nth * NTH_STRIDE) & (TABLE_SIZE - 1)]
        return seconds

    return draw


def _sum(field: str, spec: Sum, seed: np.random.SeedSequence) -> LatencyOf | None:
    """Return the draws of a sum; those of the planned part are the same as without the other part."""
    planned = latency_of(field, spec.planned, seed)
    besides = latency_of(field, spec.besides, _apart(seed, 0))
    if planned is None or besides is None:
        return planned or besides
    return lambda request, nth: planned(request, nth) + besides(request, nth)


def _apart(seed: np.random.SeedSequence, nth: int) -> np.random.SeedSequence:
    """Return the nth of the seeds below *seed*, which are independent of it and of each other."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, nth))


def _quantiles(name: str, numbers: tuple[float, ...], u: NDArray[np.float64]) -> NDArray[np.float64]:
    if name == "exponential":
        return -numbers[0] * np.log1p(-u)
    if name == "empirical":
        return np.asarray(numbers)[(u * len(numbers)).astype(np.int64)]
    if name == "uniform":
        return numbers[0] + (numbers[1] - numbers[0]) * u
    from scipy.special import ndtri  # a lognormal is the only form that needs SciPy

    return np.asarray(numbers[0] * np.exp(numbers[1] * ndtri(u)))
