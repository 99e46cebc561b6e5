"""Specs: the short texts in a scenario, such as ``zipf:1.0`` or ``lognormal:0.005:0.6``."""

from collections.abc import Mapping, Sequence

from ..errors import UserError, one_line, unknown
from .durations import number, plain, seconds


def parse_spec(field: str, spec: str, forms: Mapping[str, Sequence[str]]) -> tuple[str, tuple[float, ...]]:
    """Split ``name:number:...`` and check it against *forms* (name to the names of its numbers).

    Numbers whose names end in ``_S`` are seconds, and can be durations such as ``5ms``.

    Raises:
        UserError: for an unknown name, a wrong count, or a value that is not a finite number.
    """
    name, *texts = spec.strip().split(":")
    if name not in forms:
        error = unknown(field.rpartition(": ")[2], name, forms)
        raise UserError(f"{field}={one_line(spec)!r}: {error}")
    wanted = forms[name]
    if len(texts) != len(wanted):
        usage = ":".join([name, *wanted])
        raise UserError(f"{field}={one_line(spec)!r}: write it as {usage}")
    where = f"{field}={one_line(spec)!r}"
    return name, tuple(
        (seconds if one.endswith("_S") else number)(where, text) for one, text in zip(wanted, texts, strict=True)
    )


def write_spec(name: str, numbers: Sequence[float]) -> str:
    """Return the text of a parsed spec, with all times in seconds, so that equal specs have equal texts."""
    return ":".join([name, *map(plain, numbers)])


def require(condition: bool, message: str) -> None:
    """Raise `UserError` with *message* unless *condition* holds."""
    if not condition:
        raise UserError(message)
