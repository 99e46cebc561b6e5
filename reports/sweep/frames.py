"""Frames of a sweep: its points, its runs, and the data of its charts."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ...sim.sweep.found import EVERYWHERE, Axis, Sweep, Value
from ...sim.verdict.metrics import APP_METRICS, MACHINE_METRICS, METRICS
from ..frames import run_row
from ..kinds import VARIANTS
from .points import Field, Point


def point_frame(field: Field) -> pd.DataFrame:
    """Return one row a point: backend, contender, a column an axis, seeds, and each metric with `_low` and `_high`.

    The ends of the 95% interval are NaN with one seed. The column of an axis is empty if the contender does not use it;
    the value None is "none".
    """
    metrics = known_metrics(field)
    rows = []
    for point in field.points.values():
        row: dict[str, Any] = {"backend": point.backend, field.kind.one: point.contender}
        row |= {axis.name: _plain(value) for axis, value in zip(field.sweep.axes, point.at, strict=True)}
        row["seeds"] = len(point.outcomes)
        rows.append(row | figures(point, metrics))
    return pd.DataFrame(rows)


def summary_frame(sweep: Sweep) -> pd.DataFrame:
    """Return one row a run, as in `frames.run_frame`, with a column an axis and without figures of the wall clock."""
    rows = []
    for one in sweep.landed:
        row = {name: value for name, value in run_row(one.outcome).items() if name not in MACHINE_METRICS}
        notes = row.pop("notes")
        seed = list(row).index("seed") + 1
        axes = {axis.name: _plain(value) for axis, value in zip(sweep.axes, one.at, strict=True)}
        items = list(row.items())
        rows.append({**dict(items[:seed]), **axes, **dict(items[seed:]), "notes": notes})
    return pd.DataFrame(rows)


def known_metrics(field: Field) -> list[str]:
    """Return the metrics of the sweep's runs, without those of the machine's speed."""
    metrics = APP_METRICS if field.kind is VARIANTS else METRICS
    have = dict.fromkeys(name for one in field.sweep.landed for name in one.outcome.summary)
    return [name for name in metrics if name in have and name not in MACHINE_METRICS]


def figures(point: Point, metrics: Sequence[str]) -> dict[str, float]:
    """Return the metrics of a point, each with the ends of its interval."""
    found = {}
    for metric in metrics:
        interval = point.interval(metric)
        found |= {metric: interval.mean, f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    return found


def _plain(value: object) -> object:
    return float("nan") if value is EVERYWHERE else "none" if value is None else value


def curve_frame(
    field: Field, backend: str, axis: Axis, other: Mapping[str, Value], metrics: Sequence[str]
) -> pd.DataFrame:
    """Return one row a contender and value of *axis*, at one value of all others.

    Columns: contender, nth (the value's number), level (the axis makes no difference to it), and the metrics with the
    ends of their intervals.
    """
    rows = [
        {"contender": name, "nth": nth, "level": not field.knows(name, axis), **figures(point, metrics)}
        for nth, value in enumerate(axis.values)
        for name, point in field.at(backend, {**other, axis.name: value}).items()
    ]
    names = [name for metric in metrics for name in (metric, f"{metric}_low", f"{metric}_high")]
    return pd.DataFrame(rows, columns=["contender", "nth", "level", *names])
