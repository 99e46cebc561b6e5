"""The figures of a run of a team's own project, computed from plain columns: its reads, and what else happened."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..experiment import AGE_QUANTILES, Outcome
from ..verdict.result import SECONDS_A_DAY, Run
from ..verdict.tally import LOAD_BINS
from .outcome import AppOutcome

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ReadColumns:
    """One entry a read, in the order in which they were recorded; times are seconds from the run's start.

    `function` is an index into the list of functions; `status` is 0 if a read has none. `outdated_s` is when the commit
    that made it outdated became visible, NaN if it was not outdated; an outdated read is not `never_true`. A read that
    `failed` was not judged. `lookups` do not count stores (see `App.store`). `digest` is a hash of what it returned.
    """

    function: Ints
    arrival_s: Floats
    start_s: Floats
    end_s: Floats
    status: Ints
    lookups: Ints
    lookup_hits: Ints
    statements: Ints
    db_s: Floats
    outdated_s: Floats
    never_true: Flags
    own_edit_unseen: Flags
    failed: Flags
    digest: NDArray[np.bytes_]

    def only(self, those: Flags) -> "ReadColumns":
        """Return the columns of the reads for which *those* is true."""
        return ReadColumns(**{one.name: getattr(self, one.name)[those] for one in fields(self)})

    @property
    def stale(self) -> Flags:
        """Which reads were outdated."""
        return ~np.isnan(self.outdated_s)

    @property
    def age_s(self) -> Floats:
        """How long they had been outdated when they began; NaN where they were not."""
        return self.start_s - self.outdated_s


class HitColumns(NamedTuple):
    """One entry for each cache call of a read that hit: the read, the call site, and the birth of the oldest copy."""

    read: Ints
    site: Ints
    birth_s: Floats


class Site(NamedTuple):
    """A cache call site, and what the measured requests did there; `HitColumns.site` is an index into their list."""

    site: str
    pattern: str
    timeout: float | None
    calls: int
    hits: int


@dataclass(frozen=True)
class Around:
    """What a run has beside its reads.

    It counts only measured requests, which are those that arrived after the warm-up. There are three exceptions:
    `logouts_s` and `events` are those of the whole run, and `writes` counts the commits after the warm-up that changed
    rows. `statement_s` is when each statement ended, whichever request sent it.
    """

    requests: int
    writes: int
    statement_s: Floats
    sites: Sequence[Site] = ()
    failures: Sequence[tuple[str, int, str]] = ()
    events: Sequence[tuple[float, str]] = ()
    logouts_s: Sequence[float] = ()
    notes: Sequence[str] = ()
    wall_s: float = float("nan")


def figures_of(run: Run, functions: Sequence[str], reads: ReadColumns, hits: HitColumns, around: Around) -> AppOutcome:
    """Return the outcome of a run; only reads that arrived after the warm-up count."""
    warmup_s = run.scenario.warmup_s
    measured = reads.arrival_s >= warmup_s
    ours = reads.only(measured)
    around = replace(around, logouts_s=[at_s for at_s in around.logouts_s if at_s >= warmup_s])
    return AppOutcome(
        _outcome(run, ours, around),
        functions=[_row(name, ours.only(ours.function == code)) for code, name in enumerate(functions)],
        sites=_sites(reads, measured, hits, around.sites),
        fingerprint=_fingerprint(reads, around.statement_s),
        over_time=_over_time(ours, around, _edges(run)) if around.events else {},
        events=[(at_s - warmup_s, name) for at_s, name in around.events],
        failures=list(around.failures),
        logouts=len(around.logouts_s),
    )


def _edges(run: Run) -> Floats:
    """Return the ends of the `LOAD_BINS` equal bins of the measured time."""
    return np.linspace(run.scenario.warmup_s, run.scenario.end_s, LOAD_BINS + 1)


def _outcome(run: Run, ours: ReadColumns, around: Around) -> Outcome:
    edges, measured_s = _edges(run), run.scenario.duration_s
    ages_s = ours.age_s[ours.stale]
    return Outcome(
        run=run,
        summary=_summary(ours, around, measured_s),
        counts={"reads": len(ours.function), "lookups": int(ours.lookups.sum()), "requests": around.requests},
        notes=list(around.notes),
        measured_s=measured_s,
        stale_age_quantiles_s=np.quantile(ages_s, AGE_QUANTILES) if len(ages_s) else np.empty(0),
        db_queries_per_s=_count(around.statement_s, edges) / (edges[1] - edges[0]),
        reads_per_s=_count(ours.arrival_s, edges) / (edges[1] - edges[0]),
        trace_fields=(),
    )


def _over_time(ours: ReadColumns, around: Around, edges: Floats) -> dict[str, Floats]:
    place = np.clip(np.searchsorted(edges, ours.arrival_s, "right") - 1, 0, LOAD_BINS - 1)
    response_s = ours.end_s - ours.arrival_s
    return {
        "statements_per_s": _count(around.statement_s, edges) / (edges[1] - edges[0]),
        "response_p99_s": np.array([_quantile(response_s[place == one], 0.99) for one in range(LOAD_BINS)]),
        "logouts": _count(np.array(around.logouts_s), edges),
    }


def _count(times_s: Floats, edges: Floats) -> Floats:
    """Return how many times are in each bin; those after the traffic's end count in the last one."""
    return np.histogram(np.clip(times_s, edges[0], edges[-1]), edges)[0].astype(float)


def _summary(ours: ReadColumns, around: Around, measured_s: float) -> dict[str, float | int]:
    """Return the metrics of `metrics.APP_METRICS`, without those of savings, which compare two runs."""
    reads = len(ours.function)
    ages_s = ours.age_s[ours.stale]
    wrong = int((ours.stale | ours.never_true).sum())
    statements = len(around.statement_s)
    row = _row("", ours)
    shared = {name: value for name, value in row.items() if name not in ("function", "statuses")}
    return {
        **shared,
        "writes": around.writes,
        "hits": int(ours.lookup_hits.sum()),
        "wrong_ratio": _ratio(wrong, int((~ours.failed).sum())),
        "wrong_reads_per_day": _per_day(wrong, reads, measured_s),
        "stale_reads_per_day": _per_day(len(ages_s), reads, measured_s),
        "stale_age_p50_s": _quantile(ages_s, 0.5),
        "stale_age_p99_s": _quantile(ages_s, 0.99),
        "db_queries": statements,
        "db_queries_per_s": statements / measured_s,
        "cache_calls_per_request": _ratio(sum(one.calls for one in around.sites), around.requests),
        "errors": sum(count for _function, count, _frames in around.failures),
        "logouts": len(around.logouts_s),
        "wall_s": around.wall_s,
    }


def _row(name: str, ours: ReadColumns) -> dict[str, Any]:
    """Return the figures of one function's reads, or of all of them."""
    reads, judged = len(ours.function), int((~ours.failed).sum())
    response_s, ages_s = ours.end_s - ours.arrival_s, ours.age_s[ours.stale]
    statuses, counts = np.unique(ours.status[ours.status > 0], return_counts=True)
    return {
        "function": name,
        "reads": reads,
        "statuses": {int(status): int(count) for status, count in zip(statuses, counts, strict=True)},
        "failures": reads - judged,
        "hit_ratio": _ratio(int(ours.lookup_hits.sum()), int(ours.lookups.sum())),
        "statements_per_read": _ratio(int(ours.statements.sum()), reads),
        "db_s_per_read": _ratio(float(ours.db_s.sum()), reads),
        "response_p50_s": _quantile(response_s, 0.5),
        "response_p99_s": _quantile(response_s, 0.99),
        "stale_ratio": _ratio(int(ours.stale.sum()), judged),
        "stale_age_max_s": float(ages_s.max()) if len(ages_s) else float("nan"),
        "never_true_ratio": _ratio(int(ours.never_true.sum()), judged),
        "own_edit_unseen_ratio": _ratio(int(ours.own_edit_unseen.sum()), judged),
    }


def _sites(reads: ReadColumns, measured: Flags, hits: HitColumns, sites: Sequence[Site]) -> list[dict[str, Any]]:
    """Return a row a call site. An outdated read counts there if it hit a copy older than the commit that it misses."""
    counted = measured[hits.read] & (hits.birth_s < reads.outdated_s[hits.read])  # NaN: nothing is older
    blamed = np.unique(np.column_stack([hits.site, hits.read])[counted], axis=0)
    outdated = np.bincount(blamed[:, 0], minlength=len(sites))
    return [{**one._asdict(), "outdated_reads": int(outdated[place])} for place, one in enumerate(sites)]


def _fingerprint(reads: ReadColumns, statement_s: Floats) -> str:
    """Return a hash of everything that is known about the reads, and of the times of all statements."""
    digest = sha256(np.ascontiguousarray(statement_s).tobytes())
    for one in fields(reads):
        digest.update(np.ascontiguousarray(getattr(reads, one.name)).tobytes())
    return digest.hexdigest()


def _per_day(count: int, reads: int, measured_s: float) -> float:
    return count / measured_s * SECONDS_A_DAY if reads else float("nan")


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else float("nan")


def _quantile(values: Floats, q: float) -> float:
    return float(np.quantile(values, q)) if len(values) else float("nan")
