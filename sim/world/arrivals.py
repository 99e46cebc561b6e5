"""Arrivals: when requests come. Reads and writes follow one shape.

On average, the mean rate is that of the scenario: with ``bursts`` over many bursts, with ``daily`` over whole periods.
The requests of a flash crowd come on top.

==============================  ==================================================================================
``poisson``                     independent arrivals at a constant rate
``bursts:FACTOR:ON_S:OFF_S``    bursts of FACTOR times the mean rate; the lengths of bursts and calms are exponential
                                with means ON_S and OFF_S; the calm rate is lowered to keep the mean rate
``daily:AMPLITUDE:PERIOD_S``    rate times 1 + AMPLITUDE sin(2 pi t / PERIOD_S), from the end of the warm-up
``flash:FACTOR:AT_S:DECAY_S``   a flash crowd AT_S after the warm-up: the rate jumps to FACTOR times and falls back
                                exponentially with time constant DECAY_S; the extra requests come on top
==============================  ==================================================================================

Non-constant shapes are drawn exactly, by thinning a Poisson process at the peak rate.
Source: Lewis and Shedler, Simulation of nonhomogeneous Poisson processes by thinning, 1979.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .specs import parse_spec, require, write_spec

FORMS = {
    "poisson": (),
    "bursts": ("FACTOR", "ON_S", "OFF_S"),
    "daily": ("AMPLITUDE", "PERIOD_S"),
    "flash": ("FACTOR", "AT_S", "DECAY_S"),
}
Times = NDArray[np.float64]


@dataclass(frozen=True)
class RateShape:
    """How the rate changes over time, as a multiple of the mean rate: the largest one, and the one at given times."""

    peak: float
    relative: Callable[[Times], Times] | None = None  # None: constant


def parse_arrivals(spec: str) -> tuple[str, tuple[float, ...]]:
    """Return (form, numbers) of an arrivals spec.

    Raises:
        UserError: for anything that is not a valid arrival process.
    """
    name, numbers = parse_spec("arrivals", spec, FORMS)
    where = f"arrivals={spec!r}"
    require(max(numbers, default=0) <= 1e9, f"{where}: numbers must be at most 1,000,000,000")
    if name == "bursts":
        factor, on_s, off_s = numbers
        require(min(on_s, off_s) >= 1e-3, f"{where}: ON_S and OFF_S must be at least 0.001")
        require(factor >= 1, f"{where}: FACTOR must be at least 1")
        most = (on_s + off_s) / on_s
        require(factor <= most, f"{where}: FACTOR must be at most {most:g}, or the calm rate would be negative")
    elif name == "daily":
        require(0 <= numbers[0] <= 1, f"{where}: AMPLITUDE must lie between 0 and 1")
        require(numbers[1] >= 1e-3, f"{where}: PERIOD_S must be at least 0.001")
    elif name == "flash":
        require(1 <= numbers[0] <= 1e6, f"{where}: FACTOR must lie between 1 and 1,000,000")
        require(numbers[1] >= 0, f"{where}: AT_S must not be negative")
        require(numbers[2] >= 1e-3, f"{where}: DECAY_S must be at least 0.001")
    return name, numbers


def plain_arrivals(spec: str) -> str:
    """Return an arrivals spec with all times in seconds: equal ones are written alike.

    Raises:
        UserError: for anything that is not a valid arrival process.
    """
    return write_spec(*parse_arrivals(spec))


def rate_shape(spec: str, warmup_s: float, end_s: float, rng: np.random.Generator) -> RateShape:
    """Return the shape of the rate over a run of *end_s* seconds."""
    name, numbers = parse_arrivals(spec)
    if name == "bursts":
        factor, on_s, off_s = numbers
        return _bursts(factor, on_s, off_s, end_s, rng)
    if name == "daily":
        amplitude, period_s = numbers
        return RateShape(1 + amplitude, lambda t: 1 + amplitude * np.sin(2 * np.pi * (t - warmup_s) / period_s))
    if name == "flash":
        factor, at_s, decay_s = numbers
        return _flash(factor, at_s, decay_s, warmup_s)
    return RateShape(1.0)


def _bursts(factor: float, on_s: float, off_s: float, end_s: float, rng: np.random.Generator) -> RateShape:
    calm = (on_s + off_s - factor * on_s) / off_s
    pairs = int(end_s / (on_s + off_s) * 1.5) + 20
    starts_with_burst = bool(rng.random() < on_s / (on_s + off_s))  # stationary from the first second on
    means = (on_s, off_s) if starts_with_burst else (off_s, on_s)
    switches = np.cumsum(rng.exponential(means, (pairs, 2)).ravel())
    while switches[-1] < end_s:
        more = np.cumsum(rng.exponential(means, (pairs, 2)).ravel())
        switches = np.concatenate([switches, switches[-1] + more])
    rates = np.array([factor, calm] if starts_with_burst else [calm, factor])
    return RateShape(factor, lambda t: rates[np.searchsorted(switches, t, side="right") % 2])


def _flash(factor: float, at_s: float, decay_s: float, warmup_s: float) -> RateShape:
    jump_s = warmup_s + at_s

    def relative(t: Times) -> Times:
        since = np.maximum(t - jump_s, 0.0)
        return np.where(t < jump_s, 1.0, 1 + (factor - 1) * np.exp(-since / decay_s))

    return RateShape(factor, relative)


class Arrivals:
    """One stream of arrival times, drawn in blocks and handed out up to a given instant."""

    BLOCK = 8192

    def __init__(self, rate_per_s: float, shape: RateShape, end_s: float, rng: np.random.Generator) -> None:
        self._peak_per_s = rate_per_s * shape.peak
        self._shape = shape
        self._end_s = end_s
        self._rng = rng
        self._drawn_to_s = 0.0 if rate_per_s else np.inf
        self._left = np.empty(0)

    def surely_from(self, from_s: float) -> int:
        """Return how many arrivals there are at least from *from_s* on, known before any is drawn.

        This is ten standard deviations below the mean, which no seed falls short of. Where the rate varies, it is 0,
        as the number of arrivals then varies more.
        """
        if self._shape.relative is not None:
            return 0
        mean = self._peak_per_s * (self._end_s - from_s)
        return max(0, int(mean - 10 * math.sqrt(mean)))

    def until(self, limit_s: float) -> Times:
        """Return the arrival times before *limit_s* that were not yet handed out, ascending."""
        blocks = [self._left]
        while self._drawn_to_s < min(limit_s, self._end_s):
            blocks.append(self._block())
        times = np.concatenate(blocks) if len(blocks) > 1 else self._left
        cut = int(np.searchsorted(times, limit_s))
        self._left = times[cut:]
        return times[:cut]

    def _block(self) -> Times:
        # A block ends at the last candidate drawn, so the draws do not depend on how much callers ask for at a time.
        times = self._drawn_to_s + np.cumsum(self._rng.exponential(1 / self._peak_per_s, self.BLOCK))
        self._drawn_to_s = float(times[-1])
        if self._shape.relative is not None:
            keep = self._rng.random(self.BLOCK) * self._shape.peak < self._shape.relative(times)
            times = times[keep]
        return times[times < self._end_s]
