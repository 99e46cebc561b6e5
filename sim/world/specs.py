"""Specs: the short texts in a scenario, such as ``zipf:1.0`` or ``lognormal:0.005:0.6``."""

import math
from collections.abc import Mapping, Sequence

from ..errors import UserError, one_line, unknown


def parse_spec(field: str, spec: str, forms: Mapping[str, Sequence[str]]) -> tuple[str, tuple[float, ...]]:
    """Split ``name:number:...`` and check it against *forms* (name to the names of its numbers).

    Raises:
        UserError: for an unknown name, a wrong count, or a number that is not finite.
    """
    name, *texts = spec.strip().split(":")
    if name not in forms:
        error = unknown(field.rpartition(": ")[2], name, forms)
        raise UserError(f"{field}={one_line(spec)!r}: {error}")
    wanted = forms[name]
    if len(texts) != len(wanted):
        usage = ":".join([name, *wanted])
        raise UserError(f"{field}={one_line(spec)!r}: write it as {usage}")
    return name, tuple(number(f"{field}={one_line(spec)!r}", text) for text in texts)


def number(where: str, text: object) -> float:
    """Return *text* as a finite float, or raise a `UserError` that begins with *where*."""
    try:
        value = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where}: {one_line(text)!r} is not a number") from None
    if not math.isfinite(value):
        raise UserError(f"{where}: {one_line(text)} is not a finite number")
    return value


def require(condition: bool, message: str) -> None:
    """Raise `UserError` with *message* unless *condition* holds."""
    if not condition:
        raise UserError(message)
