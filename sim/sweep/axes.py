"""Parses axes as users type them: ``timeout=20s,1m,5m``, ``writes_per_s=log:0.1:100:7``, ``xfetch:beta=1|2|4``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UserError, one_line
from ..world.durations import is_time, number, plain, seconds
from ..world.scenario import DEFAULTS, is_count, plain_text
from .found import Axis, Value

SPREADS: dict[str, Callable[..., Any]] = {"lin": np.linspace, "log": np.geomspace}
NONE = ("none", "null")
MOST_VALUES = 10_000  # of one axis
DIGITS = 6  # of the computed values between FROM and TO


@dataclass(frozen=True)
class Vary:
    """One ``--vary``: the axis, and the text of each of its values, in the same order, times in seconds.

    `strategy` is the strategy whose parameter varies, as `--strategy` takes it; "" for a field of the scenario or the
    timeout.
    """

    axis: Axis
    texts: tuple[str, ...]
    strategy: str = ""
    param: str = ""


def parse_vary(text: str) -> Vary:
    """Parse the text of a ``--vary``.

    Raises:
        UserError: if it is not ``NAME=VALUES``, or for a spread that is not valid.
    """
    name, equals, said = (part.strip() for part in text.partition("="))
    where = f"--vary {one_line(text)}"
    if not (name and equals and said):
        raise UserError(f"{where}: write NAME=VALUE,VALUE,... or NAME=log:FROM:TO:COUNT (or lin:)")
    strategy, _, param = name.rpartition(":")
    spread = said.partition(":")[0]
    texts = _spread(where, name, said) if spread in SPREADS else _listed(said)
    if not texts or not all(texts):
        raise UserError(f"{where}: a value is missing")
    texts = [_plain(where, name, one) for one in texts]
    values = {one: _value(one) for one in texts}
    if len(set(values.values())) < len(texts):
        raise UserError(f"{where}: a value occurs twice")
    ordered = sorted(texts, key=lambda one: _order(values[one], texts.index(one)))
    axis = Axis(name, tuple(values[one] for one in ordered), log=_is_log(spread, [*values.values()]))
    return Vary(axis, tuple(ordered), strategy, param)


def _listed(said: str) -> list[str]:
    """Split at commas or, if there are any, at bars: they separate values that have commas in them."""
    return [part.strip() for part in said.split("|" if "|" in said else ",")]


def _spread(where: str, name: str, said: str) -> list[str]:
    kind, *parts = said.split(":")
    if len(parts) != 3:
        raise UserError(f"{where}: write {kind}:FROM:TO:COUNT")
    end = seconds if is_time(name.rpartition(":")[2]) else number
    low, high, count = end(where, parts[0]), end(where, parts[1]), number(where, parts[2])
    if not (count.is_integer() and 2 <= count <= MOST_VALUES):
        raise UserError(f"{where}: COUNT must be a whole number, 2 to {MOST_VALUES:,}")
    if not low < high:
        raise UserError(f"{where}: FROM must be below TO")
    if kind == "log" and low <= 0:
        raise UserError(
            f"{where}: FROM must be above 0, as log: spreads values by their logarithm (lin: spreads them evenly)"
        )
    texts = [f"{value:.{DIGITS}g}" for value in SPREADS[kind](low, high, int(count))]
    texts[0], texts[-1] = (plain(low), plain(high)) if end is seconds else (parts[0].strip(), parts[1].strip())
    if is_count(name):
        texts = [f"{round(float(one))}" for one in texts]
    return list(dict.fromkeys(texts))


def _plain(where: str, name: str, text: str) -> str:
    """Return a value's text with its times in seconds: the same point of a sweep has the same text."""
    if name in DEFAULTS:
        return text if text.lower() in NONE else plain_text(name, text)
    if not is_time(name.rpartition(":")[2]) or text.lower() in NONE:
        return text
    return plain(seconds(where, text))


def _value(text: str) -> Value:
    if text.lower() in NONE:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _order(value: Value, place: int) -> tuple[int, float]:
    """Return a sort key: numbers come first, in ascending order, then other values in the order typed."""
    return (0, value) if isinstance(value, float) else (1, place)


def _is_log(spread: str, values: Sequence[Value]) -> bool:
    """Return whether a logarithmic scale shows the values best.

    It does for ``log:``. For a list of three or more numbers it does if all are above 0 and the largest step is at
    least ten times the smallest.
    """
    numbers = sorted(value for value in values if isinstance(value, float))
    if spread in SPREADS or len(numbers) < 3 or len(numbers) < len(values) or numbers[0] <= 0:
        return spread == "log"
    steps = np.diff(numbers)
    return bool(steps.max() >= 10 * steps.min())


def fields_of(varies: Sequence[Vary]) -> list[str]:
    """Return the fields of the scenario that vary."""
    return [one.axis.name for one in varies if not one.strategy and one.axis.name in DEFAULTS]
