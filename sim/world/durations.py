"""Numbers and durations as people write them: ``10m``, ``1h30m``, ``112 µs``; a plain number is seconds."""

import math
import re
from decimal import Decimal
from itertools import pairwise

from ..errors import UserError, one_line

UNITS = {
    "us": Decimal("0.000001"),
    "µs": Decimal("0.000001"),
    "μs": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86_400),
}
# Words that are not units here, but surely mean one.
MEANT = {
    **dict.fromkeys(("usec", "usecs", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
}
PART = re.compile(r"\s*((?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?)\s*([^\W\d_]+)\s*")
SUCH_AS = "seconds, or such as 250ms, 10m or 2h"


def number(where: str, text: object) -> float:
    """Return *text* as a finite float, or raise a `UserError` that begins with *where*."""
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where}: {one_line(text)!r} is not a number") from None
    if not math.isfinite(value):
        raise UserError(f"{where}: {one_line(text)} is not a finite number")
    return value


def seconds(where: str, text: object) -> float:
    """Return a duration in seconds; *where* is the beginning of an error's message.

    The result is exactly the float of the same number of seconds: ``0.6ms`` is ``0.0006``.

    Raises:
        UserError: for a text that is neither a finite number nor a duration, with what was probably meant.
    """
    if not isinstance(text, str) or _is_number(text):
        return number(where, text)
    sign, parts = _parts(text)
    sizes = [UNITS.get(unit) for _, unit in parts]
    known = [size for size in sizes if size is not None]
    if not parts or len(known) < len(sizes) or any(a <= b for a, b in pairwise(known)):
        raise UserError(f"{where}: {one_line(text)!r} is not a duration; write {_meant(sign, parts) or SUCH_AS}")
    total = sum((Decimal(count) * size for (count, _), size in zip(parts, known, strict=True)), Decimal(0))
    return number(where, f"{sign}{total}")


def plain(value: float) -> str:
    """Return a number in plain digits, without any loss: ``600``, ``0.0006``."""
    return repr(float(value)).removesuffix(".0")


def is_time(name: str) -> bool:
    """Return whether a value of this name is in seconds: a timeout, or a name in ``_s``, but not in ``_per_s``."""
    return name == "timeout" or (name.endswith("_s") and not name.endswith("_per_s"))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parts(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the sign, and each number with the word after it; no parts if the text has anything else."""
    stripped = text.strip()
    sign = stripped[:1] if stripped[:1] in ("-", "+") else ""
    found, place = [], len(sign)
    while part := PART.match(stripped, place):
        found.append((part[1], part[2]))
        place = part.end()
    return sign, found if place == len(stripped) else []


def _meant(sign: str, parts: list[tuple[str, str]]) -> str:
    """Return what was probably meant, in the right form; "" if that cannot be guessed."""
    units = [MEANT.get(unit.lower(), unit.lower()) for _, unit in parts]
    if not parts or len(set(units)) < len(units) or not all(unit in UNITS for unit in units):
        return ""
    ordered = sorted(zip(parts, units, strict=True), key=lambda one: -UNITS[one[1]])
    return sign + "".join(f"{count}{unit}" for (count, _), unit in ordered)
