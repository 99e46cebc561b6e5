"""Charts of a sweep: functions from a frame to an `Axes`; curves, dots by value, and maps of winners."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ...sim.sweep.found import Axis
from ..charts import Looks, bare, in_units, wrong_scale
from ..labels import Pin, label_points, plain, shortened, width_pt
from ..palette import INK, LANE, PAPER, Look
from ..svg import TINTS, Colour, tinted
from .points import is_log, numbers
from .words import texts

MARKER_PT, BAND_ALPHA = 5.0, 0.13
TICK_PT = 8.0
NARROW_PT, LOW_PT = 28.0, 30.0  # narrower cells have no words, lower ones no figure
LEAST_CELL_PT = 9.0  # smaller cells show only their colour
DODGE = 0.62  # the share of a value's room that its dots take
FAR_APART = 25  # figures whose ratio is larger have a logarithmic scale
NAME_SIZES_PT = (8.0, 7.0, 6.2)
Heights = Callable[[str, np.ndarray, np.ndarray], np.ndarray]


def against(frame: pd.DataFrame, metric: str, axis: Axis, looks: Looks, ax: Axes) -> None:
    """Draw *metric* along *axis*: a labelled line a contender with a band for its interval, or dots by value.

    *frame* is a `frames.curve_frame`. Numeric axes have lines; a contender that does not use the axis has a level line
    over the whole width. Wrong reads have a logarithmic scale, with a lane at the bottom for points without any.
    """
    bare(ax)
    parts = dict(list(frame.groupby("contender", sort=False)))
    places = _scale(axis, len(parts), ax)
    heights = _heights(frame, metric, list(parts), ax)
    pins = []
    for nth, (name, part) in enumerate(parts.items()):
        draw = _line if axis.is_numeric or part["level"].all() else _dots
        x = places(part["nth"].to_numpy(), nth, level=bool(part["level"].all()))
        low, high = (part[f"{metric}_{end}"].fillna(part[metric]).to_numpy() for end in ("low", "high"))
        middle = part[metric].to_numpy()
        y, low, high = heights(name, middle, middle), heights(name, middle, low), heights(name, middle, high)
        draw(ax, x, (y, low, high), looks[name], level=bool(part["level"].all()))
        seen = np.flatnonzero(~np.isnan(y))
        if len(seen):
            pins.append(Pin(name, x[seen[-1]], y[seen[-1]], looks[name]))
    label_points(ax, pins)


def _scale(axis: Axis, contenders: int, ax: Axes) -> Callable[..., np.ndarray]:
    """Set the x axis up; return a function for the places of values (by number) of the nth contender."""
    if axis.is_numeric:
        values = np.asarray(numbers(axis))
        ax.set_xscale("log" if is_log(axis) else "linear")
        low, high = values.min(), values.max()
        pad = (high / low) ** 0.025 if is_log(axis) else (high - low) * 0.025
        ax.set_xlim(*((low / pad, high * pad) if is_log(axis) else (low - pad, high + pad)))
        at = values
    else:
        at = np.arange(len(axis.values), dtype=float)
        ax.set_xlim(-0.5, len(at) - 0.5)
    ax.set_xticks(at, _thinned(texts(axis), [(x, 1.0) for x in at], ax))
    ax.minorticks_off()

    def places(chosen: np.ndarray, nth: int, *, level: bool) -> np.ndarray:
        if axis.is_numeric:
            return at[chosen]
        if level:
            return np.linspace(*ax.get_xlim(), len(chosen))
        return at[chosen] + (nth + 0.5 - contenders / 2) * DODGE / contenders

    return places


def _thinned(labels: Sequence[str], at: Sequence[tuple[float, float]], ax: Axes, *, upright: bool = False) -> list[str]:
    """Return the labels of a scale without those that would touch the one before; *at* are their places."""
    places_pt = ax.transData.transform(at)[:, int(upright)] * 72 / ax.figure.dpi
    shown, last = [], -np.inf
    for text, place in zip(labels, places_pt, strict=True):
        half = TICK_PT / 2 if upright else width_pt(text, TICK_PT) / 2 + 3
        fits = place - half >= last
        shown.append(plain(text) if fits else "")
        last = place + half if fits else last
    return shown


def _heights(frame: pd.DataFrame, metric: str, names: Sequence[str], ax: Axes) -> Heights:
    """Set the y axis up; return a function for the heights of a contender's figures; *middle* are its means."""
    highest = float(np.nanmax([*frame[metric], *frame[f"{metric}_high"], 0.0]))
    if metric != "wrong_ratio":
        return _amounts(metric, frame[metric].dropna().tolist(), highest or 1.0, ax)
    seen = frame[frame[metric] > 0]
    unseen = [name for name in names if (frame[frame["contender"] == name][metric] <= 0).any()]
    lowest = float(seen[metric].min()) if len(seen) else float("nan")
    floor, lane = wrong_scale(lowest, highest or 1.0, len(unseen), ax)
    rows = {name: lane(nth) for nth, name in enumerate(unseen)}
    return lambda name, middle, values: np.where(middle <= 0, rows.get(name, floor), np.maximum(values, floor))


def _amounts(metric: str, values: Sequence[float], highest: float, ax: Axes) -> Heights:
    """Set the y axis up for amounts: from 0, or logarithmic if small ones could not be told from 0 otherwise.

    With zeros among them, the logarithmic scale ends at the smallest other amount, and 0 is a step below.
    """
    least = 0.0
    lowest = min((value for value in values if value > 0), default=highest)
    if highest / lowest >= FAR_APART:
        if min(values) > 0:
            least = lowest / 1.5
            ax.set_yscale("log")
        else:
            ax.set_yscale("symlog", linthresh=lowest, linscale=0.4)
        ax.set_ylim(least, highest * 1.15)
        decades = 10.0 ** np.arange(np.ceil(np.log10(lowest)), np.floor(np.log10(highest)) + 1)
        steps = (1.0, 3.0) if highest / lowest < 1000 else (1.0,)
        ticks = sorted({step * one for one in decades for step in steps if lowest <= step * one <= highest})
        ax.yaxis.set_major_locator(FixedLocator([*([] if least else [0.0]), *ticks]))
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        ax.set_ylim(0, highest * 1.06)
        ax.yaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_formatter(in_units(metric))
    return lambda _name, _middle, values: np.maximum(values, least)


def _line(ax: Axes, x: np.ndarray, heights: tuple[np.ndarray, ...], look: Look, *, level: bool) -> None:
    y, low, high = heights
    ax.fill_between(x, low, high, color=look.colour, alpha=BAND_ALPHA, lw=0, zorder=1.5)
    style = (
        {"ls": (0, (4, 2))} if level else {"marker": look.marker, "ms": look.size(MARKER_PT), "mec": PAPER, "mew": 0.6}
    )
    ax.plot(x, y, color=look.colour, lw=1.4, zorder=3, clip_on=False, **style)


def _dots(ax: Axes, x: np.ndarray, heights: tuple[np.ndarray, ...], look: Look, *, level: bool) -> None:  # noqa: ARG001
    y, low, high = heights
    ax.vlines(x, low, high, color=look.colour, lw=1.3, alpha=0.7, zorder=2)
    ax.plot(x, y, ls="", color=look.colour, marker=look.marker, ms=look.size(6.5), mec=PAPER, mew=0.6, zorder=3)


@dataclass(frozen=True)
class Cell:
    """A cell of a map: its place by the numbers of the values, the winner (None: nobody), and further text."""

    x: int
    y: int
    winner: str | None
    text: str
    sure: bool


def faces(names: Sequence[str], looks: Looks) -> dict[str, Colour]:
    """Return the colour of each winner's cells: a tint of its own colour; two with the same colour get two shades."""
    shades: dict[str, int] = {}
    found = {}
    for name in names:
        colour = looks[name].colour
        nth = shades[colour] = shades.get(colour, -1) + 1
        found[name] = tinted(colour, TINTS[nth % len(TINTS)])
    return found


def winners(
    cells: Sequence[Cell], along: Axis, across: Axis, looks: Looks, faces: Mapping[str, Colour], ax: Axes
) -> None:
    """Draw a map: each cell has its winner's colour, and its name if it fits; hatched if nothing is settled."""
    bare(ax)
    ax.grid(visible=False)
    columns, rows = texts(along), texts(across)
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(-0.5, len(rows) - 0.5)
    ax.set_xticks(range(len(columns)), _thinned(columns, [(nth, 0.0) for nth in range(len(columns))], ax))
    ax.set_yticks(range(len(rows)), _thinned(rows, [(0.0, nth) for nth in range(len(rows))], ax, upright=True))
    frame = ax.get_window_extent()
    room_pt = frame.width * 72 / ax.figure.dpi / len(columns), frame.height * 72 / ax.figure.dpi / len(rows)
    for one in cells:
        _cell(one, looks, faces, room_pt, ax)


def swatch(ax: Axes, box: tuple[float, float, float, float], face: Colour | str, *, sure: bool, **more: object) -> None:
    """Draw a rectangle as in a map, hatched unless it is *sure*."""
    left, bottom, width, height = box
    hatch = None if sure else "////"
    ax.add_patch(
        Rectangle(
            (left, bottom), width, height, facecolor=face, edgecolor="#00000038", hatch=hatch, lw=0, zorder=1, **more
        )
    )
    ax.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor=PAPER, lw=1.5, zorder=2, **more))


def _cell(one: Cell, looks: Looks, faces: Mapping[str, Colour], room_pt: tuple[float, float], ax: Axes) -> None:
    look = looks[one.winner] if one.winner else None
    face = faces[one.winner] if one.winner else LANE
    swatch(ax, (one.x - 0.5, one.y - 0.5, 1, 1), face, sure=one.sure)
    width, height = room_pt
    if look is None or min(room_pt) < LEAST_CELL_PT:
        return
    name = _fitting(one.winner or "", width - 8, height - 22) if width >= NARROW_PT else None
    lines = [(name[0], name[1])] if name else []
    if one.text and width >= NARROW_PT and height >= LOW_PT and width_pt(one.text, 6.5) <= width - 8:
        lines.append((one.text, 6.5))
    words_pt = sum(size * 1.25 * (text.count("\n") + 1) for text, size in lines)
    top = (words_pt + 9) / 2  # the marker is above the words
    if not lines:
        top = 4.5
    style = {"ls": "", "marker": look.marker, "color": look.colour, "mec": PAPER, "mew": 0.5, "zorder": 4}
    ax.plot([one.x], [one.y + (top - 3.5) / height], ms=look.size(6.0), **style)
    down = top - 9
    for text, size in lines:
        ax.annotate(
            plain(text),
            (one.x, one.y),
            (0, down),
            textcoords="offset points",
            size=size,
            color=INK,
            ha="center",
            va="top",
            linespacing=1.05,
            zorder=4,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": face, "edgecolor": "none"},
        )
        down -= size * 1.25 * (text.count("\n") + 1)


@lru_cache(maxsize=1000)
def _fitting(name: str, width: float, height: float) -> tuple[str, float] | None:
    """Return *name*, broken at hyphens, and a size with which it fits into a room (in points); None if none does."""
    for size in NAME_SIZES_PT:
        text = _broken(name, width, size)
        if text and size * 1.25 * (text.count("\n") + 1) <= height:
            return text, size
    return None


def _broken(name: str, width: float, size: float) -> str:
    """Return *name* in lines of at most *width* points; "" if a part is too long."""
    lines: list[str] = []
    pieces = [f"{piece}-" for piece in name.split("-")]
    pieces[-1] = pieces[-1][:-1]
    for piece in pieces:
        if width_pt(piece, size) > width:
            return ""
        if lines and width_pt(lines[-1] + piece, size) <= width:
            lines[-1] += piece
        else:
            lines.append(piece)
    return "\n".join(lines)


def key_of(
    names: Sequence[str], looks: Looks, faces: Mapping[str, Colour], further: Sequence[tuple[str, bool]], ax: Axes
) -> None:
    """Draw the legend of a map: the winners, and further entries (a text, and whether its box is hatched)."""
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    frame = ax.get_window_extent()
    width, height = frame.width * 72 / ax.figure.dpi, frame.height * 72 / ax.figure.dpi
    rows = [(name, looks[name], True) for name in names] + [(text, None, sure) for text, sure in further]
    for nth, (text, look, sure) in enumerate(rows):
        y = 1 - (nth * 15.0 + 10) / height
        swatch(ax, (0, y - 5 / height, 16 / width, 10 / height), faces.get(text, LANE), sure=sure)
        if look:
            ax.plot(
                [8 / width],
                [y],
                ls="",
                marker=look.marker,
                color=look.colour,
                ms=look.size(5),
                mec=PAPER,
                mew=0.4,
                zorder=3,
            )
        ax.text(22 / width, y, plain(shortened(text)), size=8, color=INK, va="center_baseline")
