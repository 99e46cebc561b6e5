"""Ranking: which strategies are ahead in wrong reads and database queries, and what the seeds cannot decide.

A read is wrong if it is outdated or, in some cases, if it returns a row that was not committed.

The means over seeds say which strategy is ahead of which. A strategy is dropped only if another is ahead of it by more
than chance explains.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from ..sim.declared import declared_bound
from .frames import Case, name_of
from .statistics import CONFIDENCE, Interval, metric_interval, paired_difference, seeds_to_settle

NEGLIGIBLE_SHARE = 0.001  # queries that differ by less than this share of the reads count as the same
RARE_SHARE = 0.0001  # wrong reads that differ by less than this share of all reads count as the same
EQUAL_SHARE = 0.1  # or wrong reads that differ by less than this share of themselves count as the same


@dataclass(frozen=True)
class Group:
    """A strategy with none ahead of it, and its `equals`, within `EQUAL_SHARE` and `NEGLIGIBLE_SHARE`."""

    leader: str
    equals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranking:
    """The leaders, which are the strategies with none ahead of them, freshest first; and what the seeds cannot decide.

    `unsettled` maps a leader to the strategies that are behind it by no more than chance could explain. `level` are
    pairs of leaders for which the seeds cannot tell which is fresher.
    """

    groups: list[Group]
    unsettled: dict[str, list[str]]
    level: list[tuple[str, str]]


def interval(case: Case, label: str, metric: str) -> Interval:
    """Return the mean of a metric over seeds, with its interval."""
    return metric_interval(metric, case.values(label, metric).values())


def contenders(case: Case) -> list[str]:
    """Return the strategies that a reader can choose, without the bounds."""
    name = (lambda label: label) if case.of_project else name_of
    return [label for label in case.by_strategy if name(label) not in case.kind.bounds]


def never_wrong(case: Case, label: str) -> bool:
    """Return whether the strategy serves no wrong read by design, and served none here."""
    says_so = declared_bound(case.by_strategy[label][0].run.strategy) == "never"
    return says_so and not any(value > 0 for value in case.values(label, "wrong_ratio").values())


def saves_queries(case: Case, label: str) -> bool:
    """Return whether the strategy asks the database less than no cache at all does."""
    return interval(case, label, "db_queries_saved_ratio").mean > 0


def compare(case: Case, ours: str, theirs: str, metric: str, confidence: float = CONFIDENCE) -> int:
    """Return -1 if *ours* is lower, 1 if it is higher, 0 if these seeds cannot tell; one seed compares plain values."""
    difference = paired_difference(case.values(ours, metric), case.values(theirs, metric), confidence)
    if difference.known and not difference.excludes_zero:
        return 0
    return (difference.mean > 0) - (difference.mean < 0)


def settled_and_counts(case: Case, ours: str, theirs: str) -> bool:
    """Return whether two differ in wrong reads by `RARE_SHARE` of all reads or more, and not by chance."""
    difference = paired_difference(case.values(ours, "wrong_ratio"), case.values(theirs, "wrong_ratio"))
    return difference.excludes_zero and abs(difference.mean) >= RARE_SHARE


def rank(case: Case) -> Ranking:
    """Rank the strategies of *case* that a reader can choose."""
    judged = [label for label in contenders(case) if interval(case, label, "wrong_ratio").seeds]
    # No cache at all has the same guarantee and is ahead of a strategy that asks the database as often.
    worthwhile = [label for label in judged if saves_queries(case, label) or not never_wrong(case, label)]
    labels = sorted(worthwhile or judged, key=lambda label: _order(case, label))
    ahead_of = {label: [other for other in labels if _is_ahead(case, other, label)] for label in labels}
    groups: dict[str, list[str]] = {}
    unsettled: dict[str, list[str]] = {}
    for label in sorted(labels, key=lambda label: bool(ahead_of[label])):  # the leaders first
        equal_to = next((leader for leader in groups if _is_as_good(case, label, leader)), None)
        if equal_to is not None:
            groups[equal_to].append(label)
        elif not ahead_of[label]:
            groups[label] = []
        elif not any(_is_beyond_chance(case, other, label) for other in ahead_of[label]):
            first = next((other for other in groups if other in ahead_of[label]), ahead_of[label][0])
            unsettled.setdefault(first, []).append(label)
    return Ranking([Group(leader, tuple(equals)) for leader, equals in groups.items()], unsettled, _level(case, groups))


def _order(case: Case, label: str) -> tuple[float, bool, float]:
    """Return the key that sorts strategies: wrong reads, then a guarantee against them, then cache calls."""
    wrong, calls = (interval(case, label, metric).mean for metric in ("wrong_ratio", "cache_calls_per_request"))
    return wrong, not never_wrong(case, label), calls


def _is_ahead(case: Case, ours: str, theirs: str) -> bool:
    """Return whether *ours* is on average no worse in both figures, and better in one; rare wrong reads do not count.

    A strategy that may serve a wrong read is never ahead of one that cannot, even if it served none here.
    """
    if never_wrong(case, theirs) and not never_wrong(case, ours):
        return False
    fresher, cheaper = _gains(case, ours, theirs)
    if cheaper > NEGLIGIBLE_SHARE:
        return fresher >= -RARE_SHARE
    return fresher > 0 and cheaper >= -NEGLIGIBLE_SHARE


def _gains(case: Case, ours: str, theirs: str) -> tuple[float, float]:
    """Return how much lower the wrong ratio of *ours* is, and how many more queries it saves."""
    wrong, saved = (
        [interval(case, label, metric).mean for label in (ours, theirs)]
        for metric in ("wrong_ratio", "db_queries_saved_ratio")
    )
    return wrong[1] - wrong[0], saved[0] - saved[1]


def _is_beyond_chance(case: Case, ours: str, theirs: str) -> bool:
    """Return whether *ours*, which is ahead, is significantly better in a figure where the difference matters."""
    fresher, cheaper = _gains(case, ours, theirs)
    confidence = _confidence(case)
    return (fresher > 0 and compare(case, ours, theirs, "wrong_ratio", confidence) < 0) or (
        cheaper > NEGLIGIBLE_SHARE and compare(case, ours, theirs, "db_queries_per_s", confidence) < 0
    )


def seeds_to_rank(case: Case, leader: str, behind: str) -> int | None:
    """Return from about how many seeds on *leader* is ahead of *behind* beyond chance, or the two are as good.

    None where `--seeds` takes no number that is large enough.
    """
    fresher, cheaper = _gains(case, leader, behind)
    found = [seeds_to_part(case, leader, behind)] if fresher > 0 else []
    if cheaper > NEGLIGIBLE_SHARE:
        found.append(_seeds(case, leader, behind, "db_queries_per_s", _confidence(case)))
    if abs(cheaper) <= NEGLIGIBLE_SHARE:
        found.append(_seeds(case, leader, behind, "wrong_ratio", CONFIDENCE, _margin(case, leader)))
    return min((seeds for seeds in found if seeds is not None), default=None)


def seeds_to_part(case: Case, ours: str, theirs: str) -> int | None:
    """Return from about how many seeds on these two differ in wrong reads beyond chance; None as in `seeds_to_rank`."""
    return _seeds(case, ours, theirs, "wrong_ratio", _confidence(case))


def _seeds(case: Case, ours: str, theirs: str, metric: str, confidence: float, margin: float = 0.0) -> int | None:
    difference = paired_difference(case.values(ours, metric), case.values(theirs, metric), confidence)
    return seeds_to_settle(difference, confidence, margin)


def _margin(case: Case, leader: str) -> float:
    """Return how much the wrong ratios of two may differ that are as good."""
    return max(EQUAL_SHARE * interval(case, leader, "wrong_ratio").mean, RARE_SHARE)


def _confidence(case: Case) -> float:
    """Return the confidence for one pair that gives `CONFIDENCE` against all rivals of a strategy (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / max(len(contenders(case)) - 1, 1)


def _is_as_good(case: Case, label: str, leader: str) -> bool:
    """Return whether *label* is as good as *leader*: no difference beyond the margins was found."""
    difference = paired_difference(case.values(label, "wrong_ratio"), case.values(leader, "wrong_ratio"))
    margin = _margin(case, leader)
    ends = (difference.low, difference.high) if difference.known else (difference.mean,)
    return max(map(abs, ends)) <= margin and abs(_gains(case, label, leader)[1]) <= NEGLIGIBLE_SHARE


def _level(case: Case, leaders: Iterable[str]) -> list[tuple[str, str]]:
    open_to_chance = [label for label in leaders if not never_wrong(case, label)]
    return [
        (ours, theirs)
        for ours, theirs in combinations(open_to_chance, 2)
        if not compare(case, ours, theirs, "wrong_ratio", _confidence(case))
    ]
