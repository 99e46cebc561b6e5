"""A sweep for the terminal: a compact table, and the answer."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...sim.sweep.found import Axis, Sweep, Value
from ...sim.verdict.metrics import shown
from ..fitted import Heading, fitted, printed, terminal
from ..text import plain, wrapped
from .answer import answer, lines
from .limits import Limit
from .points import Field, plan
from .winners import freshest
from .words import place_text, short, title

MOST_COLUMNS = 12


def sweep_text(sweep: Sweep, limits: Sequence[Limit]) -> str:
    """Return the table and the answer, as wide as the terminal.

    Along one axis the table has the wrong reads of each contender; along two, the winners.
    """
    field = Field(sweep)
    console = terminal()
    drawn = plan(field)
    for backend in field.backends if drawn.along else ():
        for place in drawn.others:
            if drawn.across is not None:
                heading = _heading(field, f"Who serves the fewest {field.fault} reads", backend, place)
                table, caption = _map(field, backend, drawn.along, drawn.across, place, limits, console.width)
            else:
                what = f"{field.fault.capitalize()} reads by {title(drawn.along)}"
                heading = _heading(field, what, backend, place)
                table, caption = _curve(field, backend, drawn.along, place, console.width)
            console.print(Text(heading, "bold"))
            console.print(table)
            console.print(*wrapped(caption, console.width), sep="\n", markup=False)
    told = [part for line in lines(answer(field, limits)) for part in wrapped(plain(line), console.width)]
    return "\n".join([printed(console), "", *told]).strip("\n")


def _shown(axis: Axis) -> list[int]:
    """Return the numbers of the values that get a column; if there are many, evenly spaced ones."""
    count = len(axis.values)
    if count <= MOST_COLUMNS:
        return list(range(count))
    return sorted({round(nth * (count - 1) / (MOST_COLUMNS - 1)) for nth in range(MOST_COLUMNS)})


def _heading(field: Field, what: str, backend: str, place: Mapping[str, Value]) -> str:
    where = place_text(field.axes, place)
    return f"{what}, {field.sweep.title} on {backend}{f', {where}' if where else ''}"


def _curve(
    field: Field, backend: str, axis: Axis, place: Mapping[str, Value], width: int
) -> tuple[RenderableType, str]:
    chosen = _shown(axis)
    caption = "below: database " + field.kind.queries + " a second"
    headings = _headings(field.kind.one, [short(axis, axis.values[nth]) for nth in chosen])
    rows = []
    there = [field.at(backend, {**place, axis.name: axis.values[nth]}) for nth in chosen]
    for name in field.contenders:
        for metric, first in (("wrong_ratio", name), ("db_queries_per_s", "")):
            cells = [shown(metric, one[name].mean(metric), {}) if name in one else "-" for one in there]
            if metric == "wrong_ratio":
                cells = ["none" if cell == "0.00%" else cell for cell in cells]
            style = "" if first else "dim"
            rows.append([Text(first), *(Text(cell, style) for cell in cells)])
    return fitted(headings, rows, width), caption


def _headings(first: str, others: Sequence[str]) -> list[Heading]:
    return [Heading(first, left=True), *map(Heading, others)]


def _map(
    field: Field,
    backend: str,
    along: Axis,
    across: Axis,
    place: Mapping[str, Value],
    limits: Sequence[Limit],
    width: int,
) -> tuple[RenderableType, str]:
    chosen = _shown(along)
    rows = []
    for nth in reversed(_shown(across)):
        there = {**place, across.name: across.values[nth]}
        standing = [field.at(backend, {**there, along.name: along.values[one]}) for one in chosen]
        found = [freshest({name: one[name] for name in one if name in field.choices}, limits) for one in standing]
        rows.append((short(across, across.values[nth]), [(one.leader, one.sure) for one in found]))
    first = f"{title(across)} \\ {title(along)}"
    columns = [short(along, along.values[nth]) for nth in chosen]
    winners = [one for one in field.choices if any(one == leader for _first, there in rows for leader, _sure in there)]
    for names in ({one: one for one in winners}, dict(zip(winners, ascii_uppercase, strict=False))):
        legend = [f"{letter} {name}" for name, letter in names.items() if letter != name]
        caption = "; ".join([*legend, "?: not settled"])
        cells = [
            [Text(value), *(Text(f"{names.get(who, '-')}{'' if sure else '?'}") for who, sure in standing)]
            for value, standing in rows
        ]
        table = fitted(_headings(first, columns), cells, width)
        if isinstance(table, Table):  # it fits as one
            break
    return table, caption
