"""The answer of a sweep in words: what the limits allow, who is ahead up to which value, and what is not settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ...sim.sweep.found import Axis, Sweep, Value, named_values
from ...sim.verdict.metrics import shown
from ..formatting import listed, plural
from ..ranking import RARE_SHARE
from .allowed import allowed
from .crossovers import told
from .limits import Limit
from .points import QUERIES, Field, Plan, places, plan
from .winners import cheapest, freshest, saves_nothing
from .words import capped, named, place_text, short, spans

LEFT_OUT = "Left out where it sends as many queries as no cache at all: {}."
WON = f"Ahead: the fewest {{}} reads{{}}. If they differ by less than {RARE_SHARE:.2%} of all reads: the fewest {{}}."
MOST_CROSSOVERS = 10


@dataclass(frozen=True)
class SweepAnswer:
    """What to tell a reader about a sweep; texts may hold `code` in backticks."""

    lead: str
    limits: tuple[str, ...]
    crossovers: tuple[str, ...]
    cautions: tuple[str, ...]


def answer(field: Field, limits: Sequence[Limit]) -> SweepAnswer:
    """Return the answer that a sweep supports."""
    if not field.points:
        return SweepAnswer("No run has landed: there is nothing to judge.", (), (), tuple(_troubles(field.sweep)))
    drawn = plan(field)
    return SweepAnswer(
        _lead(field),
        tuple(allowed(field, drawn.along, limits)),
        tuple(_crossovers(field, drawn, limits)),
        (*_cautions(field, drawn), *_troubles(field.sweep)),
    )


def lines(found: SweepAnswer) -> list[str]:
    """Return the answer as lines, the most important first."""
    return [found.lead, *found.limits, *found.crossovers, *found.cautions]


def criterion(field: Field, limits: Sequence[Limit]) -> str:
    """Return the sentence on how a winner is chosen."""
    return WON.format(field.fault, " among those that meet the limits" if limits else "", field.kind.queries)


def left_out(field: Field) -> str:
    """Return the contenders that cannot win at some place although they are never wrong; "" if all can."""
    idle = {point.contender for point in field.points.values() if saves_nothing(point)}
    names = [f"`{name}`" for name in field.choices if name in idle]
    return LEFT_OUT.format(listed(names)) if names else ""


def _lead(field: Field) -> str:
    axes = [f"{len(axis.values)} values of {axis.name}" for axis in field.axes]
    over = f" over {listed(axes)}" if axes else ""
    few, many = field.fewest_seeds, field.most_seeds
    seeds = plural(many, "seed") if few == many else f"{few} to {many} seeds"
    count = len(field.contenders)
    who = f"{count} {field.kind.one if count == 1 else field.kind.many}"
    return f"{field.sweep.title}: {who}{over} on {listed(field.backends)}, {seeds} each."


def _crossovers(field: Field, drawn: Plan, limits: Sequence[Limit]) -> list[str]:
    """Return who is ahead along the longest axis, at each value of the others; equal sentences occur only once."""
    axis = drawn.along
    if axis is None or len(field.choices) < 2:
        return _alone(field, axis, drawn.others) if axis and field.choices else []
    others = [one for one in field.axes if one is not axis and one not in drawn.left_out]
    outer = max(others, key=lambda one: (one.is_numeric, len(one.values)), default=None)
    said: dict[tuple[str, str], list[int]] = {}
    for backend in field.backends:
        for place in places([one for one in others if one is not outer]):
            where = f"{f'on {backend} ' if len(field.backends) > 1 else ''}{_with(place_text(field.axes, place))}"
            for nth, value in enumerate(outer.values if outer else (None,)):
                there = {**place, outer.name: value} if outer else place
                for text in _ahead(field, backend, axis, there, limits):
                    said.setdefault((text, where.strip()), []).append(nth)
    found = []
    for (text, where), chosen in said.items():
        everywhere = outer is None or len(chosen) == len(outer.values)
        at = " ".join(filter(None, (where, "" if everywhere else _with(named(outer, spans(outer, chosen))))))  # type: ignore[arg-type]
        what, colon, rest = text.partition(": ")
        found.append(f"{what} {at}{colon}{rest}" if at else text)
    by = " ".join(filter(None, (criterion(field, limits), left_out(field))))
    return [by, *capped(found, MOST_CROSSOVERS)]


def _with(text: str) -> str:
    return f"with {text}" if text else ""


def _ahead(field: Field, backend: str, axis: Axis, place: dict[str, Value], limits: Sequence[Limit]) -> list[str]:
    """Return who is ahead in wrong reads, and in queries, along *axis*."""
    standing = []
    for value in axis.values:
        there = field.at(backend, {**place, axis.name: value})
        standing.append({name: point for name, point in there.items() if name in field.choices})
    fresh, cheap = [freshest(one, limits) for one in standing], [cheapest(one) for one in standing]
    order = field.choices
    return [
        told(f"Fewest {field.fault} reads", axis, fresh, standing, "wrong_ratio", order),
        told(f"Fewest {field.kind.queries}", axis, cheap, standing, QUERIES, order),
    ]


def _alone(field: Field, axis: Axis, others: Sequence[Mapping[str, Value]]) -> list[str]:
    """Return how the figures of the only contender change from one end of the axis to the other, at all *others*."""
    name = field.choices[0]
    if not field.knows(name, axis):
        return []
    said = []
    ends = axis.values[0], axis.values[-1]
    for backend, place in product(field.backends, others):
        first, last = (field.at(backend, {**place, axis.name: value}).get(name) for value in ends)
        if first is None or last is None:
            continue
        changes = [
            f"{noun} {_change(shown(metric, first.mean(metric), {}), shown(metric, last.mean(metric), {}))}"
            for metric, noun in (
                ("wrong_ratio", f"{field.fault} reads"),
                ("db_queries_per_s", f"{field.kind.queries} a second"),
            )
        ]
        on = f" on {backend}" if len(field.backends) > 1 else ""
        at = f" with {place_text(field.axes, place)}" if place else ""
        along = named(axis, f"{short(axis, ends[0])} to {short(axis, ends[1])}")
        said.append(f"`{name}`{on}{at}, from {along}: {', '.join(changes)}.")
    return capped(said, MOST_CROSSOVERS)


def _change(first: str, last: str) -> str:
    return f"stay at {first}" if first == last else f"go from {first} to {last}"


def _cautions(field: Field, drawn: Plan) -> list[str]:
    """Return the cautions: on the number of seeds, and on axes that are left out for lack of room."""
    found = []
    if field.most_seeds == 1:
        found.append("One seed gives no interval, so nothing here is settled. Use `--seeds 10`.")
    elif field.fewest_seeds == 1:
        found.append("Some points have one seed, so they have no interval.")
    if drawn.left_out:
        first = listed([f"{axis.name}={short(axis, axis.values[0])}" for axis in drawn.left_out])
        found.append(f"Charts and crossovers are at {first} only: `points.csv` has all values.")
    return found


def _troubles(sweep: Sweep) -> list[str]:
    """Return a line for each imprecise point, each warm-up that was too short and each run that failed."""
    groups = {
        "Precision not reached": [
            f"{', '.join([f'`{contender}` on {backend}', *named_values(sweep.axes, at)])}: {why}"
            for (contender, backend, at), why in sweep.imprecise.items()
        ],
        "Warm-up too short": list(sweep.warmups),
        "No effect": list(sweep.unchanged),
        "Failed": list(sweep.failed),
    }
    return [
        line if line.startswith("and ") else f"{what}: {line}"
        for what, found in groups.items()
        for line in capped(found)
    ]
