"""Frames: a project's outcomes as cases with their functions and call sites, and as tidy pandas frames."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from ...sim.app.outcome import AppOutcome
from ...sim.application import AS_IT_IS, NO_CACHE
from ...sim.errors import masked
from ..frames import Case, cases
from ..statistics import Interval, metric_interval, paired_difference

Where = tuple[str, str]  # a call site, and the pattern of its keys


@dataclass(frozen=True)
class Project:
    """A case of a project: in addition to any case, it has the figures of each function and each call site."""

    case: Case
    outcomes: tuple[AppOutcome, ...]

    @cached_property
    def by_variant(self) -> dict[str, list[AppOutcome]]:
        """The outcomes of every variant in order of seed."""
        groups: dict[str, list[AppOutcome]] = {label: [] for label in self.case.by_strategy}
        for one in sorted(self.outcomes, key=lambda one: one.seed):
            groups[one.variant].append(one)
        return groups

    @property
    def functions(self) -> list[str]:
        """The names of the read functions."""
        return list(dict.fromkeys(row["function"] for one in self.outcomes for row in one.functions))

    @property
    def others(self) -> list[str]:
        """The variants that are compared with the project as it is."""
        return [label for label in self.by_variant if label != AS_IT_IS]

    def rows(self, function: str, label: str) -> dict[int, dict[str, Any]]:
        """Return the rows of a function with a variant, by seed."""
        return {one.seed: row for one in self.by_variant[label] for row in one.functions if row["function"] == function}

    def values(self, function: str, label: str, metric: str) -> dict[int, float]:
        """Return a function's *metric* with a variant, by seed; without a function, that of all reads."""
        if not function:
            return self.case.values(label, metric)
        return {seed: float(row.get(metric, nan)) for seed, row in self.rows(function, label).items()}

    def was_seen(self, function: str, metric: str) -> bool:
        """Return whether a function's *metric* was more than 0 with any variant and seed."""
        return any(value > 0 for label in self.by_variant for value in self.values(function, label, metric).values())

    def interval(self, function: str, label: str, metric: str) -> Interval:
        """Return a metric's mean over seeds, with its interval."""
        return metric_interval(metric, self.values(function, label, metric).values())

    def difference(self, function: str, label: str, metric: str) -> Interval:
        """Return a variant's figure minus that of the project as it is, over the seeds that both have."""
        if AS_IT_IS not in self.by_variant:
            return Interval(nan, nan, nan, 0)
        return paired_difference(self.values(function, label, metric), self.values(function, AS_IT_IS, metric))

    def total(self, function: str, label: str, count: str) -> int:
        """Return a count of a function with a variant, over all seeds."""
        return sum(int(row[count]) for row in self.rows(function, label).values())

    def statuses(self, function: str, label: str) -> dict[int, int]:
        """Return how often a function's reads had each status, over all seeds."""
        found: dict[int, int] = {}
        for row in self.rows(function, label).values():
            for status, count in row["statuses"].items():
                found[status] = found.get(status, 0) + count
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @cached_property
    def changed_nothing(self) -> list[str]:
        """The variants whose runs equal those of the project as it is, byte for byte."""
        usual = {one.seed: one.fingerprint for one in self.by_variant.get(AS_IT_IS, [])}
        return [
            label
            for label in self.others
            if usual and {one.seed: one.fingerprint for one in self.by_variant[label]} == usual
        ]

    def changes(self, label: str, part: str) -> bool:
        """Return whether a variant changes "timeouts", "settings" or "code"."""
        return any(one.setup is not None and part in one.setup.changes for one in self.by_variant[label])

    @cached_property
    def sites(self) -> dict[Where, dict[str, list[dict[str, Any]]]]:
        """The call sites, those with the most outdated reads first, each with its rows by variant (a row a timeout).

        Counts are those of all seeds together. The variant without a cache is left out, as nothing hits there.
        """
        table = site_frame(self.outcomes)
        table = table[table["variant"] != NO_CACHE]
        found: dict[Where, dict[str, list[dict[str, Any]]]] = {}
        keys = ["site", "pattern", "variant", "timeout"]
        for key, part in table.groupby(keys, sort=False, dropna=False):
            site, pattern, variant, timeout = key
            counts = {name: int(part[name].sum()) for name in ("calls", "hits", "outdated_reads")}
            row = {"timeout": None if pd.isna(timeout) else timeout, **counts}
            found.setdefault((site, pattern), {}).setdefault(variant, []).append(row)

        def blamed(where: Where) -> tuple[int, int]:
            rows = [row for several in found[where].values() for row in several]
            return -max(row["outdated_reads"] for row in rows), -max(row["calls"] for row in rows)

        return {where: found[where] for where in sorted(found, key=blamed)}

    @property
    def events(self) -> list[tuple[float, str]]:
        """The events, in seconds from the warm-up's end; earlier ones are left out."""
        return [(at_s, name) for at_s, name in self.outcomes[0].events if at_s >= 0]

    def lost(self, label: str) -> int:
        """Return how many entries of stores were lost with a variant, over all seeds."""
        return sum(one.logouts for one in self.by_variant[label])

    def failures(self, label: str) -> dict[str, tuple[int, str]]:
        """Return which functions failed with a variant: how often over all seeds, and the first traceback, masked."""
        found: dict[str, tuple[int, str]] = {}
        for one in self.by_variant[label]:
            for function, count, frames in one.failures:
                before, first = found.get(function, (0, masked(frames)))
                found[function] = (before + count, first)
        return found


def projects(outcomes: Sequence[AppOutcome]) -> list[Project]:
    """Return the cases in *outcomes*, with the savings of each variant against no cache."""
    saved = with_savings(outcomes)
    of = {id(one.outcome): one for one in saved}
    return [
        Project(case, tuple(of[id(outcome)] for outcome in case.outcomes))
        for case in cases([one.outcome for one in saved])
    ]


def with_savings(outcomes: Sequence[AppOutcome]) -> list[AppOutcome]:
    """Return the outcomes with their savings against the run without a cache on the same traffic."""
    without = {_traffic(one): one for one in outcomes if one.variant == NO_CACHE}
    return [_with_savings(one, without.get(_traffic(one))) for one in outcomes]


def _traffic(one: AppOutcome) -> tuple[Any, ...]:
    run = one.outcome.run
    return run.scenario, run.backend, run.seed


def _with_savings(one: AppOutcome, without: AppOutcome | None) -> AppOutcome:
    rows = {} if without is None else {row["function"]: row for row in without.functions}
    functions = [
        {
            **row,
            "statements_saved_ratio": _saved(row, rows.get(row["function"], {}), "statements_per_read"),
            "db_time_saved_ratio": _saved(row, rows.get(row["function"], {}), "db_s_per_read"),
        }
        for row in one.functions
    ]
    summary, whole = one.outcome.summary, {} if without is None else without.outcome.summary
    saved = {
        "db_queries_saved_ratio": _saved(summary, whole, "db_queries"),
        "db_time_saved_ratio": _saved(summary, whole, "db_s_per_read"),
    }
    return replace(one, functions=functions, outcome=replace(one.outcome, summary={**summary, **saved}))


def _saved(ours: Any, without: Any, metric: str) -> float:
    most = without.get(metric, nan)
    return 1 - ours[metric] / most if most else nan


def function_frame(outcomes: Sequence[AppOutcome]) -> pd.DataFrame:
    """Return one row a read function and run: scenario, variant, backend and seed, then the function's figures."""
    return pd.DataFrame(
        [
            {**_run(one), **row, "statuses": "; ".join(f"{status}: {n}" for status, n in row["statuses"].items())}
            for one in outcomes
            for row in one.functions
        ]
    )


def site_frame(outcomes: Sequence[AppOutcome]) -> pd.DataFrame:
    """Return one row a cache call site and run: file and line, pattern of keys, timeout (NaN: none), and its counts."""
    rows = [{**_run(one), **row} for one in outcomes for row in one.sites]
    names = [*_RUN, "site", "pattern", "timeout", "calls", "hits", "outdated_reads"]
    return pd.DataFrame(rows, columns=names).astype({"timeout": float})


def over_time_frame(outcomes: Sequence[AppOutcome]) -> pd.DataFrame:
    """Return one row a run and bin of the measured time: the middle of the bin, and the figures in it."""
    parts = []
    for one in outcomes:
        bins = len(one.over_time["statements_per_s"])
        times = (np.arange(bins) + 0.5) * one.outcome.measured_s / bins
        parts.append(pd.DataFrame({**_run(one), "time_s": times, **one.over_time}))
    return pd.concat(parts, ignore_index=True)


def _run(one: AppOutcome) -> dict[str, Any]:
    run = one.outcome.run
    return dict(zip(_RUN, (run.scenario.name, one.variant, run.backend, run.seed), strict=True))


_RUN = ("scenario", "variant", "backend", "seed")
