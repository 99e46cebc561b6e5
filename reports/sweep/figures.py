"""Figures of a sweep: curves or a map for each backend, on sheets with title and text, as PNG and SVG."""

from collections.abc import Iterator, Mapping, Sequence

from matplotlib.figure import Figure

from ...sim.sweep.found import Axis, Value
from ...sim.verdict.metrics import shown
from ..figures import EDGE, FOOT, LEAST_HEIGHT, PLOT_WIDTH, TICKS, Chart, axes_at, rendered, worded
from ..frames import notes_of
from ..labels import column_height_pt, column_width_pt, plain, shortened, width_pt
from ..palette import MUTED
from . import charts
from .answer import criterion
from .frames import curve_frame
from .limits import Limit
from .points import Field, plan
from .winners import freshest
from .words import place_text, short, title

CELL_HEIGHT, CELL_WIDTH, MAP_WIDTH, LEAST_MAP = 0.62, 0.78, 4.9, 2.2
MOST_MAP_HEIGHT = 9.0
ROW_PT, SUBTITLE_PT = 15.0, 8.5


Sheet = tuple[str, str, str, str, Figure]  # the arguments of `figures.rendered`


def draw_charts(field: Field, limits: Sequence[Limit]) -> Iterator[tuple[str, Chart]]:
    """Yield the charts, backend by backend, each with its subject."""
    for about, sheet in sheets(field, limits):
        yield about, rendered(*sheet)


def sheets(field: Field, limits: Sequence[Limit]) -> Iterator[tuple[str, Sheet]]:
    """Yield the charts before they are rendered: a map where two axes vary, else curves along the one that does."""
    drawn = plan(field)
    if drawn.along is None:
        return
    for backend in field.backends:
        for place in drawn.others:
            if drawn.across:
                about = _about(field, backend, place)
                yield about, _map(field, backend, drawn.along, drawn.across, place, limits)
                continue
            about = _about(field, backend, place)
            yield from ((about, sheet) for sheet in _curves(field, backend, drawn.along, place))


def _about(field: Field, backend: str, place: Mapping[str, Value]) -> str:
    where = place_text(field.axes, place)
    return f"{field.sweep.title} on {backend}{f', {where}' if where else ''}"


def _told(field: Field, backend: str, place: Mapping[str, Value], marks: str) -> str:
    """Return the text below a chart: what it rests on."""
    few, many = field.fewest_seeds, field.most_seeds
    seeds = "one seed, so no intervals" if many == 1 else f"means of {few if few == many else f'{few} to {many}'} seeds"
    fixed = [f"{axis.name}={short(axis, axis.values[0])}" for axis in field.fixed]
    notes = dict.fromkeys(
        note for point in field.points.values() if point.backend == backend for note in notes_of(point.outcomes[0])
    )
    about = f"{_about(field, backend, place)}{''.join(f', {one}' for one in fixed)}: {seeds}"
    marks = "" if many == 1 else marks
    return ". ".join([f"{about}{marks}", *(f"{note[0].upper()}{note[1:]}".replace("`", "") for note in notes)])


def _curves(field: Field, backend: str, axis: Axis, place: Mapping[str, Value]) -> Iterator[Sheet]:
    """Yield a chart for each of the figures along the axis."""
    metrics = {
        "wrong_ratio": (f"{field.fault.capitalize()} reads", "share of all reads"),
        "db_queries_per_s": (f"Database {field.kind.queries} a second", f"{field.kind.queries} a second"),
        "response_p99_s": ("Response time, p99", "99 of 100 reads are answered within this time"),
    }
    frame = curve_frame(field, backend, axis, place, list(metrics))
    marks = "; bands are 95% intervals" if axis.is_numeric else "; thin lines are 95% intervals"
    labels = list(frame["contender"].unique())
    height = max(LEAST_HEIGHT, column_height_pt(len(labels)) / 72)
    width = TICKS + PLOT_WIDTH + column_width_pt(labels) / 72 + EDGE
    told = _told(field, backend, place, marks)
    for metric, (name, unit) in metrics.items():
        heading, level = f"{name} against {title(axis)}", frame["level"].any()
        subtitle = f"{unit.capitalize()}.{' Dashed: this axis makes no difference to it.' if level else ''}"
        figure = worded(width, height, heading, subtitle, told)
        ax = axes_at(figure, TICKS, FOOT, PLOT_WIDTH, height)
        charts.against(frame, metric, axis, field.looks, ax)
        ax.set_xlabel(plain(title(axis)), size=8.5, color=MUTED)
        yield metric, heading, subtitle, "", figure


def _map(
    field: Field, backend: str, along: Axis, across: Axis, place: Mapping[str, Value], limits: Sequence[Limit]
) -> Sheet:
    cells = _cells(field, backend, along, across, place, limits)
    names = [name for name in field.choices if name in {one.winner for one in cells}]
    further = [("not settled", False)] if not all(one.sure for one in cells) else []
    if any(one.winner is None for one in cells):
        further.append(("none meets the limits" if limits else "nothing has landed", True))
    key = max([width_pt(shortened(text), 8.0) for text in (*names, *dict(further))], default=0) / 72 + 0.55
    height = min(
        max(LEAST_MAP, CELL_HEIGHT * len(across.values), (len(names) + len(further)) * ROW_PT / 72), MOST_MAP_HEIGHT
    )
    ticks = max(width_pt(short(across, value), 8.0) for value in across.values) / 72 + 0.45
    plot = max(MAP_WIDTH, CELL_WIDTH * len(along.values)) if len(along.values) < 12 else 2 * MAP_WIDTH
    name = f"Who serves the fewest {field.fault} reads"
    subtitle = criterion(field, limits)
    unsure = "that it meets the limits and is ahead" if limits else "that it is ahead"
    marks = f"; hatched where it is not settled {unsure} (95%, cell by cell)"
    width = max(ticks + plot + 0.25 + key, width_pt(subtitle, SUBTITLE_PT) / 72 + 0.3)
    figure = worded(width, height, name, subtitle, _told(field, backend, place, marks))
    ax = axes_at(figure, ticks, FOOT, plot, height)
    faces = charts.faces(names, field.looks)
    charts.winners(cells, along, across, field.looks, faces, ax)
    ax.set_xlabel(plain(title(along)), size=8.5, color=MUTED)
    ax.set_ylabel(plain(title(across)), size=8.5, color=MUTED)
    charts.key_of(names, field.looks, faces, further, axes_at(figure, ticks + plot + 0.2, FOOT, key, height))
    more = f"In each cell: the winner, and its share of {field.fault} reads."
    return "map", name, subtitle, more, figure


def _cells(
    field: Field, backend: str, along: Axis, across: Axis, place: Mapping[str, Value], limits: Sequence[Limit]
) -> list[charts.Cell]:
    cells = []
    for x, value in enumerate(along.values):
        for y, other in enumerate(across.values):
            there = field.at(backend, {**place, along.name: value, across.name: other})
            standing = {name: point for name, point in there.items() if name in field.choices}
            found = freshest(standing, limits)
            wrong = "" if found.leader is None else _share(standing[found.leader].mean("wrong_ratio"))
            cells.append(charts.Cell(x, y, found.leader, wrong, sure=found.sure))
    return cells


def _share(share: float) -> str:
    return shown("wrong_ratio", share, {}) if share else "none seen"
