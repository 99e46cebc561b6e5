"""Latencies: the n-th latency of request i is a function of (seed, purpose, i, n), and of nothing else.

Each distribution is drawn once into a shuffled table of equally likely strata, so that the table's own
distribution is the asked one to within 1/65,536 and one extra cache miss shifts no later draw.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sim.specs import number, parse_spec, require

LatencyOf = Callable[[int, int], float]
FORMS = {"exponential": ("MEAN_S",), "lognormal": ("MEDIAN_S", "SIGMA"), "uniform": ("LOW_S", "HIGH_S")}
MOST = 1_000_000  # seconds: eleven days
TABLE_SIZE = 1 << 16
# The table is shuffled, so neighbouring requests may take neighbouring entries (which are near in memory, too); a
# request's own draws lie far apart.
NTH_STRIDE = 0x85EB


def parse_latency(field: str, spec: float | str) -> tuple[str, tuple[float, ...]]:
    """Return (form, numbers in seconds) of a latency spec; a plain number is ``constant``.

    Raises:
        UserError: for anything that is not a valid latency.
    """
    if not isinstance(spec, str) or (":" not in spec and spec not in FORMS):
        value = number(field, spec)
        require(0 <= value <= MOST, f"{field}={value:g} must lie between 0 and {MOST:,}")
        return "constant", (value,)
    name, numbers = parse_spec(field, spec, FORMS)
    require(min(numbers) >= 0 and max(numbers) <= MOST, f"{field}={spec!r}: numbers must lie between 0 and {MOST:,}")
    require(name != "lognormal" or numbers[1] <= 3, f"{field}={spec!r}: SIGMA must be at most 3")
    require(name != "uniform" or numbers[0] <= numbers[1], f"{field}={spec!r}: LOW_S is above HIGH_S")
    return name, numbers


def mean_latency_s(field: str, spec: float | str) -> float:
    """Return the mean of a latency spec, in seconds."""
    name, numbers = parse_latency(field, spec)
    if name == "lognormal":
        return numbers[0] * float(np.exp(numbers[1] ** 2 / 2))
    return sum(numbers) / len(numbers)


def latency_of(field: str, spec: float | str, seed: np.random.SeedSequence) -> LatencyOf | None:
    """Return a function (request id, n) to seconds, or None where the latency is always zero."""
    name, numbers = parse_latency(field, spec)
    if not any(numbers) or (name == "lognormal" and numbers[0] == 0):
        return None
    if name == "constant":
        return lambda _request, _nth, constant=numbers[0]: constant  # type: ignore[misc]
    rng = np.random.default_rng(seed)
    table = _quantiles(name, numbers, (np.arange(TABLE_SIZE) + rng.random(TABLE_SIZE)) / TABLE_SIZE)
    rng.shuffle(table)
    draws = table.tolist()

    def draw(request: int, nth: int) -> float:
        seconds: float = draws[(request + nth * NTH_STRIDE) & (TABLE_SIZE - 1)]
        return seconds

    return draw


def _quantiles(name: str, numbers: tuple[float, ...], u: NDArray[np.float64]) -> NDArray[np.float64]:
    if name == "exponential":
        return -numbers[0] * np.log1p(-u)
    if name == "uniform":
        return numbers[0] + (numbers[1] - numbers[0]) * u
    from scipy.special import ndtri  # a lognormal is the only form that needs SciPy

    return np.asarray(numbers[0] * np.exp(numbers[1] * ndtri(u)))
