"""Crossovers: who is ahead along an axis, up to which value, and between which values that is not settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

from ...sim.sweep.found import Axis
from ..formatting import listed
from ..statistics import paired_difference
from .points import Point, is_log, numbers
from .winners import Ahead
from .words import named, short, spans, up_to, value_text

MOST_NAMED = 3


@dataclass(frozen=True)
class Stretch:
    """Consecutive values of an axis, by their numbers, at which the same contenders are surely ahead.

    The first of its names is the leader.
    """

    names: tuple[str, ...]
    chosen: tuple[int, ...]

    @property
    def said(self) -> str:
        """The words for who is ahead."""
        first, *others = self.names
        return f"`{first}`" + (f" (as good: {listed([f'`{one}`' for one in others])})" if others else "")


def stretches(found: Sequence[Ahead], order: Sequence[str]) -> list[Stretch]:
    """Return the stretches of settled values; contenders that are as good at all values of a stretch belong to it.

    *order* is the order of names.
    """
    made: list[tuple[frozenset[str], list[int]]] = []
    for nth, one in enumerate(found):
        if not one.sure:
            continue
        common = made[-1][0] & one.names if made else frozenset()
        if made and (common or not made[-1][0] | one.names):
            made[-1] = (common, [*made[-1][1], nth])
        else:
            made.append((one.names, [nth]))
    return [Stretch(tuple(sorted(names, key=order.index)), tuple(chosen)) for names, chosen in made]


def crossing(axis: Axis, at: tuple[int, int], differences: tuple[float, float]) -> float | None:
    """Return the place between two values where a difference is 0, on the axis's scale; None if its sign stays."""
    before, after = differences
    if not before * after < 0:
        return None
    share = before / (before - after)
    low, high = (numbers(axis)[nth] for nth in at)
    if is_log(axis):
        return exp(log(low) + share * (log(high) - log(low)))
    return low + share * (high - low)


def told(
    what: str,
    axis: Axis,
    found: Sequence[Ahead],
    standing: Sequence[Mapping[str, Point]],
    metric: str,
    order: Sequence[str],
) -> str:
    """Return a sentence on who is ahead along *axis*: *found* and *standing* have an entry for each of its values."""
    runs = [one for one in stretches(found, order) if one.names]
    nobody = [nth for nth, one in enumerate(found) if one.sure and not one.names]
    open_ones = [nth for nth, one in enumerate(found) if not one.sure]
    told_of: set[int] = set()
    if not runs:
        parts = []
    elif not axis.is_numeric:
        parts = [f"{one.said} with {named(axis, spans(axis, one.chosen))}" for one in _joined(runs)]
    elif len(runs) == 1 and not open_ones and not nobody:
        parts = [f"{runs[0].said} at every value"]
    elif len(runs) == 1:
        parts = [f"{runs[0].said} with {named(axis, spans(axis, runs[0].chosen))}"]
    else:
        parts = [_along(axis, runs, standing, metric, open_ones, told_of)]
    if nobody:
        parts.append(f"nobody meets the limits with {named(axis, spans(axis, nobody))}")
    parts += _unsettled(axis, found, [nth for nth in open_ones if nth not in told_of])
    return f"{what}: {'; '.join(parts)}."


def _joined(runs: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches, joined if they have the same names; without a scale, there is nothing between values."""
    chosen: dict[tuple[str, ...], tuple[int, ...]] = {}
    for one in runs:
        chosen[one.names] = chosen.get(one.names, ()) + one.chosen
    return [Stretch(*item) for item in chosen.items()]


def _along(
    axis: Axis,
    runs: Sequence[Stretch],
    standing: Sequence[Mapping[str, Point]],
    metric: str,
    open_ones: Sequence[int],
    told_of: set[int],
) -> str:
    """Return the stretches in a row: "`a` up to 9 writes a second, `b` from 15 on; between, it is not settled".

    *told_of* collects the unsettled values that these words cover.
    """
    points: list[float | None] = []
    between = []
    for one, following in pairwise(runs):
        last, first = one.chosen[-1], following.chosen[0]
        beside = first == last + 1
        differences = _differences(one, following, standing, (last, first), metric)
        points.append(crossing(axis, (last, first), differences) if beside else None)
        if not beside and {*range(last + 1, first)} <= {*open_ones}:  # and none where nobody meets the limits
            told_of.update(range(last + 1, first))
            ends = f"{short(axis, axis.values[last])} and {value_text(axis, axis.values[first])}"
            between.append(f"; between {ends}, it is not settled")
    told_ones = [
        f"{one.said} {_part(axis, one, before, after)}"
        for one, before, after in zip(runs, [None, *points], [*points, None], strict=True)
    ]
    return ", ".join(told_ones) + "".join(between)


def _part(axis: Axis, one: Stretch, before: float | None, after: float | None) -> str:
    """Return a stretch's part of the axis; *before* and *after* are the crossings at its ends, if they are known."""
    first, last = one.chosen[0], one.chosen[-1]
    start, end = axis.values[first], axis.values[last]
    if last == len(axis.values) - 1:
        return "above" if before is not None else f"from {value_text(axis, start)} on"
    if first == 0 and after is not None:
        ends = f"{short(axis, end)} and {short(axis, axis.values[last + 1])} were run"
        return f"{up_to(axis, after).replace('up to ', 'up to about ')} ({ends})"
    if first == 0:
        return up_to(axis, end)
    low = short(axis, start) if before is None else f"about {short(axis, before)}"
    high = value_text(axis, end) if after is None else f"about {value_text(axis, after)}"
    return f"at {high}" if low == short(axis, end) else f"from {low} to {high}"


def _differences(
    one: Stretch, following: Stretch, standing: Sequence[Mapping[str, Point]], at: tuple[int, int], metric: str
) -> tuple[float, float]:
    ours, theirs = one.names[0], following.names[0]
    found = []
    for nth in at:
        points = standing[nth]
        if ours not in points or theirs not in points:
            return 0.0, 0.0
        found.append(paired_difference(points[ours].values(metric), points[theirs].values(metric)).mean)
    return found[0], found[1]


def _unsettled(axis: Axis, found: Sequence[Ahead], left: Sequence[int]) -> list[str]:
    """Return what these seeds leave open at the values *left*."""
    if not left:
        return []
    where = "at every value" if len(left) == len(found) else f"with {named(axis, spans(axis, left))}"
    names = sorted({name for nth in left for name in (*found[nth].names, *found[nth].rivals)})
    first = found[left[0]].leader
    if 1 < len(names) <= MOST_NAMED:
        *others, last = [f"`{one}`" for one in names]
        return [f"{where}, it is not settled whether {', '.join(others)} or {last} is ahead"]
    if first is not None and all(first in found[nth].names for nth in left):
        return [f"{where}, `{first}` is ahead on average, but that is not settled"]
    return [f"{where}, it is not settled who is ahead"]
