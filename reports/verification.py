"""Verification: what the simulation predicted against what real runs measured, held against two bars.

Both met the same traffic under the same seed, so their differences are taken seed by seed.
Source: Bonferroni's inequality, for intervals that hold for all cells at once.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.frames import cases
from reports.statistics import Interval, mean_interval, metric_interval
from reports.tables import terminal_width
from reports.words import plural
from sim.metrics import KNOWN, duration, shown
from sim.wall.verify import Pair

FIGURES = {"hit_ratio": "hits", "stale_ratio": "outdated", "stale_age_p99_s": "age p99", "db_reads": "loads"}
HIT_MARGIN = 0.02  # how far apart the mean hit ratios may be
CONFIDENCE = 0.99  # that no cell's interval of the outdated reads' difference misses the true one
BARS = {"hit_ratio": "within 2 points", "stale_ratio": "interval holds 0"}
SIDES = ("predicted", "measured", "difference")


@dataclass(frozen=True)
class Cell:
    """One strategy on one backend: its pairs, one a seed; *cells* is how many there are in all."""

    strategy: str
    backend: str
    pairs: tuple[Pair, ...]
    cells: int

    def interval(self, side: str, metric: str) -> Interval:
        """Return a mean over seeds: *side* is one of `SIDES`.

        What was predicted and measured has its 95% interval; the difference (measured minus predicted, seed by seed)
        has one that holds for all cells at once.
        """
        predicted = [float(pair.predicted.summary[metric]) for pair in self.pairs]
        measured = [float(pair.measured.summary[metric]) for pair in self.pairs]
        if side != "difference":
            return metric_interval(metric, predicted if side == "predicted" else measured)
        apart = [ours - theirs for ours, theirs in zip(measured, predicted, strict=True)]
        return mean_interval(apart, confidence=1 - (1 - CONFIDENCE) / self.cells)

    @property
    def missed(self) -> dict[str, str]:
        """The bars that this cell misses: by the figure's name, a line that says so."""
        where, found = f"{self.strategy} on {self.backend}", {}
        if not abs(self.interval("difference", "hit_ratio").mean) <= HIT_MARGIN:
            found["hit_ratio"] = f"{where}: hits are {_apart(self, 'hit_ratio')} off, more than {100 * HIT_MARGIN:g}"
        stale = self.interval("difference", "stale_ratio")
        if not stale.low <= 0 <= stale.high:
            found["stale_ratio"] = (
                f"{where}: outdated reads are {_apart(self, 'stale_ratio')} off, and the {CONFIDENCE:.0%} interval for "
                "all cells at once does not hold 0"
            )
        return found


def cells_of(pairs: Sequence[Pair]) -> list[Cell]:
    """Return the cells, backend by backend."""
    of_run = {pair.measured.run: pair for pair in pairs}
    found = cases([pair.measured for pair in pairs])
    count = sum(len(case.by_strategy) for case in found)
    return [
        Cell(label, case.backend, tuple(of_run[one.run] for one in group), count)
        for case in found
        for label, group in case.by_strategy.items()
    ]


def missed(pairs: Sequence[Pair]) -> list[str]:
    """Return a line for each bar that is missed."""
    return [line for cell in cells_of(pairs) for line in cell.missed.values()]


def verification_frame(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Return one row a cell and figure: predicted, measured, and their difference, each with its interval's ends."""
    rows = []
    for cell in cells_of(pairs):
        for metric in FIGURES:
            row: dict[str, float | str] = {"strategy": cell.strategy, "backend": cell.backend, "metric": metric}
            for side in SIDES:
                found = cell.interval(side, metric)
                row |= {side: found.mean, f"{side}_low": found.low, f"{side}_high": found.high}
            rows.append(row)
    return pd.DataFrame(rows)


def render_verification(pairs: Sequence[Pair], form: str) -> str:
    """Return the verification as a "table", "markdown", "csv" or "json" text."""
    if form == "csv":
        return verification_frame(pairs).to_csv(index=False).rstrip("\n")
    if form == "json":
        return json.dumps(json.loads(verification_frame(pairs).to_json(orient="records")), indent=1)
    return _markdown(pairs) if form == "markdown" else _terminal(pairs)


def about(pairs: Sequence[Pair]) -> str:
    """Return what the figures are, in a sentence."""
    case = cases([pair.measured for pair in pairs])[0]
    seeds, cells = plural(len(case.seeds), "seed"), plural(len(cells_of(pairs)), "cell")
    parts = [
        f"{case.scenario.name}, {duration(case.outcomes[0].measured_s)} a run: means of {seeds}, ± their 95% intervals",
        f"differences are taken seed by seed, in brackets the {CONFIDENCE:.0%} interval that holds for all {cells}",
        "age: of the outdated reads; loads: from the database",
        *case.remarks,
    ]
    return "; ".join(parts)


def _terminal(pairs: Sequence[Pair]) -> str:
    """Return one table a backend, with a line for each figure of a cell."""
    console = Console(file=io.StringIO(), width=terminal_width(), highlight=False)
    cells = cells_of(pairs)
    for backend in dict.fromkeys(cell.backend for cell in cells):
        title = Text(f"predicted and measured on {backend}", "bold")
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1), pad_edge=False)
        table.add_column("strategy", no_wrap=True)
        for name in ("", *SIDES, "bar"):
            table.add_column(name, justify="right", no_wrap=True)
        for line in (line for cell in cells if cell.backend == backend for line in _lines(cell)):
            table.add_row(*map(Text, line))
        console.print(table)
    console.print(Text(about(pairs).replace("`", "")))
    return console.file.getvalue().rstrip()  # type: ignore[attr-defined]


def _lines(cell: Cell) -> Iterator[list[str]]:
    for metric, name in FIGURES.items():
        figures = [_figure(cell, side, metric) for side in ("predicted", "measured")]
        verdict = f"{BARS[metric]}: {'missed' if metric in cell.missed else 'met'}" if metric in BARS else ""
        yield [cell.strategy if name == "hits" else "", name, *figures, _apart(cell, metric), verdict]


def _markdown(pairs: Sequence[Pair]) -> str:
    """Return one table with a line for each cell, predicted before measured."""
    names = [f"{name}: predicted / measured" for name in FIGURES.values()]
    lines = [["strategy", "backend", *names, "outdated: difference"], ["---"] * (len(names) + 3)]
    for cell in cells_of(pairs):
        both = [f"{_figure(cell, 'predicted', one)} / {_figure(cell, 'measured', one)}" for one in FIGURES]
        lines.append([cell.strategy, cell.backend, *both, _apart(cell, "stale_ratio")])
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", about(pairs)])


def _figure(cell: Cell, side: str, metric: str) -> str:
    """Return "87.40 ± 0.31%", "2.71 s ± 50 ms", "203 ± 4", or "-" where no seed had any."""
    found = cell.interval(side, metric)
    if isnan(found.mean):
        return "-"
    half = max(found.high - found.mean, found.mean - found.low)
    if KNOWN[metric].unit == "ratio":
        return f"{100 * found.mean:.2f} ± {100 * half:.2f}%"
    if KNOWN[metric].unit == "s":
        return f"{duration(found.mean)} ± {duration(half)}" if found.known else duration(found.mean)
    return f"{shown(metric, found.mean, {})} ± {half:.2g}"


def _apart(cell: Cell, metric: str) -> str:
    """Return the difference, with its interval where there is one."""
    found, unit = cell.interval("difference", metric), KNOWN[metric].unit
    if isnan(found.mean):
        return "-"
    scale, name = (100, " points") if unit == "ratio" else (1, " s" if unit == "s" else "")
    mean, low, high = (f"{scale * value:+.2f}" for value in (found.mean, found.low, found.high))
    return f"{mean}{name} ({low} to {high})" if found.known else f"{mean}{name}"
