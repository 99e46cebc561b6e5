"""Popularity: how requests are spread over the keys."""

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .specs import parse_spec, require

FORMS = {"uniform": (), "zipf": ("ALPHA",), "hotspot": ("SHARE_OF_KEYS", "SHARE_OF_TRAFFIC"), "same": ()}


def parse_popularity(field: str, spec: str) -> tuple[str, tuple[float, ...]]:
    """Return (form, numbers) of a popularity spec.

    Raises:
        UserError: for anything that is not a valid popularity.
    """
    name, numbers = parse_spec(field, spec, FORMS)
    if name == "same" and field != "write_popularity":
        raise UserError(f"{field}='same' only makes sense for write_popularity (the same as the reads)")
    require(min(numbers, default=0) >= 0, f"{field}={spec!r}: the numbers must not be negative")
    if name == "zipf":
        require(numbers[0] <= 20, f"{field}={spec!r}: ALPHA must lie between 0 and 20")
    if name == "hotspot":
        require(0 < numbers[0] < 1, f"{field}={spec!r}: SHARE_OF_KEYS must lie between 0 and 1")
        require(numbers[1] <= 1, f"{field}={spec!r}: SHARE_OF_TRAFFIC must lie between 0 and 1")
    return name, numbers


def key_shares(field: str, spec: str, keys: int) -> NDArray[np.float64]:
    """Return each key's share of the traffic, hottest first: shape (keys,), sum 1."""
    name, numbers = parse_popularity(field, spec)
    if name == "zipf":
        weights = np.arange(1, keys + 1) ** -numbers[0]
    elif name == "hotspot":
        hot = min(max(1, round(numbers[0] * keys)), keys)
        share = numbers[1] if hot < keys else 1.0
        weights = np.full(keys, (1 - share) / max(1, keys - hot))
        weights[:hot] = share / hot
    else:
        weights = np.ones(keys)
    return np.asarray(weights / weights.sum())


class KeySampler:
    """Draws key codes by inverting the cumulative shares."""

    def __init__(self, shares: NDArray[np.float64], rng: np.random.Generator) -> None:
        self._cumulative = np.cumsum(shares)
        self._cumulative[-1] = 1.0  # rounding must not push a draw past the last key
        self._rng = rng

    def draw(self, count: int) -> NDArray[np.int32]:
        """Return *count* key codes, shape (count,)."""
        if len(self._cumulative) == 1:
            return np.zeros(count, np.int32)
        return np.searchsorted(self._cumulative, self._rng.random(count), side="right").astype(np.int32)
