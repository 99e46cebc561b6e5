"""Verification: what the simulation predicted against what real runs measured, held against two bars.

Both saw the same traffic under the same seed, so their differences are taken seed by seed.
Source: Bonferroni's inequality, for intervals that hold for all cells at once.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.statistics import Interval, mean_interval, metric_interval
from reports.tables import terminal_width
from reports.words import plural
from sim.metrics import KNOWN, duration, shown
from sim.wall.verify import Pair

FIGURES = {"hit_ratio": "hits", "stale_ratio": "outdated", "stale_age_p99_s": "age p99", "db_reads": "loads"}
HIT_MARGIN = 0.02  # how far apart the mean hit ratios may be
CONFIDENCE = 0.99  # that no cell's interval of the outdated reads' difference misses the true one


@dataclass(frozen=True)
class Cell:
    """One strategy on one backend: its pairs, one a seed; *cells* is how many there are in all."""

    pairs: tuple[Pair, ...]
    cells: int

    @property
    def strategy(self) -> str:
        """The strategy as tables name it."""
        return self.pairs[0].measured.label

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self.pairs[0].measured.run.backend

    def predicted(self, metric: str) -> Interval:
        """Return the mean over seeds of what was simulated, with its 95% interval."""
        return metric_interval(metric, [float(pair.predicted.summary[metric]) for pair in self.pairs])

    def measured(self, metric: str) -> Interval:
        """Return the mean over seeds of what was measured, with its 95% interval."""
        return metric_interval(metric, [float(pair.measured.summary[metric]) for pair in self.pairs])

    def difference(self, metric: str) -> Interval:
        """Return measured minus predicted, seed by seed, with an interval that holds for all cells at once."""
        differences = [
            float(pair.measured.summary[metric]) - float(pair.predicted.summary[metric]) for pair in self.pairs
        ]
        return mean_interval(differences, confidence=1 - (1 - CONFIDENCE) / self.cells)

    @property
    def missed(self) -> list[str]:
        """A line for each bar that this cell misses."""
        where, hits, stale = (
            f"{self.strategy} on {self.backend}",
            self.difference("hit_ratio"),
            self.difference("stale_ratio"),
        )
        found = []
        if not abs(hits.mean) <= HIT_MARGIN:
            found.append(f"{where}: the hit ratio is {_points(hits.mean)} off, more than {_points(HIT_MARGIN)}")
        if not stale.low <= 0 <= stale.high:
            found.append(
                f"{where}: the outdated reads are {_points(stale.mean)} off, and the {CONFIDENCE:.0%} interval for all "
                f"cells at once, {_points(stale.low)} to {_points(stale.high)}, does not hold 0"
            )
        return found


def cells_of(pairs: Sequence[Pair]) -> list[Cell]:
    """Return the cells in order of first appearance."""
    groups: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault((pair.measured.run.backend, pair.measured.label), []).append(pair)
    return [Cell(tuple(group), len(groups)) for group in groups.values()]


def missed(pairs: Sequence[Pair]) -> list[str]:
    """Return a line for each bar that is missed."""
    return [line for cell in cells_of(pairs) for line in cell.missed]


def verification_frame(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Return one row a cell and figure: predicted, measured, and their difference, each with an interval's ends."""
    rows = []
    for cell in cells_of(pairs):
        for metric in FIGURES:
            found = {name: getattr(cell, name)(metric) for name in ("predicted", "measured", "difference")}
            row: dict[str, float | str] = {"strategy": cell.strategy, "backend": cell.backend, "metric": metric}
            for name, one in found.items():
                row |= {name: one.mean, f"{name}_low": one.low, f"{name}_high": one.high}
            rows.append(row)
    return pd.DataFrame(rows)


def render_verification(pairs: Sequence[Pair], form: str) -> str:
    """Return the verification as a "table", "markdown", "csv" or "json" text."""
    frame = verification_frame(pairs)
    if form == "csv":
        return frame.to_csv(index=False).rstrip("\n")
    if form == "json":
        return json.dumps(json.loads(frame.to_json(orient="records")), indent=1)
    if form == "markdown":
        lines = [_head(), ["---"] * len(_head()), *map(_row, cells_of(pairs))]
        return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", about(pairs)])
    return _terminal(pairs)


def about(pairs: Sequence[Pair]) -> str:
    """Return what the table is, in a sentence or two."""
    cells, seeds = cells_of(pairs), len({pair.measured.run.seed for pair in pairs})
    one = pairs[0].measured
    confidence = f"{CONFIDENCE:.0%} intervals for all {plural(len(cells), 'cell')} at once"
    return (
        f"{one.run.scenario.name}: predicted / measured, means of {plural(seeds, 'seed')} with 95% intervals; "
        f"{duration(one.measured_s)} a run; both met the same traffic, so differences are taken seed by seed, with "
        f"{confidence}; age: of the outdated reads; loads: from the database; {one.notes[0]}"
    )


def _head() -> list[str]:
    return ["strategy", "backend", "hits", "outdated", "outdated: difference", "age p99", "loads", "bars"]


def _row(cell: Cell) -> list[str]:
    stale = cell.difference("stale_ratio")
    return [
        cell.strategy,
        cell.backend,
        _both(cell, "hit_ratio"),
        _both(cell, "stale_ratio"),
        f"{_points(stale.mean)} ({_points(stale.low)} to {_points(stale.high)})",
        _both(cell, "stale_age_p99_s"),
        _both(cell, "db_reads"),
        "missed" if cell.missed else "met",
    ]


def _both(cell: Cell, metric: str) -> str:
    return f"{_with_half(metric, cell.predicted(metric))} / {_with_half(metric, cell.measured(metric))}"


def _with_half(metric: str, found: Interval) -> str:
    """Return "87.40 ± 0.31%", "2.71 ± 0.05 s", "203 ± 4", or "-"."""
    if isnan(found.mean):
        return "-"
    half = max(found.high - found.mean, found.mean - found.low)
    unit = KNOWN[metric].unit
    if unit == "ratio":
        return f"{100 * found.mean:.2f} ± {100 * half:.2f}%"
    return f"{found.mean:.2f} ± {half:.2f} s" if unit == "s" else f"{shown(metric, found.mean, {})} ± {half:.3g}"


def _points(ratio: float) -> str:
    return f"{100 * ratio:.2f} points"


def _terminal(pairs: Sequence[Pair]) -> str:
    console = Console(file=io.StringIO(), width=max(terminal_width(), 160), highlight=False)
    table = Table(title="predicted / measured", caption=Text(about(pairs)), box=None, padding=(0, 1), pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    for name in _head():
        table.add_column(name, justify="left" if name in ("strategy", "backend") else "right", no_wrap=True)
    for cell in cells_of(pairs):
        table.add_row(*map(Text, _row(cell)))
    console.print(table)
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]
