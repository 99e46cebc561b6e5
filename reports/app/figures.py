"""Figures of a project: those of any case, those of each function, and those around events."""

from collections.abc import Iterator
from math import isnan

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...sim.verdict.metrics import duration, shown
from ...sim.verdict.tally import LOAD_BINS
from .. import figures as of_any
from ..charts import time_axis
from ..figures import EDGE, FOOT, SHEET_WIDTH, TICKS, Chart, axes_at, rendered, sheet
from ..labels import plain, shortened
from ..palette import INK, MUTED, Look
from . import charts
from .frames import Project, over_time_frame

BAR, BETWEEN = 0.17, 0.36  # inches: a bar, and the room between two functions, with the lower one's name
LEGEND = 0.22
PANEL, PANEL_GAP = 1.1, 0.45
EVENTS = 0.16  # inches: the line of their names above the first panel
OVER_TIME = {  # the figures over time: their names, and what their values are multiplied by
    "statements_per_s": ("Statements a second", 1.0),
    "response_p99_s": ("Response time, p99, ms", 1e3),
    "logouts": ("Lost from stores, such as sessions", 1.0),
}


def draw_charts(project: Project) -> Iterator[Chart]:
    """Yield the charts of a project, the headline first."""
    headline, *others = of_any.draw_charts(project.case)
    yield headline
    if project.functions:
        yield rendered(*_by_function(project))
    if project.events and any(one.over_time for one in project.outcomes):
        yield rendered(*_around_events(project))
    yield from others


def _by_function(project: Project) -> tuple[str, str, str, str, Figure]:
    case, labels = project.case, list(project.by_variant)
    wrong = {"stale_ratio": "Outdated reads"}
    if any(project.was_seen(function, "never_true_ratio") for function in project.functions):
        wrong["never_true_ratio"] = "Never true"
    shown_ones = {**wrong, "statements_per_read": "Statements a read", "response_p99_s": "Response time, p99"}
    means = "A" if len(case.seeds) == 1 else "Means over seeds, a"
    title, subtitle = "Function by function", f"{means} bar a variant, in the same order everywhere."
    pitch = BAR * len(labels) + BETWEEN
    height = pitch * len(project.functions)
    legend = _rows_of_legend(labels)
    figure = sheet(case, SHEET_WIDTH, height + legend * LEGEND, title, subtitle, intervals=True)
    look, left = case.looks, 0.12
    width = (SHEET_WIDTH - left - EDGE) / len(shown_ones)
    for nth, (metric, name) in enumerate(shown_ones.items()):
        ax = axes_at(figure, left + nth * width, FOOT - 0.15, width - 0.2, height)
        charts.by_function(_bars(project, metric), _shows(metric), look, ax)
        ax.set_ylim(height / BAR, 0)
        ax.set_title(name, size=8.5, color=INK, loc="left", pad=6)
        if nth == 0:
            for place, function in enumerate(project.functions):
                y = (place * pitch + BETWEEN * 0.62) / BAR
                ax.text(0, y, plain(shortened(function)), size=8.5, weight="bold", color=INK, va="center")
    _legend(figure, look, height + FOOT + 0.22)
    return "functions", title, subtitle, "", figure


def _bars(project: Project, metric: str) -> pd.DataFrame:
    """Return a row a function and variant: the place of its bar, in bars from the top, and its mean with the ends."""
    pitch = (BAR * len(project.by_variant) + BETWEEN) / BAR
    rows = []
    for place, function in enumerate(project.functions):
        for nth, label in enumerate(project.by_variant):
            found = project.interval(function, label, metric)
            y = place * pitch + BETWEEN / BAR + nth + 0.5
            rows.append({"variant": label, "y": y, "mean": found.mean, "low": found.low, "high": found.high})
    return pd.DataFrame(rows)


def _shows(metric: str) -> object:
    def show(value: float) -> str:
        if isnan(value):
            return "no reads"
        text = shown(metric, value, {"reads": 1})
        return "none" if text.startswith("none seen") else text

    return show


def _rows_of_legend(labels: list[str]) -> int:
    return 1 + max(row for row, _x, _label in _legend_places(labels))


def _legend_places(labels: list[str]) -> list[tuple[int, float, str]]:
    """Return for each label its row, and its place from the left in inches."""
    found, row, x = [], 0, 0.12
    for label in map(shortened, labels):
        width = 0.35 + 0.075 * len(label)
        if x + width > SHEET_WIDTH and x > 0.12:
            row, x = row + 1, 0.12
        found.append((row, x, label))
        x += width
    return found


def _legend(figure: Figure, look: dict[str, Look], bottom: float, *, lines: bool = False) -> None:
    """Write the variants with their markers, or their *lines*, in rows above the plots, the last row at *bottom*."""
    across, up = figure.get_size_inches()
    places = _legend_places(list(look))
    last = places[-1][0]
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, across), ylim=(0, up))
    styles = charts.line_styles(look)
    for (row, x, label), (name, one) in zip(places, look.items(), strict=True):
        y = bottom + (last - row) * LEGEND
        if lines:
            ax.plot([x, x + 0.14], [y, y], ls=styles[name], color=one.colour, lw=2)
        else:
            ax.plot([x + 0.06], [y], one.marker, color=one.colour, ms=one.size(7))
        ax.text(x + 0.18, y, plain(label), size=8.5, color=INK, va="center_baseline")


def _around_events(project: Project) -> tuple[str, str, str, str, Figure]:
    case = project.case
    frame = _means_over_time(project)
    panels = {name: told for name, told in OVER_TIME.items() if name != "logouts" or frame["logouts"].any()}
    step = duration(case.outcomes[0].measured_s / LOAD_BINS)
    names = ", ".join(dict.fromkeys(name for _at_s, name in project.events))
    means = "" if len(case.seeds) == 1 else ", means over seeds"
    title, subtitle = f"Before and after {names}", f"In steps of {step}{means}."
    height = len(panels) * (PANEL + PANEL_GAP) - PANEL_GAP - 0.1 + EVENTS
    labels = list(project.by_variant)
    figure = sheet(case, SHEET_WIDTH, height + _rows_of_legend(labels) * LEGEND, title, subtitle)
    look = case.looks
    for nth, (metric, (name, scale)) in enumerate(panels.items()):
        bottom = FOOT + (len(panels) - 1 - nth) * (PANEL + PANEL_GAP) - 0.1
        ax = axes_at(figure, TICKS, bottom, SHEET_WIDTH - TICKS - EDGE - 0.1, PANEL)
        charts.around_events(frame, metric, scale, project.events, look, ax)
        time_axis(ax, case.outcomes[0].measured_s, 8)
        ax.set_title(name, size=8.5, color=INK, loc="left", pad=6 + (72 * EVENTS if nth == 0 else 0))
        if nth == 0:
            _name_events(project, ax)
    _legend(figure, look, FOOT + height + 0.34, lines=True)
    return "over_time", title, subtitle, "", figure


def _name_events(project: Project, ax: object) -> None:
    """Write the events' names above their lines, on the side with room."""
    span_s = project.case.outcomes[0].measured_s
    for at_s, name in project.events:
        side = "right" if at_s > 0.7 * span_s else "left"
        ax.annotate(
            plain(shortened(name)),
            (at_s, 1),
            (-3 if side == "right" else 3, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            size=8,
            color=MUTED,
            ha=side,
            annotation_clip=False,
        )


def _means_over_time(project: Project) -> pd.DataFrame:
    """Return the figures over time as means over seeds: a row a variant and bin."""
    frame = over_time_frame([one for one in project.outcomes if one.over_time])
    means = frame.groupby(["variant", "time_s"], sort=False)[list(OVER_TIME)].mean().reset_index()
    order = {label: nth for nth, label in enumerate(project.by_variant)}
    return means.iloc[np.argsort(means["variant"].map(order), kind="stable")]
