"""Verification: compares the predictions of the simulation with real runs, and checks them against two limits.

Each real run was simulated several times, with other draws from its own latencies. If the model is right (latencies are
independent of each other, and distributed as measured), the real run is like one more of these simulations. So the
scatter of means of such runs says how far the measured mean may differ by chance.
Source: Bonferroni's inequality, for ranges of one figure that hold for all cells at once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean

import pandas as pd
from rich.text import Text

from ..sim.verdict.metrics import KNOWN, duration, shown
from ..sim.wall.verify import CONFIDENCE, REPLICATES, Pair, least_seeds
from .fitted import Heading, fitted, printed, terminal
from .formatting import plural
from .frames import Case, cases, served_uncommitted
from .statistics import Interval, exchangeable_range, metric_interval

NAMES = {
    "hit_ratio": "hits",
    "stale_ratio": "outdated",
    "wrong_ratio": "wrong",
    "stale_age_p99_s": "age p99",
    "db_reads": "loads",
}
FIGURES = ("hit_ratio", "stale_ratio", "stale_age_p99_s", "db_reads")  # if all wrong reads are outdated
WRONG_FIGURES = ("hit_ratio", "wrong_ratio", "stale_age_p99_s", "db_reads")  # if some return uncommitted rows
ROUNDING = 1e-12  # how far apart two sums of the same ratios can be, in another order
BUSY_S = 0.003  # an idle machine wakes a sleeping thread within a fraction of this
HIT_MARGIN = 0.02  # how far apart the mean hit ratios may be
BARS = {
    "hit_ratio": f"hits within {100 * HIT_MARGIN:g} points of each other",
    "stale_ratio": "outdated reads no further apart than chance explains",
    "wrong_ratio": "wrong reads no further apart than chance explains",
}


@dataclass(frozen=True)
class Compared:
    """One figure of a cell; by chance alone, its measured or simulated mean lies between `low` and `high`.

    The measured mean may be larger by `unknown`: undecidable reads may be wrong, but are not counted as such.
    """

    metric: str
    predicted: Interval
    measured: Interval
    low: float
    high: float
    unknown: float = 0.0

    @classmethod
    def of(cls, metric: str, pairs: Sequence[Pair], confidence: float, unknown: float = 0.0) -> "Compared":
        """Compare a figure over all seeds; each seed gives a pair."""
        measured = [float(pair.measured.summary[metric]) for pair in pairs]
        predicted = [[float(one.summary[metric]) for one in pair.predicted] for pair in pairs]
        means = [_mean(row) for row in predicted]
        rows = [[real, *models] for real, models in zip(measured, predicted, strict=True)]
        chance = exchangeable_range(rows, confidence)
        return cls(metric, metric_interval(metric, means), metric_interval(metric, measured), *chance, unknown)

    @property
    def difference(self) -> float:
        """Measured minus predicted."""
        return self.measured.mean - self.predicted.mean

    @property
    def chance(self) -> tuple[float, float]:
        """The range of the difference if the model is right."""
        return self.low - self.predicted.mean, self.high - self.predicted.mean

    @property
    def by_chance(self) -> bool:
        """Whether chance explains the difference."""
        least, most = self.measured.mean, self.measured.mean + self.unknown
        return least <= self.high + ROUNDING and most >= self.low - ROUNDING

    @property
    def meets(self) -> bool:
        """Whether it meets its limit, if it has one."""
        if self.metric == "hit_ratio":
            return abs(self.difference) <= HIT_MARGIN
        return self.metric not in BARS or self.by_chance


@dataclass(frozen=True)
class Cell:
    """One strategy on one backend."""

    strategy: str
    backend: str
    figures: Mapping[str, Compared]
    undecidable_ratio: float  # share of the measured reads; they may be wrong, but are not counted as such

    @property
    def missed(self) -> list[str]:
        """A line for each limit that this cell misses."""
        return [
            f"{self.strategy} on {self.backend}: measured {_figure(one, 'measured')}, predicted "
            f"{_figure(one, 'predicted')}; the bar is {BARS[metric]}"
            + (f" ({_chance(one)} points)" if one is self.wrong else "")
            for metric, one in self.figures.items()
            if not one.meets
        ]

    @property
    def wrong(self) -> Compared:
        """The share of wrong reads: those that are outdated, or that returned rows that were not committed."""
        return self.figures.get("wrong_ratio") or self.figures["stale_ratio"]


@dataclass(frozen=True)
class Verification:
    """All cells, backend by backend, and the measured cases they came from."""

    cells: Sequence[Cell]
    measured: Sequence[Case]

    @property
    def figures(self) -> tuple[str, ...]:
        """The metrics that are compared, the same in all cells."""
        return tuple(self.cells[0].figures)

    @property
    def fault(self) -> str:
        """The word for wrong reads, as in `Case.fault`."""
        return "wrong" if "wrong_ratio" in self.figures else "outdated"

    @property
    def missed(self) -> list[str]:
        """A line for each limit that is missed."""
        return [line for cell in self.cells for line in cell.missed]


def compare(pairs: Sequence[Pair]) -> Verification:
    """Compare the measured figures with the predicted ones."""
    of_run = {pair.measured.run: pair for pair in pairs}
    found = cases([pair.measured for pair in pairs])
    groups = [(case, label, group) for case in found for label, group in case.by_strategy.items()]
    confidence = 1 - (1 - CONFIDENCE) / len(groups)
    everything = [one for pair in pairs for one in (pair.measured, *pair.predicted)]
    metrics = WRONG_FIGURES if any(map(served_uncommitted, everything)) else FIGURES
    cells = []
    for case, label, group in groups:
        own = [of_run[one.run] for one in group]
        ratios = [one.summary.get("undecidable", 0) / max(one.counts["reads"], 1) for one in group]
        undecidable = fmean(ratios)
        unknown = {"stale_ratio": undecidable, "wrong_ratio": undecidable}
        figures = {metric: Compared.of(metric, own, confidence, unknown.get(metric, 0.0)) for metric in metrics}
        cells.append(Cell(label, case.backend, figures, undecidable))
    return Verification(cells, found)


def verification_frame(found: Verification) -> pd.DataFrame:
    """Return one row a cell and figure.

    `predicted` and `measured` come with the ends of their 95% intervals, `difference` with the range that chance
    explains. `by_chance` says whether the difference is within that range, `missed` whether a limit is missed.
    """
    rows = []
    for cell in found.cells:
        for metric, one in cell.figures.items():
            row: dict[str, float | str] = {"strategy": cell.strategy, "backend": cell.backend, "metric": metric}
            for side, interval in (("predicted", one.predicted), ("measured", one.measured)):
                row |= {side: interval.mean, f"{side}_low": interval.low, f"{side}_high": interval.high}
            chance = dict(zip(("chance_low", "chance_high"), one.chance, strict=True))
            last = {"by_chance": one.by_chance, "missed": not one.meets, "undecidable_ratio": cell.undecidable_ratio}
            rows.append({**row, "difference": one.difference, **chance, **last})
    return pd.DataFrame(rows)


def render_verification(found: Verification, form: str) -> str:
    """Return the verification as a "table", "markdown", "csv" or "json" text."""
    if form == "csv":
        return verification_frame(found).to_csv(index=False).rstrip("\n")
    if form == "json":
        return json.dumps(json.loads(verification_frame(found).to_json(orient="records")), indent=1)
    return _markdown(found) if form == "markdown" else _terminal(found)


def verdict(found: Verification) -> list[str]:
    """Return a sentence for each limit, and sentences on what the limits do not or cannot detect."""
    cells, lines = found.cells, []
    for metric in (one for one in found.figures if one in BARS):
        bar = BARS[metric]
        met = sum(cell.figures[metric].meets for cell in cells)
        where = _in_all(len(cells)) if met == len(cells) else f" in {met} of {plural(len(cells), 'cell')}"
        lines.append(f"{bar[0].upper()}{bar[1:]}: met{where}.")
    lines += _beyond(cells)
    late_s = max(one.summary.get("late_p99_s", 0.0) for case in found.measured for one in case.outcomes)
    if found.missed and late_s > BUSY_S:
        lines.append(
            f"The machine was busy: in one of the runs 1 of 100 requests was sent {duration(late_s)} late or more, "
            "though a thread was free. Repeat it on an idle machine before you blame the model."
        )
    widest = max(cells, key=lambda cell: cell.wrong.high - cell.wrong.low)
    lines.append(
        "A difference is not seen if chance could make it, or if it shows in fewer than "
        f"{plural(least_seeds(len(cells)), 'seed')}. Chance reaches furthest with "
        f"{widest.strategy} on {widest.backend}: {_chance(widest.wrong)} points."
    )
    return lines


def _beyond(cells: Sequence[Cell]) -> list[str]:
    """Return a sentence about hits and loads that differ more than chance explains; no limit forbids that."""
    found = [
        f"{NAMES[metric]} of {cell.strategy} on {cell.backend} ({_apart(one)}; {_chance(one)})"
        for metric in ("hit_ratio", "db_reads")
        for cell in cells
        if (one := cell.figures[metric]).meets and not one.by_chance
    ]
    said = f"These differ by more than chance explains, which no bar forbids (each figure at {CONFIDENCE:.0%})"
    return [f"{said}: {', '.join(found)}."] if found else []


def _in_all(cells: int) -> str:
    return f" in all {cells} cells" if cells > 1 else ""


def about(found: Verification) -> str:
    """Return a sentence that explains the figures."""
    case, cells = found.measured[0], len(found.cells)
    span, seeds = duration(case.outcomes[0].measured_s), plural(len(case.seeds), "seed")
    at_once = f"{_in_all(cells)} at once" if cells > 1 else ""
    parts = [
        f"{case.scenario.name}, {span} a run: means of {seeds}, ± their 95% intervals",
        f"each real run was simulated {REPLICATES} times, with other draws from the latencies measured in it",
        f"apart: measured minus predicted (hits and {found.fault} in percentage points, age in seconds)",
        f"in brackets: the difference that chance can make (each figure{at_once} with {CONFIDENCE:.0%})",
        *(["wrong: outdated, not yet committed or never committed"] if found.fault == "wrong" else []),
        "age: of the outdated reads; loads: from the database",
        *remarks(found.measured),
    ]
    return "; ".join(parts)


def remarks(measured: Sequence[Case]) -> list[str]:
    """Return the remarks on the real runs; if they differ between backends, with the backend's name."""
    told = dict.fromkeys(remark for case in measured for remark in case.remarks)
    where = {remark: [case.backend for case in measured if remark in case.remarks] for remark in told}
    return [
        remark if len(backends) == len(measured) else f"on {' and '.join(backends)}: {remark}"
        for remark, backends in where.items()
    ]


@dataclass(frozen=True)
class Everywhere(Case):
    """The real runs on all backends as one case, for the words on their chart."""

    told: tuple[str, ...]

    @classmethod
    def of(cls, measured: Sequence[Case]) -> "Everywhere":
        """Return the *measured* cases as one."""
        outcomes = tuple(one for case in measured for one in case.outcomes)
        backends = ", ".join(case.backend for case in measured)
        return cls(measured[0].scenario, backends, outcomes, tuple(remarks(measured)))

    @property
    def remarks(self) -> list[str]:
        """The remarks on the runs, backend by backend."""
        return list(self.told)


def _terminal(found: Verification) -> str:
    """Return a block of lines for each cell; they are 80 columns wide, or less where the terminal is."""
    console = terminal()
    for cell in found.cells:
        rows = [[*map(Text, line)] for line in _lines(cell)]
        console.print(Text(f"{cell.strategy} on {cell.backend}", "bold"))
        console.print(fitted(COLUMNS, rows, console.width, head_style="dim"))
        if cell.undecidable_ratio:
            console.print(Text(f"undecidable, not among the {found.fault}: {cell.undecidable_ratio:.2%} of the reads"))
        console.print()
    for line in [about(found).replace("`", ""), *verdict(found)]:
        console.print(Text(line))
    return printed(console)


COLUMNS = (
    *(Heading("", left=True, least=8), Heading("predicted", least=15), Heading("measured", least=15)),
    *(Heading("apart", least=6), Heading("(by chance)", least=14), Heading("bar", left=True, least=6)),
)


def _lines(cell: Cell) -> Iterator[list[str]]:
    for metric, one in cell.figures.items():
        bar = ("missed", "met")[one.meets] if metric in BARS else ""
        yield [
            NAMES[metric],
            _figure(one, "predicted"),
            _figure(one, "measured"),
            _apart(one),
            f"({_chance(one)})",
            bar,
        ]


def _markdown(found: Verification) -> str:
    """Return one table with a line for each cell, predicted before measured."""
    names = [f"{NAMES[metric]}: predicted / measured" for metric in found.figures]
    header = ["strategy", "backend", *names, f"{found.fault}: difference, in points", "undecidable"]
    lines = [header, ["---"] * len(header)]
    for cell in found.cells:
        both = [f"{_figure(one, 'predicted')} / {_figure(one, 'measured')}" for one in cell.figures.values()]
        apart = f"{_apart(cell.wrong)} ({_chance(cell.wrong)})"
        lines.append([cell.strategy, cell.backend, *both, apart, f"{cell.undecidable_ratio:.2%}"])
    table = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([*table, "", about(found), "", " ".join(verdict(found))])


def _figure(one: Compared, side: str) -> str:
    """Return "87.40 ± 0.31%", "2.71 s ± 50 ms", "203 ± 4", or "-" if no seed has a value."""
    found: Interval = getattr(one, side)
    if isnan(found.mean):
        return "-"
    half = max(found.high - found.mean, found.mean - found.low)
    if KNOWN[one.metric].unit == "ratio":
        return f"{100 * found.mean:.2f} ± {100 * half:.2f}%"
    if KNOWN[one.metric].unit == "s":
        return f"{duration(found.mean)} ± {duration(half)}" if found.known else duration(found.mean)
    return f"{shown(one.metric, found.mean, {})} ± {half:.2g}"


def _apart(one: Compared) -> str:
    """Return the difference: ratios in points, ages in seconds."""
    return "-" if isnan(one.difference) else _signed(one, one.difference)


def _chance(one: Compared) -> str:
    """Return the range of the difference that chance explains."""
    return "-" if isnan(one.low) or isnan(one.difference) else " to ".join(_signed(one, end) for end in one.chance)


def _signed(one: Compared, value: float) -> str:
    unit = KNOWN[one.metric].unit
    text = f"{value:+.0f}" if unit == "queries" else f"{100 * value if unit == 'ratio' else value:+.2f}"
    return text if text.strip("+-0.") else text.replace("-", "+")  # never show -0


def _mean(values: Sequence[float]) -> float:
    """Return the mean of the known values, NaN if there is none."""
    known = [value for value in values if not isnan(value)]
    return fmean(known) if known else float("nan")
