"""The charts: functions from a frame to an `Axes`. Nothing else draws data."""

from collections.abc import Callable, Mapping
from math import ceil, floor, isnan, log10

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullFormatter, PercentFormatter

from ..sim.verdict.metrics import KNOWN, duration, shown
from .formatting import people
from .labels import Pin, label_points, plain, shortened
from .palette import FAINT, INK, LANE, MUTED, PAPER, PART_COLOURS, Look

MARKER_PT = 8.0
LANE_PT = 34.0  # the least height of the lane of strategies without a wrong read
TITLE = 28  # letters that fit above a small panel
RINGS_PT = (0.0, 4.5, 8.0)
Looks = Mapping[str, Look]
BAND, MISSED = "#c9ced6", "#f0a58c"  # the band behind a point: what chance explains; if a limit is missed
TIME_STEPS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)


def bare(ax: Axes) -> None:
    """Give *ax* the house style: no box, faint grid, muted ticks."""
    ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
    ax.tick_params(colors=MUTED, labelsize=8, length=0)
    ax.grid(color=FAINT, lw=0.7)
    ax.set_axisbelow(True)


def time_axis(ax: Axes, span_s: float, most_ticks: int) -> None:
    """Set the x axis of *ax* to 0 to *span_s* seconds, with at most about *most_ticks* round ticks in one unit."""
    unit_s, unit = next((one for one in ((3600, "h"), (60, "min")) if span_s >= 3 * one[0]), (1, "s"))
    ax.set_xlim(0, span_s)
    step_s = next((step for step in TIME_STEPS_S if span_s / step <= most_ticks), 0)
    ax.xaxis.set_major_locator(MultipleLocator(step_s) if 1 <= step_s <= span_s else MaxNLocator(most_ticks))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit_s:g} {unit}" if value else "0"))


def brief(metric: str, value: float) -> str:
    """Return a figure in the short form of charts; a zero count also says out of how many."""
    return "none seen" if value == 0 and KNOWN[metric].of else shown(metric, value, {})


def in_units(metric: str) -> FuncFormatter:
    """Return what writes the ticks of a metric: times with their unit, other amounts as numbers."""
    is_time = KNOWN[metric].unit == "s"
    return FuncFormatter(lambda at, _: duration(at) if is_time and at else f"{at:,.6g}")


def against_wrong(frame: pd.DataFrame, metric: str, looks: Looks, ax: Axes) -> None:
    """Draw *metric* (x) against the share of wrong reads (y, log): a labelled point a strategy, error bars over seeds.

    *frame* has one row a strategy: `strategy`, and for both metrics the mean, `_low` and `_high`. Points without a
    wrong read are in a lane at the bottom, one above the other; their height there means nothing.
    """
    bare(ax)
    _x_limits(frame, metric, ax)
    seen = frame[frame["wrong_ratio"] > 0]
    unseen = frame[frame["wrong_ratio"] <= 0].sort_values(metric, kind="stable")
    highest = seen["wrong_ratio_high"].fillna(seen["wrong_ratio"]).max()
    floor_ratio, lane = wrong_scale(seen["wrong_ratio"].min(), highest, len(unseen), ax)
    pins = [Pin(row.strategy, getattr(row, metric), row.wrong_ratio, looks[row.strategy]) for row in seen.itertuples()]
    for nth, row in enumerate(unseen.itertuples()):
        pins.append(Pin(row.strategy, getattr(row, metric), lane(nth), looks[row.strategy]))
    _error_bars(seen, metric, floor_ratio, looks, ax)
    _points(pins, ax)
    label_points(ax, pins)


def _x_limits(frame: pd.DataFrame, metric: str, ax: Axes) -> None:
    values = frame[metric].dropna()
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    span = max(high - low, 0.05)
    ax.set_xlim(low - 0.05 * span, min(high + 0.05 * span, 1 + 0.05 * span))
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.xaxis.set_major_formatter(PercentFormatter(1))


def wrong_scale(lowest: float, highest: float, lane_rows: int, ax: Axes) -> tuple[float, Callable[[int], float]]:
    """Set the log axis of wrong reads and the lane below; return its lowest ratio, and the place of each lane row."""
    none = isnan(lowest)
    least = -4 if none else floor(log10(lowest))
    most = 0 if none else min(0, ceil(log10(highest) + 0.05))
    least = min(least, most - 1)
    height_pt = ax.get_window_extent().height * 72 / ax.figure.dpi
    row_pt = min(MARKER_PT * 1.35, height_pt * 0.6 / max(lane_rows, 1))
    lane_pt = max(row_pt * lane_rows + 8, LANE_PT)
    top_pt = 8.0
    decades_a_pt = (most - least) / (height_pt - lane_pt - top_pt)
    ax.set_yscale("log")
    ax.set_ylim(10 ** (least - lane_pt * decades_a_pt), 10 ** (most + top_pt * decades_a_pt))
    ax.axhspan(ax.get_ylim()[0], 10**least, color=LANE, lw=0, zorder=0)
    ticks = [10.0**power for power in range(least, most + 1)]
    middle = 10 ** (least - lane_pt / 2 * decades_a_pt)
    ax.set_yticks([middle, *ticks], ["none\nseen", *(f"{100 * tick:g}%" for tick in ticks)])
    ax.minorticks_off()
    ax.yaxis.get_gridlines()[0].set_visible(False)
    return 10.0**least, lambda row: 10 ** (least - (lane_pt - 4 - row_pt * (row + 0.5)) * decades_a_pt)


def _error_bars(seen: pd.DataFrame, metric: str, floor_ratio: float, looks: Looks, ax: Axes) -> None:
    for row in seen.to_dict("records"):
        style = {"color": looks[row["strategy"]].colour, "lw": 1.1, "alpha": 0.6, "solid_capstyle": "butt", "zorder": 2}
        low, high = row["wrong_ratio_low"], row["wrong_ratio_high"]
        if not isnan(low):  # NaN: only one seed
            ax.plot([row[metric]] * 2, [max(low, floor_ratio), high], **style)
            ax.plot([row[f"{metric}_low"], row[f"{metric}_high"]], [row["wrong_ratio"]] * 2, **style)


def _points(pins: list[Pin], ax: Axes) -> None:
    """Draw the points; if several have the same place, later ones are drawn as wider rings under the earlier ones."""
    at_px = ax.transData.transform([(pin.x, pin.y) for pin in pins]) if pins else []
    near_px = MARKER_PT * 0.5 * ax.figure.dpi / 72
    for nth, pin in enumerate(pins):
        under = sum(bool(np.hypot(*(at_px[nth] - at_px[other])) < near_px) for other in range(nth))
        size = pin.look.size(MARKER_PT + RINGS_PT[min(under, 2)])
        ax.plot(
            [pin.x],
            [pin.y],
            ls="",
            color=pin.look.colour,
            marker=pin.look.marker,
            ms=size,
            mec=PAPER,
            mew=0.8,
            zorder=5 - 0.05 * under,
            clip_on=False,
        )


def stale_ages(frame: pd.DataFrame, looks: Looks, ax: Axes) -> None:
    """Draw the share of reads outdated by at least x, both logarithmic; each line ends at the oldest read seen."""
    bare(ax)
    ax.set_xscale("log")
    ax.set_yscale("log")
    low, high = frame["age_s"].min(), frame["age_s"].max()
    ax.set_xlim(min(low / 1.3, 10 ** floor(log10(high))), max(high, low * 10) * 1.3)
    ax.set_ylim(
        10 ** (floor(log10(frame["share"].min())) - 0.25), 10 ** min(0.15, ceil(log10(frame["share"].max()) + 0.05))
    )
    parts = dict(list(frame.groupby("strategy", sort=False)))
    for nth, (label, part) in enumerate(parts.items()):
        width = 1.2 + 1.8 * (1 - nth / len(parts))  # later lines are thinner: an equal line below stays visible
        ax.plot(part["age_s"], part["share"], color=looks[label].colour, lw=width, solid_capstyle="butt")
    starts = [Pin(label, part["age_s"].iloc[0], part["share"].iloc[0], looks[label]) for label, part in parts.items()]
    ends = [Pin(label, part["age_s"].iloc[-1], part["share"].iloc[-1], looks[label]) for label, part in parts.items()]
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(numticks=9))
        axis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    ax.yaxis.tick_right()
    ax.tick_params(length=0)
    _points(ends, ax)
    label_points(ax, starts, side="left")


def queries_over_time(frame: pd.DataFrame, peak_per_s: float, look: Look, title: str, ax: Axes) -> None:
    """Draw one strategy's database queries a second over time, with its mean and its peak in words."""
    bare(ax)
    rate = frame["db_queries_per_s"]
    ax.fill_between(frame["time_s"], rate, color=look.colour, alpha=0.25, lw=0)
    ax.plot(frame["time_s"], rate, color=look.colour, lw=1.1)
    top = {"transform": ax.transAxes, "clip_on": False}
    ax.plot([0.015], [1.38], marker=look.marker, color=look.colour, ms=look.size(6.5), mec=PAPER, mew=0.5, **top)
    ax.text(
        0.055, 1.38, plain(shortened(title, TITLE)), size=8.5, weight="bold", color=INK, va="center_baseline", **top
    )
    seen = f"mean {people(rate.mean())} a second, peak {people(peak_per_s)}"
    words = seen if peak_per_s > 0 else brief("db_queries_per_s", 0)
    ax.text(0.055, 1.14, words, size=7.5, color=MUTED, va="center_baseline", **top)


def price(frame: pd.DataFrame, metric: str, looks: Looks, ax: Axes) -> None:
    """Draw one cost: a bar for each strategy, with its figure at the end and its interval as a line."""
    bare(ax)
    ax.grid(visible=False, axis="y")
    ax.set_yticks(range(len(frame)), [plain(shortened(label)) for label in frame["strategy"]])
    ax.invert_yaxis()
    values = frame[metric].fillna(0)
    highs = frame[f"{metric}_high"].fillna(values)
    ax.barh(
        range(len(frame)), values, height=0.62, color=[looks[label].colour for label in frame["strategy"]], alpha=0.85
    )
    for place, row in enumerate(frame.to_dict("records")):
        if row[f"{metric}_high"] > row[f"{metric}_low"]:
            ax.plot([row[f"{metric}_low"], row[f"{metric}_high"]], [place] * 2, color=INK, lw=1)
        ax.annotate(
            brief(metric, row[metric]),
            (max(values[place], highs[place]), place),
            (4, 0),
            textcoords="offset points",
            size=7.5,
            color=INK,
            va="center",
        )
    ax.set_xlim(0, (highs.max() or 1) * 1.42)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_formatter(in_units(metric))


def wrong_parts(frame: pd.DataFrame, parts: Mapping[str, str], ax: Axes) -> None:
    """Draw the share of wrong reads: a bar for each strategy, made of its *parts* (metrics and names), with figures.

    *frame* has one row a strategy: `strategy`, and `wrong_ratio` and the parts with their means.
    """
    bare(ax)
    ax.grid(visible=False, axis="y")
    ax.set_yticks(range(len(frame)), [plain(shortened(label)) for label in frame["strategy"]])
    ax.tick_params(axis="y", labelcolor=INK)
    ax.invert_yaxis()
    done = np.zeros(len(frame))
    for metric, name in parts.items():
        values = frame[metric].fillna(0).to_numpy()
        ax.barh(range(len(frame)), values, left=done, height=0.62, color=PART_COLOURS[metric], alpha=0.85, label=name)
        done = done + values
    for place, row in enumerate(frame.to_dict("records")):
        seen = [f"{brief(metric, row[metric])} {name}" for metric, name in parts.items() if row[metric] > 0]
        words = ", ".join(seen) or "none seen"
        ax.annotate(words, (done[place], place), (4, 0), textcoords="offset points", size=7.5, color=INK, va="center")
    most = done.max() or 1.0
    ax.set_xlim(0, most * 2.1)  # room for the words to the right of the bars
    ax.set_xticks([tick for tick in MaxNLocator(3).tick_values(0, most) if tick <= most * 1.05])
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(loc="lower left", bbox_to_anchor=(-0.015, 1), ncols=len(parts), fontsize=8, frameon=False, labelcolor=INK)


def traffic(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the reads a second over time: the arrival process."""
    bare(ax)
    ax.fill_between(frame["time_s"], frame["reads_per_s"], color=MUTED, alpha=0.2, lw=0)
    ax.plot(frame["time_s"], frame["reads_per_s"], color=INK, lw=1.1)
    ax.set_ylim(0)


def differences(frame: pd.DataFrame, looks: Looks, scale: float, ax: Axes) -> None:
    """Draw one figure of a verification: measured minus predicted (x), a point a cell, on the band of chance.

    *frame* has one row a cell: `strategy`, `y`, `difference`, `chance_low`, `chance_high` and `missed`. Figures are
    multiplied by *scale*.
    """
    bare(ax)
    ax.axvline(0, color=MUTED, lw=0.8, zorder=1)
    for row in frame.itertuples():
        look = looks[row.strategy]
        ends = [scale * row.chance_low, scale * row.chance_high]
        ax.plot(ends, [row.y, row.y], color=MISSED if row.missed else BAND, lw=7, solid_capstyle="butt", zorder=2)
        ax.plot([scale * row.difference], [row.y], look.marker, color=look.colour, ms=look.size(6), zorder=3)
    shown_at = frame[["difference", "chance_low", "chance_high"]].abs().max().max()
    reach = 1.15 * scale * shown_at if shown_at > 0 else 1.0
    ax.set_xlim(-reach, reach)
    ax.xaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    ax.set_yticks(frame["y"], labels=[])
    ax.grid(visible=False, axis="y")
