"""The metrics: names, units and meanings in one place, for tables, charts and the page."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from typing import Any


@dataclass(frozen=True)
class Metric:
    """One figure of a run's summary. `of` names the count that a zero refers to ("none seen in 30,000 reads")."""

    name: str
    unit: str
    meaning: str
    of: str | None = None


def _by_name(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS = _by_name(
    Metric("reads", "reads", "reads that arrived after the warm-up"),
    Metric("writes", "writes", "committed writes that arrived after the warm-up"),
    Metric("writes_rolled_back", "writes", "writes that arrived after the warm-up and were rolled back"),
    Metric("hits", "reads", "reads that loaded no row from the database"),
    Metric("hit_ratio", "ratio", "reads that loaded no row from the database / reads"),
    Metric("wrong_ratio", "ratio", "reads that were outdated, dirty or aborted, each counted once / reads", "reads"),
    Metric("wrong_reads_per_day", "reads/day", "wrong reads served a day at this rate", "reads"),
    Metric("stale_ratio", "ratio", "outdated reads / reads", "reads"),
    Metric("stale_hit_ratio", "ratio", "outdated hits / hits", "hits"),
    Metric("stale_reads_per_day", "reads/day", "outdated reads served a day at this rate", "reads"),
    Metric("stale_age_p50_s", "s", "median time since the version of an outdated read was replaced"),
    Metric("stale_age_p99_s", "s", "99th percentile of the time since the version of an outdated read was replaced"),
    Metric("stale_age_max_s", "s", "the longest time since the version of an outdated read was replaced"),
    Metric("versions_behind_mean", "versions", "mean number of newer versions that an outdated read missed"),
    Metric("versions_behind_max", "versions", "the most newer versions that a read missed", "reads"),
    Metric("dirty_ratio", "ratio", "reads of a value that was committed only afterwards / reads", "reads"),
    Metric("aborted_ratio", "ratio", "reads of a value that was never committed / reads", "reads"),
    Metric("db_reads", "queries", "full loads from the database; what writes do is not counted", "requests"),
    Metric("db_queries", "queries", "read queries: full loads and version queries", "requests"),
    Metric(
        "db_queries_per_s",
        "queries/s",
        "read queries of the measured requests, per second of measured time",
        "requests",
    ),
    Metric("db_queries_saved_ratio", "ratio", "read queries saved against no cache on the same traffic"),
    Metric("db_peak_in_flight", "queries", "most database queries under way at once"),
    Metric("cache_calls_per_request", "calls", "calls that reach the cache's store, per request"),
    Metric("response_p50_s", "s", "median response time of a read, from its arrival"),
    Metric("response_p99_s", "s", "99th percentile of a read's response time, from its arrival"),
    Metric(
        "entries_end",
        "entries",
        "entries stored at the end in all workers' stores, expired ones included",
    ),
    Metric(
        "entries_culled",
        "entries",
        "entries that were removed before they had expired, as the cache was full (MAX_ENTRIES); without the warm-up",
        "requests",
    ),
    Metric(
        "keys_left_wrong",
        "keys",
        "keys still outdated, or still at a value that was never committed, after the traffic stopped",
        "keys",
    ),
    Metric("wall_s", "s", "real time the run took"),
    Metric("requests_per_wall_s", "requests/s", "simulated and judged requests per real second"),
)
# Only a run on the wall clock has these. Its percentiles come from an HDR histogram (three significant figures).
WALL_METRICS = _by_name(
    Metric("throughput_per_s", "requests/s", "requests answered per second, from the warm-up's end to the last answer"),
    Metric("response_p999_s", "s", "99.9th percentile of a read's response time, from its arrival"),
    Metric(
        "errors",
        "requests",
        "requests that raised an exception, the warm-up's included; without those that rollback_ratio has chosen",
        "requests",
    ),
    Metric(
        "undecidable",
        "reads",
        "reads that may be outdated (or dirty): that depends on when within its COMMIT a write took effect; "
        "not counted as wrong",
        "reads",
    ),
    Metric(
        "late_p99_s",
        "s",
        "99th percentile of how late a request was sent though a thread was free; high where the machine was busy",
    ),
    Metric("late_max_s", "s", "the latest that the generator sent such a request"),
)
# A run of a team's own project has these: its reads are whole responses, and its queries are any SQL statements.
APP_METRICS = _by_name(
    *map(METRICS.__getitem__, ("wrong_reads_per_day", "stale_reads_per_day", "response_p50_s", "response_p99_s")),
    METRICS["wall_s"],
    Metric("reads", "reads", "reads of all functions that arrived after the warm-up"),
    Metric("writes", "writes", "commits after the warm-up that changed a row"),
    Metric("hits", "lookups", "lookups in a cache that hit; stores, such as sessions, are left out"),
    Metric("hit_ratio", "ratio", "lookups in a cache that hit / lookups; stores, such as sessions, are left out"),
    Metric("wrong_ratio", "ratio", "reads that were outdated or never true / reads that did not fail", "reads"),
    Metric("stale_ratio", "ratio", "outdated reads / reads that did not fail", "reads"),
    Metric("stale_age_p50_s", "s", "median time since an outdated read was last true"),
    Metric("stale_age_p99_s", "s", "99th percentile of the time since an outdated read was last true"),
    Metric("stale_age_max_s", "s", "the longest time since an outdated read was last true, of all seeds"),
    Metric(
        "never_true_ratio",
        "ratio",
        "reads that were true at no time up to then, such as a page of pieces of different times / reads that did "
        "not fail",
        "reads",
    ),
    Metric(
        "own_edit_unseen_ratio",
        "ratio",
        "reads in which a user does not see what the same user has changed before / reads that did not fail",
        "reads",
    ),
    Metric("statements_per_read", "statements", "SQL statements that a read sends"),
    Metric("db_s_per_read", "s", "time that a read waits for the database, locks included"),
    Metric("db_queries", "statements", "SQL statements of the measured requests, the writes' included", "requests"),
    Metric(
        "db_queries_per_s",
        "statements/s",
        "SQL statements of the measured requests, the writes' included, per second of measured time",
        "requests",
    ),
    Metric("db_queries_saved_ratio", "ratio", "SQL statements saved against no cache on the same traffic"),
    Metric("statements_saved_ratio", "ratio", "SQL statements a read saved against no cache on the same traffic"),
    Metric("db_time_saved_ratio", "ratio", "database time of the reads saved against no cache on the same traffic"),
    Metric("cache_calls_per_request", "calls", "calls of a cache per request; stores are left out"),
    Metric("failures", "reads", "reads that failed: an exception, or a status that was not expected", "reads"),
    Metric("errors", "requests", "requests that failed, reads and others", "requests"),
    Metric("logouts", "sessions", "sessions and other entries of stores that a call has thrown away", "requests"),
)
KNOWN = {**APP_METRICS, **METRICS, **WALL_METRICS}  # metrics with the same name are shown in the same way
# The kinds of wrong reads. Each wrong read is of one kind, so that the shares add up to `wrong_ratio`.
PARTS = {
    "stale_ratio": "outdated",
    "dirty_ratio": "not yet committed",
    "aborted_ratio": "never committed",
    "never_true_ratio": "never true",
}
UNCOMMITTED = ("dirty_ratio", "aborted_ratio")
NOT_OUTDATED = (*UNCOMMITTED, "never_true_ratio")
# Figures that a rerun does not reproduce: they measure the machine's speed, not the strategy.
MACHINE_METRICS = ("wall_s", "requests_per_wall_s")
MORE_IS_BETTER = ("hits", "hit_ratio")
GIVEN = ("reads", "writes", "writes_rolled_back")  # the traffic's own


def shown(name: str, value: Any, counts: dict[str, Any]) -> str:
    """Return *value* of the metric *name* for people; *counts* holds the counts that a zero refers to."""
    metric = KNOWN[name]
    if value is None or isnan(value):
        return "-"
    if value == 0 and metric.of is not None and metric.of in counts:
        return f"none seen in {counts[metric.of]:,.0f} {metric.of}"
    if metric.unit == "ratio":
        return f"{value:.2%}" if value == 0 or abs(value) >= 0.0001 else f"{100 * value:.2g}%"
    if metric.unit == "s":
        return duration(value)
    if isinstance(value, int) or value == int(value) or abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def is_better_high(name: str) -> bool:
    """Return whether more of a metric is better."""
    return name in MORE_IS_BETTER or name.endswith("_saved_ratio")


def limitable(names: Iterable[str]) -> list[str]:
    """Return those metrics of which one can want at most so much."""
    return [one for one in names if not (is_better_high(one) or one in GIVEN or one in MACHINE_METRICS)]


def duration(seconds: float) -> str:
    """Return *seconds* with the unit that reads best: 3.2 ms, 5.0 s, 12 min."""
    if seconds == 0:
        return "0 s"
    shown = abs(float(f"{seconds:.3g}"))  # 0.9999 s is 1 s, not 1e+03 ms
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (180.0, 1.0, "s"), (10_800.0, 1 / 60, "min")):
        if shown < limit:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds / 3600:.3g} h"
