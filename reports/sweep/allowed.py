"""What the limits allow: at which values of the axes each contender meets them, may meet them, or misses which one."""

from collections.abc import Mapping, Sequence

from ...sim.sweep.found import Axis, Value
from ...sim.verdict.metrics import shown
from ..alarms import FEW_SEEDS
from ..formatting import listed
from ..more_seeds import rounded_up
from ..statistics import MOST_SEEDS
from .limits import Limit, Verdict, all_met, binding, seeds_to_tell, verdict
from .points import Field, Point, places
from .words import capped, named, place_text, short, spans, up_to

MOST_CONTENDERS, MOST_PLACES = 20, 8
PERHAPS = "Perhaps: a limit lies within the 95% interval, or there are too few figures for one."


def allowed(field: Field, along: Axis | None, limits: Sequence[Limit]) -> list[str]:
    """Return the limits, then a line for each group of contenders with the same result.

    The result is along the timeout if it varies, else along the axis *along*.
    """
    if not limits:
        return []
    axis = next((one for one in field.axes if one.name == "timeout"), along)
    said: dict[str, list[str]] = {}
    for backend in field.backends:
        for name in field.choices:
            words = _of_one(field, backend, name, axis, limits)
            on = f"on {backend}, " if len(field.backends) > 1 else ""
            if words:
                said.setdefault(f"{on}{words}", []).append(f"`{name}`")
    found = [f"{listed(names)}: {words}." for words, names in said.items()]
    unsure = any("perhaps" in words for words in said)
    return [
        f"Limits: {listed(list(map(str, limits)))}.",
        *capped(found, MOST_CONTENDERS),
        *([f"{PERHAPS} {_more(field, limits)}"] if unsure else []),
    ]


def _more(field: Field, limits: Sequence[Limit]) -> str:
    """Return what may tell where a limit is perhaps met."""
    if field.sweep.by_precision:
        return "A smaller half-width in `--precision` may tell."
    if field.most_seeds == 1:
        return f"More seeds may tell (`--seeds {FEW_SEEDS}`)."
    open_ones = [point for point in field.points.values() if all_met(point, limits) is Verdict.MAY]
    needed = [
        seeds_to_tell(point, limit)
        for point in open_ones
        for limit in limits
        if point.contender in field.choices and verdict(point, limit) is Verdict.MAY
    ]
    known = [seeds for seeds in needed if seeds is not None]
    if not known:
        return f"More seeds will hardly tell: even {MOST_SEEDS:,} would be too few."
    enough = rounded_up(max(*known, field.most_seeds + 1, FEW_SEEDS))
    everywhere = "" if len(known) == len(needed) else ", but hardly everywhere"
    return f"About {enough:,} seeds may tell (`--seeds {enough}`){everywhere}."


def _of_one(field: Field, backend: str, name: str, axis: Axis | None, limits: Sequence[Limit]) -> str:
    """Return at which values of *axis* a contender meets the limits, for all values of the other axes that it uses."""
    inner = axis if axis is not None and field.knows(name, axis) else None
    others = [one for one in field.axes if one is not inner and field.knows(name, one)]
    outer = max(others, key=lambda one: (one.is_numeric, len(one.values)), default=None)
    groups: dict[tuple[str, str], list[int]] = {}
    for place in places([one for one in others if one is not outer]):
        for nth, value in enumerate(outer.values if outer else (None,)):
            there = {**place, outer.name: value} if outer else place
            words = _along(_points(field, backend, name, inner, there), inner, limits, brief=outer is not None)
            if words:
                groups.setdefault((words, place_text(field.axes, place)), []).append(nth)
    said = []
    for (words, where), chosen in groups.items():
        everywhere = outer is None or len(chosen) == len(outer.values)
        at = listed([one for one in (where, "" if everywhere else named(outer, spans(outer, chosen))) if one])  # type: ignore[arg-type]
        said.append(f"with {at}: {words}" if at else words)
    return "; ".join(capped(said, MOST_PLACES))


def _points(field: Field, backend: str, name: str, axis: Axis | None, place: Mapping[str, Value]) -> dict[int, Point]:
    """Return the finished points of a contender along *axis*, by the number of the value."""
    there = [{**place, axis.name: value} for value in axis.values] if axis else [place]
    found = {nth: field.at(backend, one).get(name) for nth, one in enumerate(there)}
    return {nth: point for nth, point in found.items() if point is not None}


def _along(points: Mapping[int, Point], axis: Axis | None, limits: Sequence[Limit], *, brief: bool) -> str:
    """Return at which values of *axis* the limits are met, may be met and are missed; "" if no run has landed."""
    found = {nth: all_met(point, limits) for nth, point in points.items()}
    yes, may, no = ([nth for nth, one in found.items() if one is which] for which in reversed(Verdict))
    why = (
        _binds(points[no[0]], limits, "" if brief or not axis else f" at {short(axis, axis.values[no[0]])}")
        if no
        else ""
    )
    if axis is None or not points:
        return "met" if yes else "perhaps met" if may else f"not met{why}" if no else ""
    if yes and not may and not no:
        return f"met at every value of {axis.name}"
    if may and not yes and not no:
        return f"perhaps met at every value of {axis.name}"
    if no and not may and not yes:
        return f"met at no value of {axis.name}{why}"
    # Along a timeout, limits are usually first met, then perhaps met, then missed.
    in_a_row = axis.is_numeric and [*yes, *may, *no] == sorted(found)
    parts = []
    if yes:
        parts.append(
            f"met {up_to(axis, axis.values[yes[-1]]) if in_a_row else f'with {named(axis, spans(axis, yes))}'}"
        )
    if may:
        parts.append(f"perhaps with {named(axis, spans(axis, may))}" if not yes else f"perhaps {spans(axis, may)}")
    if no:
        parts.append(f"not from {short(axis, axis.values[no[0]])} on" if in_a_row else f"not {spans(axis, no)}")
    return f"{', '.join(parts)}{why}"


def _binds(point: Point, limits: Sequence[Limit], at: str) -> str:
    """Return which limit a point misses, and its figure if there is only one place."""
    limit = binding(point, limits)
    if limit is None:
        return ""
    if at:
        return f" ({limit.metric} is {shown(limit.metric, point.mean(limit.metric), {})}{at})"
    return f" ({limit.metric} is too high)" if len(limits) > 1 else ""
