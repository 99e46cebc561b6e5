"""Figures: a case's charts on sheets with title, subtitle and footer, as PNG and SVG. All measures are in inches."""

import io
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..sim.verdict.metrics import duration
from ..sim.verdict.tally import LOAD_BINS
from . import charts
from .frames import Case, mean_frame, peak_queries_per_s, stale_age_frame, time_frame
from .labels import column_height_pt, column_width_pt, plain
from .palette import INK, MUTED, PAPER, looks
from .svg import drawn

DPI = 160
HEAD, FOOT, TICKS, EDGE = 0.95, 0.9, 0.75, 0.15  # room above, below, for the tick labels, and at the other side
PLOT_WIDTH, LEAST_HEIGHT, SHEET_WIDTH = 4.7, 3.9, 7.5
FOOT_LINES, FOOT_LINE = 3, 7 * 1.3 / 72  # the lines that fit into the usual foot, and the height of one
ON_PAGE: dict[str, Any] = {"max_lines": FOOT_LINES, "placeholder": " … (more on the page)"}
PRICE_WIDTH, PARTS_WIDTH = 1.8, 5.6
PRICES = {
    "db_queries_per_s": "Database queries a second",
    "db_peak_in_flight": "Most queries at once",
    "cache_calls_per_request": "Cache calls per request",
    "entries_end": "Entries stored at the end",
}

APP_PRICES = {
    "db_queries_per_s": "Statements a second",
    "db_s_per_read": "Database time a read",
    "cache_calls_per_request": "Cache calls per request",
    "response_p99_s": "Response time, p99",
}


@dataclass(frozen=True)
class Chart:
    """A rendered chart: `name` is for its file. The picture shows `title` and `subtitle`, the page also `more`.

    `png` is for files, on white paper; `svg` is for the page, in its colours.
    """

    name: str
    title: str
    subtitle: str
    more: str
    png: bytes
    svg: str


def draw_charts(case: Case) -> Iterator[Chart]:
    """Yield the case's charts, the headline first."""
    for draw in (*CHARTS[:1], _parts, *CHARTS[1:]) if case.mixed else CHARTS:
        yield rendered(*draw(case))


def rendered(name: str, title: str, subtitle: str, more: str, figure: Figure) -> Chart:
    """Return a figure as a chart."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return Chart(name, title, subtitle, more, buffer.getvalue(), drawn(figure))


def footer(case: Case, *, intervals: bool) -> str:
    """Return the words at a chart's foot: where its figures come from; *intervals* says whether it draws any."""
    seeds = len(case.seeds)
    thin = ("", "; thin lines are 95% intervals")[intervals]
    spread = f"one seed{', so no intervals' if intervals else ''}" if seeds == 1 else f"means of {seeds} seeds{thin}"
    return ". ".join([f"{case.title}: {spread}", *(note[0].upper() + note[1:] for note in _plain_notes(case))])


def _plain_notes(case: Case) -> list[str]:
    return [note.replace("`", "") for note in case.remarks]


def sheet(case: Case, width: float, height: float, title: str, subtitle: str, *, intervals: bool = False) -> Figure:
    """Return an empty figure for a plot area of *height*, with its words in place."""
    return worded(width, height, title, subtitle, footer(case, intervals=intervals))


def worded(
    width: float, height: float, title: str, subtitle: str, told: str, *, foot: float = FOOT, on_page: bool = True
) -> Figure:
    """Return an empty figure for a plot area of *height*, with its words in place; *told* is the text below.

    With *on_page*, the text may be cut, as the page has all of it; else *foot* must have room for it: see `foot_of`.
    """
    total = HEAD + height + foot
    figure = Figure(figsize=(width, total), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.text(0.12 / width, 1 - 0.27 / total, plain(title), size=12, weight="bold", color=INK, va="center")
    figure.text(0.12 / width, 1 - 0.5 / total, plain(subtitle), size=8.5, color=MUTED, va="center")
    words = textwrap.wrap(plain(told), _letters(width), **(ON_PAGE if on_page else {}))
    lines = "\n".join(words)
    figure.text(0.12 / width, 0.08 / total, lines, size=7, color=MUTED, va="bottom", linespacing=1.3)
    return figure


def foot_of(width: float, told: str) -> float:
    """Return how much room a plot needs below it for all that is *told* on a sheet of this *width*."""
    more = len(textwrap.wrap(plain(told), _letters(width))) - FOOT_LINES
    return FOOT + max(0, more) * FOOT_LINE


def _letters(width: float) -> int:
    return int(width * 18)


def axes_at(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Return axes at a place given in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def _labelled(
    case: Case,
    title: str,
    subtitle: str,
    draw: Callable[[Axes], None],
    side: Literal["left", "right"] = "right",
    *,
    intervals: bool = False,
) -> Figure:
    """Return a figure of one plot with a column of labels at one side, as high as the labels need."""
    labels = list(case.by_strategy)
    height = max(LEAST_HEIGHT, column_height_pt(len(labels)) / 72)
    column = column_width_pt(labels) / 72
    figure = sheet(case, TICKS + PLOT_WIDTH + column + EDGE, height, title, subtitle, intervals=intervals)
    draw(axes_at(figure, TICKS if side == "right" else column + EDGE, FOOT, PLOT_WIDTH, height))
    return figure


def _scatter(case: Case, metric: str, title: str, subtitle: str, x_title: str) -> Figure:
    def draw(ax: Axes) -> None:
        charts.against_wrong(mean_frame(case, [metric, "wrong_ratio"]), metric, case.looks, ax)
        ax.set_xlabel(x_title, size=8.5, color=MUTED)
        ax.set_title(f"{case.fault} reads, share of all reads", size=8.5, color=MUTED, loc="left", pad=8)

    return _labelled(case, title, subtitle, draw, intervals=True)


def _headline(case: Case) -> tuple[str, str, str, str, Figure]:
    title = f"{case.kind.queries.capitalize()} saved, and the {case.fault} reads they cost"
    subtitle = "Lower right is better. Height within the bottom lane means nothing."
    figure = _scatter(
        case, "db_queries_saved_ratio", title, subtitle, f"database {case.kind.queries} saved, against no cache"
    )
    return "saved_against_stale", title, subtitle, f"No {case.fault} read was seen in the bottom lane.", figure


def _parts(case: Case) -> tuple[str, str, str, str, Figure]:
    title, subtitle = "What is wrong with the wrong reads", "Share of all reads. Each read counts once."
    frame = mean_frame(case, ["wrong_ratio", *case.parts])
    height = max(0.24 * len(frame), 1.2)
    names = column_width_pt(list(frame["strategy"])) / 72 - 0.25
    figure = sheet(case, names + PARTS_WIDTH + EDGE, height, title, subtitle)
    charts.wrong_parts(frame, case.parts, axes_at(figure, names, FOOT - 0.1, PARTS_WIDTH, height + 0.1))
    return "wrong_parts", title, subtitle, "", figure


def _hits(case: Case) -> tuple[str, str, str, str, Figure]:
    title = f"Hits against {case.fault} reads"
    hits = "cache lookups that hit" if case.of_project else "reads without a full load"
    subtitle = f"A hit is not always fresh. Hits: {hits}."
    figure = _scatter(case, "hit_ratio", title, subtitle, "hit ratio")
    return "hits_against_stale", title, subtitle, "", figure


def _ages(case: Case) -> tuple[str, str, str, str, Figure]:
    title = "How old outdated reads get"
    subtitle = "Share of all reads outdated by at least this long. A line ends at the oldest read seen."
    frame = stale_age_frame(case)
    shown = set(frame["strategy"])
    unseen = [label for label in case.by_strategy if label not in shown]

    def draw(ax: Axes) -> None:
        if frame.empty:
            charts.bare(ax)
            ax.set(xticks=[], yticks=[])
            ax.text(0.5, 0.5, "no outdated read was seen", transform=ax.transAxes, ha="center", color=MUTED, size=10)
            return
        charts.stale_ages(frame, case.looks, ax)
        since = "time since it was last true" if case.of_project else "time since the version read was replaced"
        ax.set_xlabel(since, size=8.5, color=MUTED)
        ax.set_title("share of all reads", size=8.5, color=MUTED, loc="right", pad=8)

    figure = _labelled(case, title, subtitle, draw, side="left")
    none = "was outdated" if case.mixed else "was seen"
    without = f"Not drawn, as none {none}: {', '.join(unseen)}." if unseen else ""
    what = "What was never true has" if case.of_project else "Rows that were not committed have"
    ageless = f"{what} no age." if case.mixed else ""
    return "stale_ages", title, subtitle, " ".join(filter(None, (ageless, without))), figure


def _queries(case: Case) -> tuple[str, str, str, str, Figure]:
    title = f"Database {case.kind.queries} over time"
    step = duration(case.outcomes[0].measured_s / LOAD_BINS)
    peak = "highest step" if len(case.seeds) == 1 else "mean over seeds of each one's highest step"
    subtitle = f"{case.kind.queries.capitalize()} a second in steps of {step}, on shared scales. Peak: {peak}."
    frame, look = time_frame(case), case.looks
    across, panel_width, panel_height, gap = 3, 2.0, 0.62, 0.58
    rows = ceil(len(look) / across)
    figure = sheet(case, SHEET_WIDTH, rows * (panel_height + gap) - 0.35, title, subtitle)
    top = (frame["db_queries_per_s"].max() or 1) * 1.05
    for nth, (label, part) in enumerate(frame.groupby("strategy", sort=False)):
        left = 0.55 + (nth % across) * (panel_width + 0.32)
        bottom = FOOT + (rows - 1 - nth // across) * (panel_height + gap) - 0.05
        ax = axes_at(figure, left, bottom, panel_width, panel_height)
        charts.queries_over_time(part, peak_queries_per_s(case, label), look[label], label, ax)
        ax.set_ylim(0, top)
        charts.time_axis(ax, case.outcomes[0].measured_s, 3)
        ax.yaxis.set_major_locator(MaxNLocator(3))
        if nth % across:
            ax.tick_params(labelleft=False)
        if nth + across < len(look):
            ax.tick_params(labelbottom=False)
    return "queries_over_time", title, subtitle, "", figure


def _prices(case: Case) -> tuple[str, str, str, str, Figure]:
    title = "The price"
    subtitle = "What each strategy asks of the database, of the cache server and of its memory (expired entries count)."
    if case.of_project:
        subtitle = "What each variant asks of the database and of the cache server, and how long its reads take."
    prices = APP_PRICES if case.of_project else PRICES
    frame, look = mean_frame(case, list(prices)), case.looks
    height = 0.24 * len(frame)
    names = column_width_pt(list(frame["strategy"])) / 72 - 0.25
    figure = sheet(case, names + len(prices) * PRICE_WIDTH + 0.1, height, title, subtitle, intervals=True)
    for nth, (metric, name) in enumerate(prices.items()):
        ax = axes_at(figure, names + nth * PRICE_WIDTH, FOOT - 0.1, PRICE_WIDTH - 0.2, height + 0.1)
        charts.price(frame, metric, look, ax)
        ax.set_title(name, size=8.5, color=INK, loc="left", pad=6)
        ax.tick_params(axis="y", labelleft=nth == 0, labelcolor=INK)
    return "price", title, subtitle, "", figure


def _traffic(case: Case) -> tuple[str, str, str, str, Figure]:
    title = "The traffic"
    span = f"{duration(case.outcomes[0].measured_s)} ({case.arrivals})"
    subtitle = f"Reads a second over {span}, the same for every {case.kind.one}."
    figure = sheet(case, SHEET_WIDTH, 1.5, title, subtitle)
    frame = time_frame(case)
    ax = axes_at(figure, TICKS, FOOT - 0.2, SHEET_WIDTH - TICKS - EDGE - 0.1, 1.6)
    charts.traffic(frame[frame["strategy"] == frame["strategy"].iloc[0]], ax)
    charts.time_axis(ax, case.outcomes[0].measured_s, 8)
    return "traffic", title, subtitle, "", figure


CHARTS = (_headline, _hits, _ages, _queries, _prices, _traffic)


def draw_verification(case: Case, frame: pd.DataFrame) -> bytes:
    """Return the chart of a verification as a PNG."""
    buffer = io.BytesIO()
    verification_figure(case, frame).savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def verification_figure(case: Case, frame: pd.DataFrame) -> Figure:
    """Return the chart of a verification: a panel for each figure of *frame*, a line for each cell.

    *case* is one of the measured cases. Its title and all of its notes are shown, as there is no page with them.
    """
    cells = frame[["backend", "strategy"]].drop_duplicates()
    places, height = _lines_of(cells)
    side = (SHEET_WIDTH - VERIFIED_LEFT - EDGE - 3 * VERIFIED_GAP) / 4
    subtitle = (
        "A point: measured minus predicted (none: one side had no outdated read). The band behind it: what chance "
        "alone makes\nof it if the model is right; red where a limit is missed."
    )
    told = footer(case, intervals=False)
    foot = foot_of(SHEET_WIDTH, told)
    heading = "Does the simulation predict a real run?"
    figure = worded(SHEET_WIDTH, height, heading, subtitle, told, foot=foot, on_page=False)
    look = looks(dict.fromkeys(frame["strategy"]))
    for nth, metric in enumerate(frame["metric"].unique()):
        name, scale = VERIFIED[metric]
        ax = axes_at(figure, VERIFIED_LEFT + nth * (side + VERIFIED_GAP), foot, side, height)
        part = frame[frame["metric"] == metric]
        at = [places[key] for key in zip(part["backend"], part["strategy"], strict=True)]
        charts.differences(part.assign(y=at), look, scale, ax)
        ax.set_ylim(0, height)
        ax.set_title(name, size=8, color=INK, loc="left", pad=6)
        if nth == 0:
            _name_lines(places, ax)
    return figure


def _lines_of(cells: pd.DataFrame) -> tuple[dict[tuple[str, str], float], float]:
    """Return the height of each line above the panel's foot, and the panel's height.

    A cell's line has its strategy and backend as a key, a backend's own line ("", backend).
    """
    lines: list[tuple[str, str]] = []
    for backend, group in cells.groupby("backend", sort=False):
        lines += [("", str(backend)), *((str(backend), str(strategy)) for strategy in group["strategy"])]
    height = VERIFIED_LINE * len(lines) + 0.1
    return {line: height - VERIFIED_LINE * (nth + 0.5) for nth, line in enumerate(lines)}, height


def _name_lines(places: dict[tuple[str, str], float], ax: Axes) -> None:
    for (backend, name), y in places.items():
        own = not backend
        words = {"weight": "bold", "color": INK} if own else {"color": MUTED}
        ax.annotate(
            plain(name),
            (0, y),
            xycoords=("axes fraction", "data"),
            xytext=(-(VERIFIED_LEFT - 0.12) * 72, 0),
            textcoords="offset points",
            size=8,
            va="center",
            annotation_clip=False,
            **words,
        )


VERIFIED_LEFT, VERIFIED_GAP, VERIFIED_LINE = 1.75, 0.22, 0.23
VERIFIED = {  # the figures of a verification: their names, and the factors for their values
    "hit_ratio": ("hits, points", 100.0),
    "stale_ratio": ("outdated, points", 100.0),
    "wrong_ratio": ("wrong, points", 100.0),
    "stale_age_p99_s": ("outdated, age p99, s", 1.0),
    "db_reads": ("loads", 1.0),
}
