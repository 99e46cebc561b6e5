"""Frames: outcomes as cases (one scenario on one backend) and as tidy pandas frames."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from ..sim.backends import BACKENDS, backend_named
from ..sim.backends.entries import is_own
from ..sim.declared import declared_bound, parameters
from ..sim.experiment import AGE_QUANTILES, Outcome
from ..sim.verdict.metrics import APP_METRICS, KNOWN, NOT_OUTDATED, PARTS, UNCOMMITTED, Metric
from ..sim.world.scenario import Scenario
from .kinds import VARIANTS, Kind, kind_of
from .palette import Look, looks
from .statistics import metric_interval

_TABLE = (
    "is a cache table in a database of its own: its calls stand outside the rows' transactions and take none of their "
    "connections"
)
ABOUT_BACKENDS = {
    "shared": "`shared` is a stand-in for a shared server (one LocMem store, a round trip away)",
    "db": f"`db` {_TABLE}",
    "postgres": f"`postgres` {_TABLE}",
}
APART = (
    "`{}` gives each of the {} workers a store of its own: a delete, set or clear reaches only that of the worker that "
    "wrote, and guarantees hold within one worker only"
)
SESSIONS = "; where sessions live in it, logged-in users are logged out whenever another worker serves them"
AGE_STEPS = 160


@dataclass(frozen=True)
class Case:
    """One scenario on one backend: a section of the page and a set of charts.

    Here, "strategies" are also the variants of a project. They keep the order of the outcomes.
    """

    scenario: Scenario
    backend: str
    outcomes: tuple[Outcome, ...]

    @property
    def title(self) -> str:
        """The case's name in headings."""
        return f"{self.scenario.name} on {self.backend}{', wall clock' if self.on_the_wall_clock else ''}"

    @property
    def on_the_wall_clock(self) -> bool:
        """Whether the runs were real ones."""
        return self.outcomes[0].clock == "wall"

    @property
    def kind(self) -> Kind:
        """What competes: strategies, or a project's variants."""
        return kind_of(self.outcomes[0].run.strategy)

    @property
    def of_project(self) -> bool:
        """Whether the variants of a project compete."""
        return self.kind is VARIANTS

    @property
    def knows_backend(self) -> bool:
        """Whether all ran on a backend of cachewise's or on a CACHES entry; a project can use several at once."""
        return _is_known(self.backend)

    def metric(self, name: str) -> Metric:
        """Return the metric of this name, in its meaning for this case."""
        return APP_METRICS.get(name, KNOWN[name]) if self.of_project else KNOWN[name]

    @property
    def arrivals(self) -> str:
        """How requests arrive: the arrival process, or the trace that is replayed."""
        return "replayed from the trace" if self.scenario.trace else self.scenario.arrivals

    @property
    def is_one_off(self) -> bool:
        """Whether the traffic has something that does not come every day: a flash crowd."""
        return self.scenario.trace is None and self.scenario.arrivals.startswith("flash")

    @cached_property
    def by_strategy(self) -> dict[str, list[Outcome]]:
        """The outcomes of every strategy in order of seed, by its name; by its label if its name occurs twice."""
        if self.of_project:
            return _by_seed({outcome.label: outcome.label for outcome in self.outcomes}, self.outcomes)
        variants = Counter(name_of(label) for label in {outcome.label for outcome in self.outcomes})
        names = {
            outcome.label: name if variants[name := name_of(outcome.label)] == 1 else outcome.label
            for outcome in self.outcomes
        }
        return _by_seed(names, self.outcomes)

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each strategy is drawn."""
        return looks(self.by_strategy, colours_apart=self.of_project)

    @property
    def seeds(self) -> list[int]:
        """The seeds that were run."""
        return sorted({outcome.run.seed for outcome in self.outcomes})

    @property
    def notes(self) -> list[str]:
        """The notes for readers of any output: first on what the backend stands for, then those of the runs."""
        return list(dict.fromkeys(note for outcome in self.outcomes for note in notes_of(outcome)))

    @property
    def settings(self) -> list[str]:
        """The parameters that differ from their defaults, as the names of strategies do not show them."""
        changed: dict[str, list[str]] = {}
        for name, group in self.by_strategy.items():
            label = group[0].label
            if name != label:
                changed.setdefault(label.partition(":")[2], []).append(name)
        able = [name for name, group in self.by_strategy.items() if parameters(group[0].run.strategy)]
        return [
            f"{'strategies' if names == able else ', '.join(names)} run with {settings}"
            for settings, names in changed.items()
        ]

    @property
    def silent(self) -> list[str]:
        """A line on the strategies that do not declare how old an outdated read can get: they guarantee nothing."""
        if self.of_project:  # nobody expects a guarantee of a project's variant
            return []
        found = [name for name, group in self.by_strategy.items() if declared_bound(group[0].run.strategy) is None]
        verb = "states" if len(found) == 1 else "state"
        return [f"{', '.join(found)} {verb} no guarantee (no `stale_at_most`)"] if found else []

    @property
    def remarks(self) -> list[str]:
        """Remarks of the answer and below charts and tables: on parameters, on missing guarantees, and the notes."""
        return [*self.settings, *self.silent, *self.notes]

    def values(self, label: str, metric: str) -> dict[int, float]:
        """Return the *metric* of the strategy *label*, by seed; NaN if its runs have no such figure."""
        return {one.run.seed: float(one.summary.get(metric, nan)) for one in self.by_strategy[label]}

    def is_mixed(self, label: str) -> bool:
        """Return whether any read of the strategy *label* was wrong, but not outdated."""
        return any(one.summary.get(part, 0) > 0 for one in self.by_strategy[label] for part in NOT_OUTDATED)

    @cached_property
    def mixed(self) -> bool:
        """Whether any read of any strategy was wrong, but not outdated."""
        return any(map(self.is_mixed, self.by_strategy))

    @cached_property
    def rolls_back(self) -> bool:
        """Whether any measured write was rolled back."""
        return any(self.total(label, "writes_rolled_back") for label in self.by_strategy)

    @property
    def parts(self) -> dict[str, str]:
        """The kinds of wrong reads: the metrics of `PARTS` that are above zero anywhere, and their names."""
        return {
            metric: name
            for metric, name in PARTS.items()
            if any(value > 0 for label in self.by_strategy for value in self.values(label, metric).values())
        }

    @property
    def fault(self) -> str:
        """The word for wrong reads: "outdated", or "wrong" if some of them are wrong in another way."""
        return "wrong" if self.mixed else "outdated"

    def writes(self, label: str) -> int:
        """Return how many writes of the strategy *label* were measured in all seeds, those rolled back included."""
        return self.total(label, "writes") + self.total(label, "writes_rolled_back")

    def total(self, label: str, count: str) -> int:
        """Return a count ("reads", "hits", "requests", "keys"; or "writes") of the strategy *label*, over all seeds."""
        return sum(int(one.counts.get(count, one.summary.get(count, 0))) for one in self.by_strategy[label])

    def judged(self, label: str) -> int:
        """Return how many reads of the strategy *label* were judged, over all seeds; failed reads are not."""
        return self.total(label, "reads") - self.total(label, "failures")


def served_uncommitted(outcome: Outcome) -> bool:
    """Return whether any read of a run returned a row that was not committed (a dirty or aborted read)."""
    return any(outcome.summary.get(part, 0) > 0 for part in UNCOMMITTED)


def _by_seed(names: Mapping[str, str], outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return the outcomes of each name, in order of seed; *names* maps labels to names."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(names[outcome.label], []).append(outcome)
    return {name: sorted(group, key=lambda one: one.run.seed) for name, group in groups.items()}


def _is_known(backend: str) -> bool:
    return backend in BACKENDS or is_own(backend)


def name_of(label: str) -> str:
    """Return the name in a strategy's label, which may have parameters."""
    return label.partition(":")[0]


def cases(outcomes: Sequence[Outcome]) -> list[Case]:
    """Return the cases in *outcomes*, in order of first appearance."""
    groups: dict[tuple[Scenario, str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.run.scenario, outcome.run.backend, outcome.clock), []).append(outcome)
    return [Case(scenario, backend, tuple(group)) for (scenario, backend, _clock), group in groups.items()]


def notes_of(outcome: Outcome) -> list[str]:
    """Return the notes of one run, first that on what its backend stands for."""
    about = ABOUT_BACKENDS.get(outcome.run.backend) if outcome.clock == "virtual" else None
    return [*filter(None, [about]), *_apart(outcome), *outcome.notes]


def _apart(outcome: Outcome) -> list[str]:
    """Return a note on each backend that gives every worker its own store; a project may use several backends."""
    workers, backend = outcome.run.scenario.workers or 1, outcome.run.backend
    of_project = kind_of(outcome.run.strategy) is VARIANTS
    names = [one.rpartition(": ")[2] for one in backend.split(", ")] if of_project else [backend]
    apart = [name for name in dict.fromkeys(names) if _is_known(name) and not backend_named(name).one_store]
    more = SESSIONS if of_project else ""
    return [APART.format(name, workers) + more for name in apart] if workers > 1 else []


def run_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Return one row a run: scenario, strategy with its parameters, backend, seed, the metrics, and the notes."""
    return pd.DataFrame([run_row(outcome) for outcome in outcomes])


def run_row(outcome: Outcome) -> dict[str, Any]:
    """Return the row of one run, as `summary.csv` has it."""
    row = {**outcome.row(), "notes": "; ".join(notes_of(outcome))}
    kind = kind_of(outcome.run.strategy)
    return {kind.one if name == "strategy" else name: value for name, value in row.items()}


def mean_frame(case: Case, metrics: Sequence[str]) -> pd.DataFrame:
    """Return one row a strategy: `strategy`, and for every metric its mean over seeds and the interval's ends.

    The ends are `<metric>_low` and `<metric>_high`, NaN with one seed.
    """
    rows = []
    for label in case.by_strategy:
        row: dict[str, float | str] = {"strategy": label}
        for metric in metrics:
            interval = metric_interval(metric, case.values(label, metric).values())
            row |= {metric: interval.mean, f"{metric}_low": interval.low, f"{metric}_high": interval.high}
        rows.append(row)
    return pd.DataFrame(rows)


def stale_age_frame(case: Case) -> pd.DataFrame:
    """Return the share of all reads that were outdated by at least `age_s`, by strategy, as the mean over seeds.

    Columns: strategy, age_s, share. A strategy without an outdated read has no rows.
    """
    ages = [outcome.stale_age_quantiles_s for outcome in case.outcomes if len(outcome.stale_age_quantiles_s)]
    if not ages:
        return pd.DataFrame({"strategy": pd.Series(dtype=str), "age_s": [], "share": []})
    known = np.concatenate(ages)
    grid = np.geomspace(max(known.min(), 1e-6), max(known.max(), 1e-6), AGE_STEPS)
    parts = []
    for label, group in case.by_strategy.items():
        oldest = max((one.stale_age_quantiles_s[-1] for one in group if len(one.stale_age_quantiles_s)), default=None)
        ages = np.empty(0) if oldest is None else np.append(grid[grid < oldest], oldest)
        share = np.mean([_share_at_least(outcome, ages) for outcome in group], axis=0)
        parts.append(pd.DataFrame({"strategy": label, "age_s": ages, "share": share}))
    return pd.concat(parts, ignore_index=True)


def _share_at_least(outcome: Outcome, age_s: np.ndarray) -> np.ndarray:
    """Return the share of a run's reads that were outdated by at least each of *age_s*."""
    quantiles = outcome.stale_age_quantiles_s
    if not len(quantiles):
        return np.zeros(len(age_s))
    ratio, reads = float(outcome.summary["stale_ratio"]), outcome.counts["reads"]
    share = ratio * (1 - np.interp(age_s, quantiles, AGE_QUANTILES, left=0.0))
    # "At least" includes the oldest read itself.
    return np.where(age_s <= quantiles[-1], np.maximum(share, min(ratio, 1 / reads)), 0.0)


def peak_queries_per_s(case: Case, label: str) -> float:
    """Return the highest rate of queries in any bin of a run, as the mean over seeds."""
    return float(np.mean([one.db_queries_per_s.max() for one in case.by_strategy[label]]))


def time_frame(case: Case) -> pd.DataFrame:
    """Return the rates of queries and of reads over the measured time, by strategy, as means over seeds.

    Columns: strategy, time_s (the middle of a bin, from the end of the warm-up), db_queries_per_s, reads_per_s.
    """
    parts = []
    for label, group in case.by_strategy.items():
        bins = len(group[0].db_queries_per_s)
        columns = {
            "time_s": (np.arange(bins) + 0.5) * group[0].measured_s / bins,
            "db_queries_per_s": np.mean([one.db_queries_per_s for one in group], axis=0),
            "reads_per_s": np.mean([one.reads_per_s for one in group], axis=0),
        }
        parts.append(pd.DataFrame({"strategy": label, **columns}))
    return pd.concat(parts, ignore_index=True)
