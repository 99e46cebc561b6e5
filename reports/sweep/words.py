"""Words for the axes of a sweep: their values in sentences and on scales."""

from collections.abc import Mapping, Sequence

from ...sim.sweep.found import Axis, Value
from ...sim.verdict.metrics import duration
from ...sim.world.durations import is_time
from ..formatting import listed

UNITS = {
    "writes_per_s": "writes a second",
    "reads_per_s": "reads a second",
    "keys": "keys",
    "workers": "workers",
    "threads": "threads a worker",
    "db_connections": "database connections",
    "value_bytes": "bytes a value",
    "max_entries": "entries",
    "trace_speed": "times the recorded speed",
}
MOST_LINES, MOST_SPANS = 5, 5


def parameter(axis: Axis) -> str:
    """Return the name of the parameter that varies, without its strategy."""
    return axis.name.rpartition(":")[2]


def title(axis: Axis) -> str:
    """Return the title of a scale of this axis."""
    own = axis.name.rpartition(":")[0]
    what = UNITS.get(parameter(axis), parameter(axis))
    return f"{what} of {own}" if own else what


def short(axis: Axis, value: Value) -> str:
    """Return a value as on a scale: "12", "60 s", "1%", "none"."""
    name = parameter(axis)
    if value is None:
        return "none"
    if not isinstance(value, int | float) or isinstance(value, bool):
        return str(value)
    if name.endswith("_ratio"):
        return f"{100 * value:.4g}%"
    if is_time(name):
        return f"{value:,.6g} s" if value >= 1 or not value else duration(value)
    return f"{value:,.3g}" if abs(value) < 100 and value != int(value) else f"{value:,.0f}"


def texts(axis: Axis) -> list[str]:
    """Return all values as on a scale."""
    return [short(axis, value) for value in axis.values]


def value_text(axis: Axis, value: Value) -> str:
    """Return a value as in a sentence that has named the axis already: "12 writes a second", "60 s"."""
    return _with_unit(axis, short(axis, value))


def _with_unit(axis: Axis, text: str) -> str:
    unit = UNITS.get(parameter(axis))
    return f"{text} {unit}" if unit else text


def named(axis: Axis, text: str) -> str:
    """Return *text*, which has one or more values of the axis, with the name of the axis: "a timeout of 60 s"."""
    if parameter(axis) in UNITS:
        return _with_unit(axis, text)
    return f"a timeout of {text}" if parameter(axis) == "timeout" else f"{parameter(axis)} {text}"


def up_to(axis: Axis, value: Value) -> str:
    """Return "with a timeout up to 60 s" or "up to 12 writes a second"."""
    if parameter(axis) in UNITS:
        return f"up to {value_text(axis, value)}"
    return f"with {'a timeout' if parameter(axis) == 'timeout' else parameter(axis)} up to {short(axis, value)}"


def place_text(axes: Sequence[Axis], place: Mapping[str, Value]) -> str:
    """Return a place in words."""
    return listed([named(axis, short(axis, place[axis.name])) for axis in axes if axis.name in place])


def spans(axis: Axis, chosen: Sequence[int]) -> str:
    """Return the values with these numbers (ascending) in words: "20 s", "20 s to 300 s", "0.1 to 3 and 30"."""
    runs: list[list[int]] = []
    for nth in chosen:
        if runs and nth == runs[-1][-1] + 1 and axis.is_numeric:
            runs[-1].append(nth)
        else:
            runs.append([nth])
    told = []
    for run in runs:
        first, last = short(axis, axis.values[run[0]]), short(axis, axis.values[run[-1]])
        if len(run) == 1:
            told.append(first)
        elif len(run) == 2:
            told += [first, last]
        else:
            told.append(f"{first} to {last}")
    return listed(told if len(told) <= MOST_SPANS else [*told[: MOST_SPANS - 1], f"{len(told) - MOST_SPANS + 1} more"])


def capped(lines: Sequence[str], most: int = MOST_LINES) -> list[str]:
    """Return at most *most* lines, and one that says how many more there are."""
    more = len(lines) - most
    return [*lines[:most], f"and {more:,} more"] if more > 0 else list(lines)
