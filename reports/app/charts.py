"""The charts that only a project has: functions from a frame to an `Axes`."""

from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..charts import Looks, bare
from ..palette import INK, MUTED

BROKEN = ("-", "--", ":", "-.")


def by_function(frame: pd.DataFrame, show: Callable[[float], str], looks: Looks, ax: Axes) -> None:
    """Draw one figure of every function and variant as a bar: its marker before it, its interval, its value at the end.

    *frame* has one row a bar: `variant`, `y`, `mean`, `low`, `high` (NaN with one seed).
    """
    bare(ax)
    ax.grid(visible=False, axis="y")
    colours = [looks[variant].colour for variant in frame["variant"]]
    values = frame["mean"].fillna(0)
    ax.barh(frame["y"], values, height=0.8, color=colours, alpha=0.85)
    for variant, part in frame.groupby("variant", sort=False):
        look = looks[variant]
        style = {"ls": "", "marker": look.marker, "color": look.colour, "ms": look.size(4), "clip_on": False}
        ax.plot([-0.045] * len(part), part["y"], transform=ax.get_yaxis_transform(), **style)
    ends = frame["high"].fillna(values)
    for row, value, end in zip(frame.to_dict("records"), values, ends, strict=True):
        if row["high"] > row["low"]:
            ax.plot([row["low"], row["high"]], [row["y"]] * 2, color=INK, lw=1)
        ax.annotate(
            show(row["mean"]),
            (max(value, end), row["y"]),
            (4, 0),
            textcoords="offset points",
            size=7,
            color=INK,
            va="center",
        )
    ax.set_xlim(0, (ends.max() or 1) * 1.42)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value) if value else "0"))
    ax.tick_params(axis="y", labelleft=False)


def around_events(
    frame: pd.DataFrame, metric: str, scale: float, events: Sequence[tuple[float, str]], looks: Looks, ax: Axes
) -> None:
    """Draw a figure over time, a line a variant, in units of 1 / *scale*; an upright line marks each event."""
    bare(ax)
    styles = line_styles(looks)
    for variant, part in frame.groupby("variant", sort=False):
        style = {"color": looks[variant].colour, "ls": styles[variant]}
        ax.plot(part["time_s"], scale * part[metric], lw=1.2, alpha=0.9, **style)
    for at_s, _name in events:
        ax.axvline(at_s, color=MUTED, lw=1, zorder=1)
    ax.set_ylim(0)
    ax.yaxis.set_major_locator(MaxNLocator(3))


def line_styles(looks: Looks) -> dict[str, str]:
    """Return the line style of each variant: if several have the same colour, the later ones are broken lines."""
    found: dict[str, str] = {}
    for label, look in looks.items():
        before = sum(looks[other].colour == look.colour for other in found)
        found[label] = BROKEN[min(before, len(BROKEN) - 1)]
    return found
