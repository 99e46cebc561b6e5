"""What a sweep has found: its axes, and the runs that have landed at each point of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..experiment import Outcome

Value = float | str | None  # None is what `none` says: no timeout, no limit


class _Everywhere:
    """Stands where a contender knows nothing of an axis: what was found there counts at all of its values."""

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
        """Whether all values are numbers, so that there is a scale to draw them on."""
        return all(isinstance(value, int | float) for value in self.values)


def named_values(axes: Sequence[Axis], at: Sequence[object]) -> list[str]:
    """Return ``name=value`` for each axis that means something there, as it would be typed."""
    return [f"{axis.name}={typed(value)}" for axis, value in zip(axes, at, strict=True) if value is not EVERYWHERE]


def typed(value: object) -> str:
    """Return a value as it would be typed."""
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Landed:
    """One run that has landed: its outcome, the contender it belongs to, and where on the axes it stands.

    `contender` is the strategy as people name it, without what varies (``ttl-only``), or a project's variant. `at` has
    one value for each axis, `EVERYWHERE` where the contender knows nothing of it.
    """

    outcome: Outcome
    contender: str
    at: tuple[object, ...]


@dataclass(frozen=True)
class Sweep:
    """All that has landed, in the order of the grid; several backends can be in it.

    `imprecise` says of a point where the precision asked for was not reached: contender, backend and place on the
    axes, then a line with metric, half-width and seeds. `warmups` are lines on warm-ups that were too short, and
    `unchanged` on what varied and changed nothing. `failed`
    has a line for each run that failed.
    """

    title: str  # the scenario's name
    axes: tuple[Axis, ...]
    landed: tuple[Landed, ...]
    imprecise: Mapping[tuple[str, str, tuple[object, ...]], str] = field(default_factory=dict)
    warmups: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
