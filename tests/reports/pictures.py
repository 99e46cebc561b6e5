"""What a rendered figure's texts cover: none may lie on another, or leave the picture."""

from collections.abc import Iterator

from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def texts(figure: Figure) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Yield every visible text of a rendered figure with its rectangle in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    idle = {id(label) for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in _idle_labels(axis)}
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip() and id(text) not in idle:
            yield text.get_text(), text.get_window_extent(canvas.get_renderer()).extents


def _idle_labels(axis: Axis) -> list[Text]:
    """Return the tick labels that matplotlib keeps but does not draw, as they lie beyond the axis."""
    drawn = axis._update_ticks()
    return [
        label
        for tick in (*axis.majorTicks, *axis.minorTicks)
        if tick not in drawn
        for label in (tick.label1, tick.label2)
    ]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Return the pairs of texts of which one covers the other."""
    found = list(texts(figure))
    return [
        (one, other)
        for nth, (one, a) in enumerate(found)
        for other, b in found[nth + 1 :]
        if min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1
    ]


def outside(figure: Figure) -> list[str]:
    """Return the texts that leave the picture."""
    width, height = figure.get_size_inches() * figure.dpi
    return [text for text, (x0, y0, x1, y1) in texts(figure) if x0 < 0 or y0 < 0 or x1 > width or y1 > height]
