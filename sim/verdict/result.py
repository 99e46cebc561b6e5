"""The result of a run: judged reads, writes, and their summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..contract import Strategy
from ..errors import UserError
from ..own.luggage import Luggage, luggage_of
from ..world.scenario import Scenario
from ..world.workload import Workload
from .display import line, table
from .reads_file import ReadsFile, frame_of, read_back
from .records import MOST_KEPT_READS, Column, Totals
from .tally import Kept, Load, Tally
from .truth import Commits, Verdicts, judge_reads
from .writes import MOST_KEPT_WRITES, WriteCounts

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True)
class Run:
    """The four things that identify a run: the same four give the same bytes."""

    scenario: Scenario
    strategy: Strategy
    backend: str
    seed: int

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (luggage_of(self.strategy), self.scenario, self.strategy, self.backend, self.seed)


def _unpickled(_luggage: Luggage, *parts: Any) -> Run:
    """Return a run in another process; its luggage is unpickled before its strategy."""
    return Run(*parts)


@dataclass(frozen=True)
class Leftovers:
    """The state after the traffic has stopped and drained; `entries_end` is NaN if they cannot be counted."""

    entries_end: float
    keys_left_wrong: int


@dataclass(frozen=True)
class Evidence:
    """The records of a run; all times are seconds from its start.

    `reads` holds the columns of `records.READ_COLUMNS`, one entry for each measured read; `writes` those of the
    database's `WriteLog`, one entry for each write; `key_names` gives the key for each key code in both. If there were
    too many, `reads` is a `Tally` (which has the queries, too) and `writes` is `WriteCounts`. `verdicts` are given if
    the commits' times alone were not enough to judge.
    """

    reads: dict[str, Column] | Tally
    writes: Mapping[str, Column] | WriteCounts
    key_names: Sequence[str]
    query_started_s: NDArray[np.float64]
    peak_in_flight: int
    costs: Totals
    leftovers: Leftovers
    verdicts: Verdicts | None = None


class Result:
    """The outcome of one run. Times are seconds from the start; frames are made when first used.

    `clock` says whether those seconds were virtual or real. In a real run, `slept` names the scenario's latencies that
    were added to the real ones, and `further` holds figures that a simulation does not have (they are in the summary,
    too).
    """

    clock: Literal["virtual", "wall"] = "virtual"
    slept: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()  # in a real run: tracebacks of errors in the user's own files

    def __init__(self, run: Run, workload: Workload, evidence: Evidence) -> None:
        self.run = run
        self.notes = list(workload.notes)
        self.trace_fields = () if workload.trace is None else workload.trace.fields
        self.measured_s = workload.end_s - run.scenario.warmup_s
        self.wall_s = float("nan")
        self.further: dict[str, float | int] = {}
        self._key_names = list(evidence.key_names)
        self._query_started_s = evidence.query_started_s
        self._writes = evidence.writes
        self._costs = evidence.costs
        self._leftovers = evidence.leftovers
        self._peak_in_flight = evidence.peak_in_flight
        self.reads_file: Path | None = None
        if isinstance(evidence.reads, Tally):
            self._judged: Kept | Tally = evidence.reads
            self.notes.append(f"of more than {MOST_KEPT_READS:,} reads quantiles are within 0.05%, the rest exact")
        else:
            self._judged = Kept(evidence.reads, evidence.verdicts or _judged(evidence.reads, evidence.writes))

    def __repr__(self) -> str:
        return line(self)

    def _repr_html_(self) -> str:
        return table(self)

    @cached_property
    def reads(self) -> "pd.DataFrame":
        """The reads that arrived after the warm-up, in order of arrival, one row each.

        Columns: arrival_s, start_s (a worker takes it), end_s, key, worker, hit (no `db.read` was made), version
        (returned), latest_version (committed before start_s), stale, stale_age_s (NaN when not stale), versions_behind,
        dirty (committed only after end_s), aborted (never committed). The module `truth` explains them.

        With more than `MOST_KEPT_READS` reads, it is read from the run's `keep_reads` file when first used.

        Raises:
            UserError: if there were so many, and no such file.
        """
        if isinstance(self._judged, Kept):
            return frame_of(self._judged.columns, self._key_names)
        if self.reads_file is None:
            raise _not_kept(self._judged.counts.reads, MOST_KEPT_READS, "reads")
        return read_back(self.reads_file, self._key_names)

    def keep_reads(self, file: ReadsFile) -> None:
        """Write the reads to *file*, unless they were written there during the run."""
        if isinstance(self._judged, Kept):
            file.write_all(self._judged.columns, self._judged.verdicts)

    @cached_property
    def writes(self) -> "pd.DataFrame":
        """All writes, the warm-up's included, in the order they reached the database, one row each.

        Columns: arrival_s, start_s, commit_s (NaN if rolled back), key, worker, version, committed.

        Raises:
            UserError: if there were more than `MOST_KEPT_WRITES` writes, or so many were sure to come.
        """
        if isinstance(self._writes, WriteCounts):
            raise _not_kept(self._writes.measured, MOST_KEPT_WRITES, "writes")
        import pandas as pd

        columns: dict[str, Any] = {name: self._writes[name] for name in ("arrival_s", "start_s", "commit_s")}
        names = pd.Index(self._key_names, dtype=object)
        columns["key"] = pd.Categorical.from_codes(self._writes["key_code"], names)
        columns |= {name: self._writes[name] for name in ("worker", "version")}
        columns["committed"] = self._writes["committed"] > 0
        return pd.DataFrame(columns)

    @property
    def query_started_s(self) -> NDArray[np.float64]:
        """When each query began, in seconds; available if `reads` is."""
        self._require_all()
        return self._query_started_s

    @property
    def stale_ages_s(self) -> NDArray[np.float64]:
        """The ages of the outdated reads, in seconds; available if `reads` is."""
        return self._require_all().stale_ages_s

    def stale_age_quantiles_s(self, shares: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return quantiles of the outdated reads' ages in seconds, NaN if there was none."""
        return self._judged.stale_age_quantiles_s(shares)

    @cached_property
    def load(self) -> Load:
        """When reads arrived and queries began."""
        if isinstance(self._judged, Tally):
            return self._judged.load
        load = Load(self.run.scenario.warmup_s, self.measured_s)
        load.add_reads(self._judged.columns["arrival_s"])
        load.add_queries(self._query_started_s)
        return load

    def _require_all(self) -> Kept:
        if isinstance(self._judged, Tally):
            raise _not_kept(self._judged.counts.reads, MOST_KEPT_READS, "reads")
        return self._judged

    @cached_property
    def summary(self) -> dict[str, float | int]:
        """The metrics of `metrics.METRICS`, by name; NaN where there is nothing to measure."""
        own = {**self._read_figures(), **self._staleness_figures(), **self._cost_figures(), **self._ending_figures()}
        return {**own, **self.further}

    def _read_figures(self) -> dict[str, float | int]:
        found, writes = self._judged.counts, self._writes
        if not isinstance(writes, WriteCounts):
            writes = WriteCounts.of(writes, self.run.scenario.warmup_s)
        return {
            "reads": found.reads,
            "writes": writes.committed,
            "writes_rolled_back": writes.measured - writes.committed,
            "hits": found.hits,
            "hit_ratio": _ratio(found.hits, found.reads),
            "wrong_ratio": _ratio(found.wrong, found.reads),
            "wrong_reads_per_day": self._per_day(found.wrong),
            "stale_ratio": _ratio(found.stale, found.reads),
            "stale_hit_ratio": _ratio(found.stale_hits, found.hits),
            "stale_reads_per_day": self._per_day(found.stale),
        }

    def _per_day(self, reads: int) -> float:
        return reads / self.measured_s * SECONDS_A_DAY if self._judged.counts.reads else float("nan")

    def _staleness_figures(self) -> dict[str, float | int]:
        found, (median_s, p99_s) = self._judged.counts, self.stale_age_quantiles_s([0.5, 0.99]).tolist()
        return {
            "stale_age_p50_s": median_s,
            "stale_age_p99_s": p99_s,
            "stale_age_max_s": found.oldest_s,
            "versions_behind_mean": _ratio(found.versions_behind, found.stale),
            "versions_behind_max": found.most_behind,
            "dirty_ratio": _ratio(found.dirty, found.reads),
            "aborted_ratio": _ratio(found.aborted, found.reads),
        }

    def _cost_figures(self) -> dict[str, float | int]:
        costs, count = self._costs, self._judged.counts.reads
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
        median_s, p99_s = self._judged.response_quantiles_s([0.5, 0.99]).tolist()
        return {
            "response_p50_s": median_s,
            "response_p99_s": p99_s,
            "entries_end": self._leftovers.entries_end,
            "entries_culled": self._costs.entries_culled,
            "keys_left_wrong": self._leftovers.keys_left_wrong,
            "wall_s": self.wall_s,
            "requests_per_wall_s": self._costs.requests / self.wall_s,
        }

    def counts(self) -> dict[str, int]:
        """Return the counts that a zero in the summary refers to."""
        return {
            "reads": int(self.summary["reads"]),
            "hits": int(self.summary["hits"]),
            "requests": self._costs.requests,
            "keys": len(self._key_names),
        }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _judged(reads: Mapping[str, Column], log: Mapping[str, Column] | WriteCounts) -> Verdicts:
    if isinstance(log, WriteCounts):
        raise TypeError("without the writes, the verdicts must be given")
    done = log["committed"] > 0
    keys = int(log["key_code"].max(initial=-1)) + 1
    commits = Commits.of(log["key_code"][done], log["commit_s"][done], log["version"][done], keys)
    return judge_reads(reads, commits)


def _not_kept(count: int, most: int, what: str) -> UserError:
    """Return the error for the use of rows that were not kept."""
    instead = ": keep_reads=PATH of run(), or --keep-reads on the command line, writes them to a file"
    return UserError(
        f"this run had {count:,} {what}. If more than {most:,} are due, the summary has all figures, "
        f"but the rows are not kept{instead if what == 'reads' else ''}"
    )
