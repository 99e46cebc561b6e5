"""Ranking: which strategies no other one beats in both outdated reads and database queries."""

from dataclasses import dataclass

from reports.frames import Case, name_of
from reports.statistics import Interval, metric_interval, paired_difference

BOUNDS = ("no-cache", "oracle")  # what nobody chooses: no cache at all, and a cache that cannot exist
NEGLIGIBLE_SHARE = 0.001  # queries that differ by less than this share of the reads count as the same


@dataclass(frozen=True)
class Group:
    """Strategies of the frontier that these seeds cannot tell apart.

    `leader` has the lowest means; `equals` served the same outdated reads on every seed; `unresolved` did worse on
    average, but by no more than chance could explain.
    """

    leader: str
    equals: tuple[str, ...]
    unresolved: tuple[str, ...]


def interval(case: Case, label: str, metric: str) -> Interval:
    """Return the mean of a metric over seeds, with its interval."""
    return metric_interval(metric, case.values(label, metric).values())


def contenders(case: Case) -> list[str]:
    """Return the strategies one can choose."""
    return [label for label in case.by_strategy if name_of(label) not in BOUNDS]


def compare(case: Case, ours: str, theirs: str, metric: str) -> int:
    """Return -1 if *ours* is lower, 1 if it is higher, 0 if these seeds cannot tell (with one seed: the bare order)."""
    difference = paired_difference(case.values(ours, metric), case.values(theirs, metric))
    if difference.known and not difference.excludes_zero:
        return 0
    return (difference.mean > 0) - (difference.mean < 0)


def compare_queries(case: Case, ours: str, theirs: str) -> int:
    """Compare database queries as `compare` does; what is a negligible share of the reads is no difference."""
    saved = [interval(case, label, "db_queries_saved_ratio").mean for label in (ours, theirs)]
    if abs(saved[0] - saved[1]) <= NEGLIGIBLE_SHARE:
        return 0
    return compare(case, ours, theirs, "db_queries_per_s")


def frontier(case: Case) -> list[Group]:
    """Return the strategies that no other one beats, freshest first, ties together."""
    labels = contenders(case)
    left = [one for one in labels if not any(_beats(case, other, one) for other in labels)]
    # "Not distinguishable" is not transitive: in theory all can be beaten in a circle, and then none is ruled out.
    return _tied_groups(case, left or labels)


def _beats(case: Case, ours: str, theirs: str) -> bool:
    verdicts = compare(case, ours, theirs, "stale_ratio"), compare_queries(case, ours, theirs)
    return max(verdicts) <= 0 and min(verdicts) < 0


def _tied_groups(case: Case, labels: list[str]) -> list[Group]:
    groups: list[list[str]] = []
    for label in sorted(labels, key=lambda label: _means(case, label)):
        for group in groups:
            if not compare(case, group[0], label, "stale_ratio") and not compare_queries(case, group[0], label):
                group.append(label)
                break
        else:
            groups.append([label])
    return [_group(case, *group) for group in groups]


def _means(case: Case, label: str) -> list[float]:
    """Return what orders strategies: outdated reads, then what they cost."""
    order = ("stale_ratio", "cache_calls_per_request", "entries_end")
    return [interval(case, label, metric).mean for metric in order]


def _group(case: Case, leader: str, *others: str) -> Group:
    stale = case.values(leader, "stale_ratio")
    equals = tuple(label for label in others if case.values(label, "stale_ratio") == stale)
    return Group(leader, equals, tuple(label for label in others if label not in equals))
