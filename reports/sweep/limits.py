"""Limits: what `--max` asks for, and whether a point meets it, may meet it, or does not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import ceil, isnan

from ...sim.errors import UserError, one_line, unknown
from ...sim.verdict.metrics import APP_METRICS, KNOWN, METRICS, Metric, is_better_high, limitable, shown
from ...sim.verdict.result import SECONDS_A_DAY
from ...sim.world.durations import seconds
from ..statistics import MOST_SEEDS, Interval, seeds_to_settle
from .points import Point

OF_OUTDATED = ("stale_age_", "versions_behind_mean")  # metrics of outdated reads alone
SHARES = ("ratio", "reads/day")


@dataclass(frozen=True)
class Limit:
    """The most that a metric may be."""

    metric: str
    most: float

    def __str__(self) -> str:
        return f"{self.metric} at most {self.shown}"

    @property
    def shown(self) -> str:
        """The most, as text for people."""
        return f"{100 * self.most:.12g}%" if KNOWN[self.metric].unit == "ratio" else shown(self.metric, self.most, {})


class Verdict(IntEnum):
    """Whether a limit is met: surely, perhaps, or surely not."""

    NO = 0
    MAY = 1
    YES = 2


def parse_limits(texts: Sequence[str], *, of_project: bool = False) -> tuple[Limit, ...]:
    """Return the limits of ``FIGURE=LIMIT`` texts: ``stale_ratio=1%``, ``stale_age_p99_s=200ms``.

    Raises:
        UserError: for an unknown figure, one for which higher is better, or a value that is not valid.
    """
    found = [_parsed(text, of_project=of_project) for text in texts]
    for nth, one in enumerate(found):
        if one.metric in (other.metric for other in found[:nth]):
            raise UserError(f"--max {one_line(texts[nth])}: {one.metric} has a limit already")
    return tuple(found)


def _parsed(text: str, *, of_project: bool) -> Limit:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value:
        raise UserError(f"--max {one_line(text)}: write FIGURE=LIMIT, such as stale_ratio=1%")
    metrics = APP_METRICS if of_project else METRICS
    able = limitable(metrics)
    if is_better_high(name) and name in metrics:
        raise UserError(f"--max {one_line(text)}: a higher {name} is better; limit its cost instead, stale_ratio")
    if name not in able:
        raise UserError(f"--max {one_line(text)}: {unknown('figure to limit', name, able)}")
    return Limit(name, _most(f"--max {one_line(text)}", name, value))


def _most(where: str, metric: str, text: str) -> float:
    unit = KNOWN[metric].unit
    if unit == "s" and not text.endswith("%"):
        most_s = seconds(where, text)
        if most_s < 0:
            raise UserError(f"{where}: it must be 0 or more, {_such_as(unit)}")
        return most_s
    match = re.fullmatch(r"([0-9.][0-9._]*(?:[eE][-+]?\d+)?)\s*(%|[a-zµ]*)", text)
    try:
        value = float(match[1]) if match else float("nan")
    except ValueError:
        value = float("nan")
    if match is None or not value < float("inf"):
        raise UserError(f"{where}: {one_line(text)!r} is not a number of 0 or more, {_such_as(unit)}")
    scales = {"": 1.0, "%": 0.01} if unit == "ratio" else {"": 1.0}
    if match[2] not in scales:
        raise UserError(f"{where}: {metric} is in {unit}, not in {match[2]}; write it {_such_as(unit)}")
    value *= scales[match[2]]
    if unit == "ratio" and value >= 1:
        percent = "" if match[2] else f"; for {match[1]} percent write {match[1]}%"
        raise UserError(f"{where}: a share of 100% or more limits nothing{percent}")
    return value


def _such_as(unit: str) -> str:
    return {"ratio": "such as 1% or 0.01", "s": "such as 2, 200ms or 5m"}.get(unit, "such as 100")


def verdict(point: Point, limit: Limit) -> Verdict:
    """Return whether a point meets a limit: its 95% interval lies below, around or above the limit.

    If no judged read was outdated there is no age, and a limit on ages is met. If a share is zero, the largest share is
    taken that so many reads could hide, unless the strategy is never wrong by design. A share above zero misses a limit
    of 0. Apart from that, one seed settles nothing.
    """
    found, metric = point.interval(limit.metric), KNOWN[limit.metric]
    if isnan(found.mean):
        none_outdated = limit.metric.startswith(OF_OUTDATED) and point.mean("stale_ratio") == 0
        return Verdict.YES if none_outdated else Verdict.MAY
    if not limit.most and found.mean > 0:
        return Verdict.NO
    if not found.known:
        return Verdict.MAY
    high = found.high
    if not found.mean and metric.unit in SHARES and metric.of is not None:
        high = point.most_unseen(metric.of) * _whole(point, metric)
    return Verdict.YES if high <= limit.most else Verdict.NO if found.low > limit.most else Verdict.MAY


def seeds_to_tell(point: Point, limit: Limit) -> int | None:
    """Return from about how many seeds on the verdict is no longer `MAY`; None where `MOST_SEEDS` are too few.

    None, too, where there is no interval to estimate it from.
    """
    found, metric = point.interval(limit.metric), KNOWN[limit.metric]
    if not found.known or not limit.most:
        return None
    if not found.mean and metric.unit in SHARES and metric.of is not None:
        needed = ceil(found.seeds * point.most_unseen(metric.of) * _whole(point, metric) / limit.most)
        return needed if needed <= MOST_SEEDS else None
    above = found.mean - limit.most
    half = max(found.high - found.mean, found.mean - found.low)  # one end may be cut to what is possible
    return seeds_to_settle(Interval(above, above - half, above + half, found.seeds))


def _whole(point: Point, metric: Metric) -> float:
    """Return the whole in a metric's unit: 1 for a share, or all reads of a day."""
    if metric.unit == "ratio":
        return 1.0
    return point.total("reads") / sum(one.measured_s for one in point.outcomes) * SECONDS_A_DAY


def all_met(point: Point, limits: Sequence[Limit]) -> Verdict:
    """Return whether a point meets all limits; without limits, it does."""
    return min((verdict(point, limit) for limit in limits), default=Verdict.YES)


def met_on_average(point: Point, limits: Sequence[Limit]) -> bool:
    """Return whether the means are within all limits."""
    return not any(point.mean(limit.metric) > limit.most for limit in limits)


def binding(point: Point, limits: Sequence[Limit]) -> Limit | None:
    """Return the limit that a point misses by the most, or None if it misses none for sure."""
    missed = [limit for limit in limits if verdict(point, limit) is Verdict.NO]
    return max(missed, key=lambda one: point.mean(one.metric) / one.most if one.most else float("inf"), default=None)
