"""Labels beside the points of a chart: a sorted column with lines to the points, in which no labels overlap."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.textpath import TextPath
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from .palette import INK, Look

SIZE_PT = 8.5
GAP_PT = SIZE_PT * 1.55  # from one label's middle to the next one's
MARKER_AT_PT, TEXT_AT_PT = 26.0, 35.0  # from the axes' right edge
LONGEST = 40


class Pin(NamedTuple):
    """A point to label, in data coordinates."""

    label: str
    x: float
    y: float
    look: Look


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> NDArray[np.float64]:
    """Return positions at least *gap* apart, in the order of *wanted* (ascending), as near to *wanted* as possible.

    They stay within [*low*, *high*] if there is room. "Near" means least squares.
    """
    steps = np.arange(len(wanted)) * gap
    if not len(wanted):
        return steps
    slack = isotonic_regression(np.asarray(wanted, float) - steps).x
    return np.maximum(np.minimum(slack, high - steps[-1]), low) + steps


def shortened(label: str, longest: int = LONGEST) -> str:
    """Return *label*, with its middle left out if it is too long for a column."""
    if len(label) <= longest:
        return label
    return f"{label[: longest // 2]}…{label[-(longest - longest // 2 - 1) :]}"


def column_width_pt(labels: Sequence[str]) -> float:
    """Return the width of a column of these labels beside the axes, in points."""
    return TEXT_AT_PT + max(map(_width_pt, labels), default=0.0) + 8


@lru_cache(maxsize=1000)  # all charts of a page have the same labels, and their outlines take long
def _width_pt(label: str) -> float:
    return width_pt(shortened(label), SIZE_PT)


def width_pt(text: str, size_pt: float) -> float:
    """Return the width of a line of text, in points."""
    return float(TextPath((0, 0), plain(text), size_pt).get_extents().width)


def column_height_pt(count: int) -> float:
    """Return the height that *count* labels take, in points."""
    return GAP_PT * count


def plain(text: str) -> str:
    """Return *text* escaped, so that matplotlib does not take parts of it for formulas."""
    return text.replace("$", r"\$")


def label_points(ax: Axes, pins: Sequence[Pin], side: Literal["left", "right"] = "right") -> None:
    """Write the labels in a column beside *ax*, each with its marker and a line to its point.

    The limits and the place of the axes must be final.
    """
    frame = ax.get_window_extent()
    height_pt, width_pt = frame.height * 72 / ax.figure.dpi, frame.width * 72 / ax.figure.dpi
    to_axes = ax.transData + ax.transAxes.inverted()
    points = [tuple(to_axes.transform((pin.x, pin.y))) for pin in pins]
    order = sorted(range(len(pins)), key=lambda nth: (points[nth][1], -points[nth][0]))  # from the bottom
    heights = spread([points[nth][1] * height_pt for nth in order], GAP_PT, GAP_PT / 2, height_pt - GAP_PT / 2)
    for nth, label_y in zip(order, heights / height_pt, strict=True):
        _label(ax, pins[nth], points[nth], label_y, -1 / width_pt if side == "left" else 1 / width_pt)


def _label(ax: Axes, pin: Pin, point: tuple[float, float], label_y: float, outwards: float) -> None:
    """Write one label; *outwards* is one point as a share of the axes' width, negative to the left."""
    edge = 0 if outwards < 0 else 1
    marker_x, text_x = edge + MARKER_AT_PT * outwards, edge + TEXT_AT_PT * outwards
    colour, within = pin.look.colour, {"transform": ax.transAxes, "clip_on": False}
    ax.plot([point[0], marker_x], [point[1], label_y], color=colour, lw=0.7, alpha=0.6, zorder=1, **within)
    ax.plot(
        [marker_x],
        [label_y],
        ls="",
        marker=pin.look.marker,
        color=colour,
        ms=pin.look.size(6),
        mec="white",
        mew=0.5,
        **within,
    )
    ax.text(
        text_x,
        label_y,
        plain(shortened(pin.label)),
        size=SIZE_PT,
        color=INK,
        transform=ax.transAxes,
        va="center_baseline",
        ha="right" if outwards < 0 else "left",
    )
