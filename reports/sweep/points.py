"""Points: the runs of one contender on one backend at one place on the axes, and the other contenders there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import isnan, nan

from ...sim.declared import declared_bound
from ...sim.experiment import Outcome
from ...sim.sweep.found import EVERYWHERE, Axis, Sweep, Value
from ...sim.verdict.metrics import NOT_OUTDATED
from ..frames import name_of
from ..kinds import STRATEGIES, Kind, kind_of
from ..palette import Look, looks
from ..statistics import Interval, metric_interval, most_unseen_ratio

Place = tuple[Value, ...]  # one value for each axis
SPREAD = 50  # from such a ratio of the largest value to the least, a scale is logarithmic


@dataclass(frozen=True)
class Point:
    """The runs of one contender on one backend at one place, in order of seed; `at` may hold `EVERYWHERE`."""

    backend: str
    contender: str
    at: tuple[object, ...]
    outcomes: tuple[Outcome, ...]

    def values(self, metric: str) -> dict[int, float]:
        """Return a metric by seed; NaN if there is no such figure. `queries_per_read` is a metric here, too."""
        if metric == QUERIES:
            return {one.run.seed: _queries_per_read(one) for one in self.outcomes}
        return {one.run.seed: float(one.summary.get(metric, nan)) for one in self.outcomes}

    def interval(self, metric: str) -> Interval:
        """Return the mean of a metric over seeds, with its interval."""
        return metric_interval(metric, self.values(metric).values())

    def mean(self, metric: str) -> float:
        """Return the mean of a metric over seeds."""
        known = [value for value in self.values(metric).values() if not isnan(value)]
        return sum(known) / len(known) if known else nan

    def total(self, count: str) -> int:
        """Return a count over all seeds: "reads", "hits", "requests" or "keys"."""
        return sum(int(one.counts.get(count, one.summary.get(count, 0))) for one in self.outcomes)

    @property
    def seeds(self) -> list[int]:
        """The seeds that have landed."""
        return [one.run.seed for one in self.outcomes]

    @cached_property
    def never_wrong(self) -> bool:
        """Whether it serves no wrong read by design, and served none here."""
        says_so = declared_bound(self.outcomes[0].run.strategy) == "never"
        return says_so and not any(value > 0 for value in self.values("wrong_ratio").values())

    def most_unseen(self, of: str) -> float:
        """Return the largest share that could have been missed, as only so many were counted."""
        return 0.0 if self.never_wrong else most_unseen_ratio(self.total(of))


QUERIES = "queries_per_read"


def _queries_per_read(one: Outcome) -> float:
    reads = one.summary.get("reads", 0)
    return one.summary.get("db_queries", nan) / reads if reads else nan


@dataclass(frozen=True)
class Field:
    """A sweep, sorted into points.

    Axes with a single value are not among `axes` but among `fixed`; a place leaves them out.
    """

    sweep: Sweep

    @cached_property
    def points(self) -> dict[tuple[str, str, tuple[object, ...]], Point]:
        """All points, in the order of the grid, by backend, contender and place."""
        groups: dict[tuple[str, str, tuple[object, ...]], list[Outcome]] = {}
        for one in self.sweep.landed:
            groups.setdefault((one.outcome.run.backend, one.contender, one.at), []).append(one.outcome)
        return {key: Point(*key, tuple(sorted(group, key=lambda one: one.run.seed))) for key, group in groups.items()}

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes that have more than one value."""
        return tuple(axis for axis in self.sweep.axes if len(axis.values) > 1)

    @property
    def fixed(self) -> tuple[Axis, ...]:
        """The axes that have one value."""
        return tuple(axis for axis in self.sweep.axes if len(axis.values) == 1)

    @cached_property
    def backends(self) -> list[str]:
        """The backends, in order of first appearance."""
        return list(dict.fromkeys(backend for backend, _contender, _at in self.points))

    @cached_property
    def contenders(self) -> list[str]:
        """The contenders, in order of first appearance."""
        return list(dict.fromkeys(contender for _backend, contender, _at in self.points))

    @cached_property
    def choices(self) -> list[str]:
        """The contenders that a reader can choose, without the bounds."""
        name = (lambda label: label) if self.kind is not STRATEGIES else name_of
        return [one for one in self.contenders if name(one) not in self.kind.bounds]

    @property
    def kind(self) -> Kind:
        """What competes: strategies, or a project's variants."""
        return kind_of(self.sweep.landed[0].outcome.run.strategy) if self.sweep.landed else STRATEGIES

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each contender is drawn, on all charts."""
        return looks(self.contenders, colours_apart=self.kind is not STRATEGIES)

    @cached_property
    def fault(self) -> str:
        """The word for wrong reads: "outdated", or "wrong" if some of them are wrong in another way."""
        mixed = any(one.outcome.summary.get(part, 0) > 0 for one in self.sweep.landed for part in NOT_OUTDATED)
        return "wrong" if mixed else "outdated"

    @cached_property
    def most_seeds(self) -> int:
        """The largest number of seeds of any point."""
        return max((len(point.outcomes) for point in self.points.values()), default=0)

    @property
    def fewest_seeds(self) -> int:
        """The smallest number of seeds of any point."""
        return min((len(point.outcomes) for point in self.points.values()), default=0)

    @cached_property
    def _blind(self) -> dict[str, tuple[bool, ...]]:
        """For each contender, which of the sweep's axes it does not use."""
        return {contender: tuple(one is EVERYWHERE for one in at) for _backend, contender, at in self.points}

    def knows(self, contender: str, axis: Axis) -> bool:
        """Return whether the axis makes a difference to the contender."""
        return not self._blind[contender][self.sweep.axes.index(axis)]

    def at(self, backend: str, place: Mapping[str, Value]) -> dict[str, Point]:
        """Return the points at a place, which has a value for each of `axes`, in the order of the contenders."""
        whole = [place.get(axis.name, axis.values[0]) for axis in self.sweep.axes]
        found = {}
        for contender in self.contenders:
            at = tuple(EVERYWHERE if blind else one for one, blind in zip(whole, self._blind[contender], strict=True))
            point = self.points.get((backend, contender, at))
            if point is not None:
                found[contender] = point
        return found


def numbers(axis: Axis) -> list[float]:
    """Return the values of a numeric axis in ascending order; none of any other axis."""
    return [float(value) for value in axis.values if isinstance(value, int | float)] if axis.is_numeric else []


def is_log(axis: Axis) -> bool:
    """Return whether the axis has a logarithmic scale: it is spread like that, or its numbers are far apart."""
    values = numbers(axis)
    return bool(values) and values[0] > 0 and (axis.log or values[-1] / values[0] >= SPREAD)


@dataclass(frozen=True)
class Plan:
    """The plan of the charts: one or two axes to draw along, and a chart for each place of `others` on the other axes.

    `left_out` are axes that are only drawn at their first value, for lack of room.
    """

    along: Axis | None
    across: Axis | None
    others: Sequence[Mapping[str, Value]]
    left_out: tuple[Axis, ...] = ()


MOST_CHARTS = 12


def plan(field: Field) -> Plan:
    """Return the plan of a field's charts: along the axis with the most values, numbers before texts.

    Of two axes of the same length, the timeout is the second: users can choose it, but not the traffic. A single
    contender wins everywhere, so a map would show nothing: it has curves at all values of the other axes.
    """
    ordered = sorted(
        field.axes,
        key=lambda axis: (not axis.is_numeric, -len(axis.values), axis.name.rpartition(":")[2] == "timeout"),
    )
    along, across = (*ordered[: 1 if len(field.choices) == 1 else 2], None, None)[:2]
    further = [axis for axis in field.axes if axis not in (along, across)]
    combinations = places(further)
    if len(combinations) <= MOST_CHARTS:
        return Plan(along, across, combinations)
    return Plan(along, across, combinations[:1], tuple(further))


def places(axes: Sequence[Axis]) -> list[dict[str, Value]]:
    """Return the places of a grid of these axes; the last axis varies fastest. Without axes there is one place."""
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]
