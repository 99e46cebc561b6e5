"""The result of a sweep: its axes, and the finished runs at each point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..experiment import Outcome

Value = float | str | None  # None is typed as `none`: no timeout, no limit


class _Everywhere:
    """The place of a contender on an axis that it does not use: its results count at all values of the axis."""

    def __repr__(self) -> str:
        return "everywhere"


EVERYWHERE: Final = _Everywhere()


@dataclass(frozen=True)
class Axis:
    """What varies: a field of the scenario, ``timeout``, or ``STRATEGY:param``; its values in ascending order.

    Texts and None keep the order in which they were typed. `log` says that the values are spread evenly on a
    logarithmic scale.
    """

    name: str
    values: tuple[Value, ...]
    log: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether all values are numbers, so that a chart can draw them on a scale."""
        return all(isinstance(value, int | float) for value in self.values)


def named_values(axes: Sequence[Axis], at: Sequence[object]) -> list[str]:
    """Return ``name=value``, as a user would type it, for each axis that the contender uses."""
    return [f"{axis.name}={typed(value)}" for axis, value in zip(axes, at, strict=True) if value is not EVERYWHERE]


def typed(value: object) -> str:
    """Return a value as a user would type it."""
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Landed:
    """One finished run: its outcome, its contender, and its place on the axes.

    `contender` is the name of the strategy without the parameters that vary (``ttl-only``), or a project's variant.
    `at` has one value for each axis, or `EVERYWHERE` if the contender does not use that axis.
    """

    outcome: Outcome
    contender: str
    at: tuple[object, ...]


@dataclass(frozen=True)
class Sweep:
    """All finished runs, in the order of the grid; they can be on several backends.

    `imprecise` holds the points that did not reach the precision asked for: by contender, backend and place on the
    axes, a line with metric, half-width and seeds. `warmups` are lines on warm-ups that were too short, and
    `unchanged` on fields that varied and changed nothing. `failed` has a line for each run that failed.
    """

    title: str  # the scenario's name
    axes: tuple[Axis, ...]
    landed: tuple[Landed, ...]
    imprecise: Mapping[tuple[str, str, tuple[object, ...]], str] = field(default_factory=dict)
    warmups: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    by_precision: bool = False  # each point has as many seeds as the precision asked for takes
