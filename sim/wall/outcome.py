"""The result of a real run, in the same form as a simulation's."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..verdict.records import Column, Totals
from ..verdict.result import Evidence, Leftovers, Result, Run
from ..world.workload import Workload
from .ledger import STEPS, Read, Records, Write
from .percentiles import percentiles
from .verdicts import judge_twice, tightened

Codes = Mapping[str, int]
REQUESTS_FAILED, BACKGROUND_FAILED = "requests failed", "background work failed"


@dataclass(frozen=True)
class Ending:
    """The workers' records, in order, and the contents of tables and caches after the traffic has drained."""

    records: Sequence[Records]
    entries: float
    versions: Mapping[str, int]
    keys_left_wrong: int


class WallResult(Result):
    """The outcome of one real run; `steps` holds the seconds of each step, without its sleep."""

    clock: Literal["virtual", "wall"] = "wall"

    def __init__(
        self, run: Run, workload: Workload, ending: Ending, notes: Sequence[str], slept: tuple[str, ...]
    ) -> None:
        codes = {key: code for code, key in enumerate(workload.key_names)}
        reads, writes = _reads(ending.records, codes), writes_of(ending.records, codes)
        _check_books(writes, workload.key_names, ending.versions)
        found = judge_twice(reads, writes, len(codes))
        queries = np.array([one for each in ending.records for one in each.queries]).reshape(-1, 2)
        evidence = Evidence(
            reads=reads,
            writes=writes,
            key_names=workload.key_names,
            query_started_s=np.sort(queries[:, 0]),
            peak_in_flight=most_at_once(queries),
            costs=_costs(ending.records),
            leftovers=Leftovers(ending.entries, ending.keys_left_wrong),
            verdicts=found.agreed,
        )
        super().__init__(run, workload, evidence)
        self.slept = slept
        failed = Counter(error for each in ending.records for error in each.errors)
        behind = Counter(error for each in ending.records for error in each.background_errors)
        self.errors = failed + behind
        self.frames = tuple(frames for each in ending.records for frames in each.frames.values() if frames)
        self._unanswered = sum(len(each.unanswered) for each in ending.records)
        self.steps = {name: _joined(each.steps[name] for each in ending.records) for name in STEPS}
        self.steps["db_write_s"] = statements_s(writes, run.scenario.warmup_s)
        self.notes = [*notes, *_about_errors(failed, behind, workload), *self.notes]
        self.further = self._figures(int(found.undecidable.sum()), _joined(each.late_s for each in ending.records))

    def _figures(self, undecidable: int, late_s: NDArray[np.float64]) -> dict[str, float | int]:
        reads = self._require_all().columns
        p50, p99, p999 = percentiles(reads["end_s"] - reads["arrival_s"], 50, 99, 99.9)
        last_s = max(float(reads["end_s"].max(initial=0)), self.run.scenario.warmup_s + self.measured_s)
        return {
            "response_p50_s": p50,
            "response_p99_s": p99,
            "response_p999_s": p999,
            "throughput_per_s": (self._costs.requests - self._unanswered) / (last_s - self.run.scenario.warmup_s),
            "errors": sum(self.errors.values()),
            "undecidable": undecidable,
            "late_p99_s": float(np.quantile(late_s, 0.99)) if len(late_s) else float("nan"),
            "late_max_s": float(late_s.max(initial=0)),
        }


def most_at_once(intervals: NDArray[np.float64]) -> int:
    """Return how many of the *intervals* (rows of start and end) overlap at most."""
    starts, ends = np.sort(intervals[:, 0]), np.sort(intervals[:, 1])
    under_way = np.arange(1, len(starts) + 1) - np.searchsorted(ends, starts, side="right")
    return int(under_way.max(initial=0))


def _reads(records: Sequence[Records], codes: Codes) -> dict[str, Column]:
    """Return the measured reads in order of arrival, with the columns of a simulation's."""
    rows = [(worker, one) for worker, each in enumerate(records) for one in each.reads]
    rows.sort(key=lambda row: row[1].arrival_s)
    columns = _columns([one for _, one in rows], Read, codes)
    columns["worker"] = np.array([worker for worker, _ in rows], np.int16)
    types = {"hit": np.bool_, "version": np.int32}
    return {name: column.astype(types.get(name, column.dtype)) for name, column in columns.items()}


def writes_of(records: Sequence[Records], codes: Codes) -> dict[str, Column]:
    """Return all writes in order of commit; those that were rolled back come last.

    A thread can be delayed between its COMMIT and the stamp after it, so the narrowed stamps are used for the order.
    """
    rows = [(worker, one) for worker, each in enumerate(records) for one in each.writes]
    columns = _columns([one for _, one in rows], Write, codes)
    columns["worker"] = np.array([worker for worker, _ in rows], np.int16)
    columns["version"] = columns["version"].astype(np.int32)
    done = ~np.isnan(columns["after_s"])
    columns["committed"] = done.astype(np.int8)
    stamps = (columns[name][done] for name in ("key_code", "version", "before_s", "after_s"))
    columns["before_s"][done], columns["after_s"][done] = tightened(*stamps)
    columns["commit_s"] = columns["after_s"]
    order = np.lexsort((columns["version"], columns["after_s"]))
    return {name: column[order] for name, column in columns.items()}


def statements_s(writes: Mapping[str, Column], warmup_s: float) -> NDArray[np.float64]:
    """Return how long the measured writes' own statements took, in seconds, once their row was free.

    The row was locked until the version before was committed. That wait is not a step, because the simulation has its
    own locks. A write is left out if, by the stamps, its row became free too late: a stamp can be late. Waiting for a
    transaction that was rolled back cannot be told from working.
    """
    done = writes["committed"] > 0
    order = np.lexsort((writes["version"][done], writes["key_code"][done]))
    row = {name: column[done][order] for name, column in writes.items()}
    same = {name: np.r_[False, row[name][1:] == row[name][:-1]] for name in ("key_code", "start_s", "before_s")}
    ours = np.logical_and.reduce(list(same.values()))  # this transaction already holds the lock
    free_s = np.where(same["key_code"] & ~ours, np.r_[-np.inf, row["after_s"][:-1]], -np.inf)
    took_s = row["done_s"] - np.maximum(row["asked_s"], free_s)
    return np.asarray(took_s[(row["arrival_s"] >= warmup_s) & (free_s <= row["done_s"])], np.float64)


def _columns(rows: Sequence[NamedTuple], kind: Any, codes: Codes) -> dict[str, Column]:
    columns = {name: np.array([getattr(row, name) for row in rows]) for name in kind._fields if name != "key"}
    columns["key_code"] = np.array([codes[row.key] for row in rows], np.int32)  # type: ignore[attr-defined]
    return columns


def _check_books(writes: Mapping[str, Column], names: Sequence[str], versions: Mapping[str, int]) -> None:
    """Make sure that the log has every commit: the newest one of each key is the version in the table."""
    done = writes["committed"] > 0
    newest = np.zeros(len(names), np.int32)
    np.maximum.at(newest, writes["key_code"][done], writes["version"][done])
    logged = {names[code]: int(newest[code]) for code in np.flatnonzero(newest).tolist()}
    if logged != dict(versions):
        keys = [key for key in {*logged, *versions} if logged.get(key) != versions.get(key)]
        raise UserError(
            f"the commits that were stamped and the table differ on {len(keys)} keys, such as {keys[0]!r:.60}: "
            f"logged {logged.get(keys[0], 0)}, stored {versions.get(keys[0], 0)}; nothing can be judged"
        )


def _costs(records: Sequence[Records]) -> Totals:
    costs = Totals()
    for one in (one for each in records for one in each.costs):
        costs.requests += not one.background
        costs.cache_calls += one.cache_calls
        costs.db_reads += one.db_reads
        costs.db_queries += one.db_queries
        costs.entries_culled += one.entries_culled
    return costs


def _about_errors(failed: Mapping[str, int], behind: Mapping[str, int], workload: Workload) -> list[str]:
    found = []
    if failed:
        requests = sum(len(chunk.is_write) for chunk in workload.chunks())
        count = f"{sum(failed.values()):,} of {requests:,}"
        found.append(f"{count} {REQUESTS_FAILED} (warm-up included): {_kinds(failed)}")
    if behind:
        found.append(f"{BACKGROUND_FAILED} {sum(behind.values()):,} times: {_kinds(behind)}")
    return found


def _kinds(errors: Mapping[str, int]) -> str:
    """Return the kinds of errors, with counts if there were several."""
    counted = sorted(errors.items())
    return ", ".join(name if len(counted) == 1 else f"{name} ({count:,})" for name, count in counted)


def _joined(parts: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    return np.concatenate([np.asarray(part, np.float64) for part in parts])
