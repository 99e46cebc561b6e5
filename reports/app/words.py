"""Words: a project's figures as text, and their differences from the project as it is."""

from math import isnan, nan

from ...sim.application import AS_IT_IS
from ...sim.verdict.metrics import APP_METRICS, KNOWN, duration, shown
from ..statistics import Interval
from .frames import Project

FUNCTION_COLUMNS = {  # the columns of a function's table, the most important first
    "stale_ratio": "outdated",
    "stale_age_max_s": "oldest",
    "never_true_ratio": "never true",
    "own_edit_unseen_ratio": "own edit not seen",
    "hit_ratio": "hits",
    "statements_per_read": "statements",
    "statements_saved_ratio": "saved",
    "db_s_per_read": "database",
    "response_p99_s": "p99",
    "response_p50_s": "p50",
    "db_time_saved_ratio": "time saved",
}
MEANINGS = {  # of the headings that need an explanation
    "stale_ratio": "share of the reads that were outdated; those that failed are left out",
    "hit_ratio": "share of the cache lookups that hit; stores, such as sessions, are left out",
    "statements_per_read": "SQL statements a read",
    "statements_saved_ratio": "SQL statements a read that are saved against no cache",
    "db_s_per_read": "time that a read waits for the database, locks included",
    "db_time_saved_ratio": "database time a read that is saved against no cache",
    "response_p50_s": "half of the reads were answered within this time, from their arrival",
    "response_p99_s": "99 of 100 reads were answered within this time, from their arrival",
    "never_true_ratio": "share of the reads that were true at no time up to then",
    "own_edit_unseen_ratio": "share of the reads in which a user does not see what the same user has changed before",
}
# A maximum over seeds has no mean, and savings differ in the same way as the statements that are sent.
WITHOUT_DIFFERENCE = ("stale_age_max_s", "statements_saved_ratio", "db_time_saved_ratio")
NOTHING = 1e-9  # smaller differences are rounding
DIFFERENCES = (
    "below each figure: how it differs from `as it is`, seed by seed, ± the 95% interval (shares in percentage points)"
)
_SCALES = ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (180.0, 1.0, "s"), (float("inf"), 1 / 60, "min"))


def meaning(metric: str) -> str:
    """Return what a figure of a function means."""
    return MEANINGS.get(metric) or APP_METRICS[metric].meaning


def figure(project: Project, function: str, label: str, metric: str) -> str:
    """Return a function's figure with a variant: the mean over seeds; of an extreme, the maximum."""
    if metric == "stale_age_max_s":
        ages = [age for age in project.values(function, label, metric).values() if not isnan(age)]
        return shown(metric, max(ages, default=nan), {})
    text = shown(metric, project.interval(function, label, metric).mean, {"reads": 1})
    return "none seen" if text.startswith("none seen") else text


def against_it(project: Project, function: str, label: str, metric: str) -> str:
    """Return the difference of a variant's figure from the project as it is; "" if that tells nothing."""
    found = project.difference(function, label, metric)
    if label == AS_IT_IS or metric in WITHOUT_DIFFERENCE or isnan(found.mean):
        return ""
    return difference(metric, found)


def difference(metric: str, found: Interval) -> str:
    """Return "-1.20 ±0.30" (points, for shares), or "-3.1 ±0.4 ms"; "±0" if nothing differs at all."""
    half = found.high - found.mean if found.known else 0.0
    if abs(found.mean) + half < NOTHING:
        return "±0"
    scale, unit = 1.0, ""
    if KNOWN[metric].unit == "ratio":
        scale = 100.0
    elif KNOWN[metric].unit == "s":
        scale, unit = next((by, f" {name}") for limit, by, name in _SCALES if max(abs(found.mean), half) < limit)
    digits = _digits(scale * (half or abs(found.mean) / 20))
    mean = f"{scale * found.mean:+.{digits}f}"
    return f"{mean} ±{scale * half:.{digits}f}{unit}" if found.known else f"{mean}{unit}"


def _digits(spread: float) -> int:
    """Return how many decimals of a figure with this *spread* are worth showing."""
    return next((digits for digits in range(4) if spread >= 2 * 10.0**-digits), 4)


def statuses(project: Project, function: str, label: str) -> str:
    """Return the statuses of a function's reads: "200", or "200: 98.2%, 500: 1.80%"; "-" if there are none."""
    found = project.statuses(function, label)
    whole = project.total(function, label, "reads")
    if len(found) == 1 and sum(found.values()) == whole:
        return str(next(iter(found)))
    return ", ".join(f"{status}: {100 * count / whole:.3g}%" for status, count in found.items()) or "-"


def timeout_text(timeout: float | None) -> str:
    """Return a call site's timeout; "" if nothing was stored or hit there."""
    if timeout is None:
        return "none"
    return "" if isnan(timeout) else duration(timeout)
