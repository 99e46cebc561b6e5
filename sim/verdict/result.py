"""What a run left behind: judged reads, writes, and their summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..contract import Strategy
from ..own.luggage import Luggage, luggage_of
from ..world.scenario import Scenario
from ..world.workload import Workload
from .display import line, table
from .records import Column, Totals
from .truth import Commits, Verdicts, judge

if TYPE_CHECKING:
    import pandas as pd

SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True)
class Run:
    """What identifies a run: with the same four, the same bytes come out."""

    scenario: Scenario
    strategy: Strategy
    backend: str
    seed: int

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (luggage_of(self.strategy), self.scenario, self.strategy, self.backend, self.seed)


def _unpickled(_luggage: Luggage, *parts: Any) -> Run:
    """Return a run in another process, where its luggage has been unpickled before its strategy."""
    return Run(*parts)


@dataclass(frozen=True)
class Leftovers:
    """What was found after the traffic had stopped and drained; `entries_end` is NaN where nobody can count them."""

    entries_end: float
    keys_left_wrong: int


@dataclass(frozen=True)
class Evidence:
    """What a run has recorded; all times are seconds from its start.

    `reads` holds the columns of `records.READ_COLUMNS`, one entry a measured read; `writes` those of the database's
    `WriteLog`, one entry a write; `key_names` says what the key codes in both stand for. `verdicts` are the judge's,
    where it took more than the commits' times to judge.
    """

    reads: dict[str, Column]
    writes: Mapping[str, Column]
    key_names: Sequence[str]
    query_started_s: NDArray[np.float64]
    peak_in_flight: int
    costs: Totals
    leftovers: Leftovers
    verdicts: Verdicts | None = None


class Result:
    """The outcome of one run. Times are seconds from the start; frames are made when first asked for.

    `clock` says whether those seconds were virtual or passed on the wall; there, `slept` names the scenario's latencies
    that were added to the real ones, and `further` holds figures that a simulation has not (the summary has them too).
    """

    clock: Literal["virtual", "wall"] = "virtual"
    slept: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()  # on the wall clock: tracebacks of what failed in the user's own files

    def __init__(self, run: Run, workload: Workload, evidence: Evidence) -> None:
        self.run = run
        self.notes = list(workload.notes)
        self.trace_fields = () if workload.trace is None else workload.trace.fields
        self.measured_s = workload.end_s - run.scenario.warmup_s
        self.query_started_s = evidence.query_started_s
        self.wall_s = float("nan")
        self.further: dict[str, float | int] = {}
        self._key_names = list(evidence.key_names)
        self._columns = evidence.reads
        self._writes = evidence.writes
        self._costs = evidence.costs
        self._leftovers = evidence.leftovers
        self._peak_in_flight = evidence.peak_in_flight
        self._take(evidence.verdicts or self._judged())

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return table(self)

    def _judged(self) -> Verdicts:
        log = self._writes
        done = log["committed"] > 0
        commits = Commits.of(log["key_code"][done], log["commit_s"][done], log["version"][done], len(self._key_names))
        reads = self._columns
        return judge(reads["key_code"], reads["start_s"], reads["end_s"], reads["version"], commits)

    def _take(self, verdicts: Verdicts) -> None:
        reads = self._columns
        reads["latest_version"] = verdicts.latest_version
        reads["stale"] = verdicts.stale
        reads["stale_age_s"] = verdicts.stale_age_s
        reads["versions_behind"] = verdicts.versions_behind
        reads["dirty"] = verdicts.dirty
        reads["aborted"] = verdicts.aborted
        self._wrong = int(verdicts.wrong.sum())

    @cached_property
    def reads(self) -> "pd.DataFrame":
        """The reads that arrived after the warm-up, in order of arrival, one row each.

        Columns: arrival_s, start_s (a worker takes it), end_s, key, worker, hit (no `db.read` was made), version
        (returned), latest_version (committed before start_s), stale, stale_age_s (NaN when not stale), versions_behind,
        dirty (committed after end_s only), aborted (never committed). `truth` says what these mean.
        """
        import pandas as pd

        names = pd.Index(self._key_names, dtype=object)
        columns: dict[str, Any] = {}
        for name, column in self._columns.items():
            if name == "key_code":
                columns["key"] = pd.Categorical.from_codes(column, names, validate=False)
            else:
                columns[name] = column
        return pd.DataFrame(columns, copy=False)

    @cached_property
    def writes(self) -> "pd.DataFrame":
        """All writes, the warm-up's included, in the order they reached the database, one row each.

        Columns: arrival_s, start_s, commit_s (NaN if rolled back), key, worker, version, committed.
        """
        import pandas as pd

        columns: dict[str, Any] = {name: self._writes[name] for name in ("arrival_s", "start_s", "commit_s")}
        names = pd.Index(self._key_names, dtype=object)
        columns["key"] = pd.Categorical.from_codes(self._writes["key_code"], names)
        columns |= {name: self._writes[name] for name in ("worker", "version")}
        columns["committed"] = self._writes["committed"] > 0
        return pd.DataFrame(columns)

    @property
    def read_arrivals_s(self) -> NDArray[np.float64]:
        """When the reads arrived, in seconds."""
        return self._columns["arrival_s"]

    @property
    def stale_ages_s(self) -> NDArray[np.float64]:
        """The ages of the stale reads, in seconds."""
        ages: NDArray[np.float64] = self._columns["stale_age_s"][self._columns["stale"]]
        return ages

    @cached_property
    def summary(self) -> dict[str, float | int]:
        """The metrics of `metrics.METRICS`, by name; NaN where there is nothing to measure."""
        own = {**self._read_figures(), **self._staleness_figures(), **self._cost_figures(), **self._ending_figures()}
        return {**own, **self.further}

    def _read_figures(self) -> dict[str, float | int]:
        reads, writes = self._columns, self._writes
        count, hits = len(reads["hit"]), int(reads["hit"].sum())
        measured = writes["arrival_s"] >= self.run.scenario.warmup_s
        committed = int((measured & (writes["committed"] > 0)).sum())
        stale = int(reads["stale"].sum())
        return {
            "reads": count,
            "writes": committed,
            "writes_rolled_back": int(measured.sum()) - committed,
            "hits": hits,
            "hit_ratio": _ratio(hits, count),
            "wrong_ratio": _ratio(self._wrong, count),
            "wrong_reads_per_day": self._per_day(self._wrong),
            "stale_ratio": _ratio(stale, count),
            "stale_hit_ratio": _ratio(int((reads["stale"] & reads["hit"]).sum()), hits),
            "stale_reads_per_day": self._per_day(stale),
        }

    def _per_day(self, reads: int) -> float:
        return reads / self.measured_s * SECONDS_A_DAY if len(self._columns["hit"]) else float("nan")

    def _staleness_figures(self) -> dict[str, float | int]:
        ages, behind = self.stale_ages_s, self._columns["versions_behind"]
        count, stale = len(behind), len(ages)
        return {
            "stale_age_p50_s": _quantile(ages, 0.5),
            "stale_age_p99_s": _quantile(ages, 0.99),
            "stale_age_max_s": float(ages.max()) if stale else float("nan"),
            "versions_behind_mean": _ratio(int(behind.sum(dtype=np.int64)), stale),
            "versions_behind_max": int(behind.max()) if count else 0,
            "dirty_ratio": _ratio(int(self._columns["dirty"].sum()), count),
            "aborted_ratio": _ratio(int(self._columns["aborted"].sum()), count),
        }

    def _cost_figures(self) -> dict[str, float | int]:
        costs, count = self._costs, len(self._columns["hit"])
        return {
            "db_reads": costs.db_reads,
            "db_queries": costs.db_queries,
            "db_queries_per_s": costs.db_queries / self.measured_s,
            # Without a cache every read is exactly one query, so the reads are that traffic's queries.
            "db_queries_saved_ratio": 1 - costs.db_queries / count if count else float("nan"),
            "db_peak_in_flight": self._peak_in_flight,
            "cache_calls_per_request": _ratio(costs.cache_calls, costs.requests),
        }

    def _ending_figures(self) -> dict[str, float | int]:
        response_s = self._columns["end_s"] - self._columns["arrival_s"]
        return {
            "response_p50_s": _quantile(response_s, 0.5),
            "response_p99_s": _quantile(response_s, 0.99),
            "entries_end": self._leftovers.entries_end,
            "entries_culled": self._costs.entries_culled,
            "keys_left_wrong": self._leftovers.keys_left_wrong,
            "wall_s": self.wall_s,
            "requests_per_wall_s": self._costs.requests / self.wall_s,
        }

    def counts(self) -> dict[str, int]:
        """Return what a zero in the summary is out of."""
        return {
            "reads": int(self.summary["reads"]),
            "hits": int(self.summary["hits"]),
            "requests": self._costs.requests,
            "keys": len(self._key_names),
        }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _quantile(values: NDArray[np.float64], q: float) -> float:
    return float(np.quantile(values, q)) if len(values) else float("nan")
