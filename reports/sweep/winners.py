"""Winners: who is ahead at a place, as far as the seeds can tell.

The contender with the fewest wrong reads is ahead; of those within `RARE_SHARE` of all reads, the one with the fewest
queries. Differences paired by seed, against all rivals at once, tell whether that is more than chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan

from ..ranking import EQUAL_SHARE, NEGLIGIBLE_SHARE, RARE_SHARE
from ..statistics import CONFIDENCE, Interval, paired_difference
from .limits import Limit, Verdict, all_met, met_on_average
from .points import QUERIES, Point


@dataclass(frozen=True)
class Ahead:
    """Who is ahead at a place, None if nobody is; `equals` are as good, and `rivals` may be better or as good.

    `sure` says that the seeds have settled who is ahead, and that the limits are met.
    """

    leader: str | None
    equals: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    sure: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The leader, and those that are as good."""
        return frozenset(filter(None, (self.leader, *self.equals)))


NOBODY = Ahead(None)
NO_DIFFERENCE = Interval(0.0, 0.0, 0.0, 2)


def freshest(standing: Mapping[str, Point], limits: Sequence[Limit] = ()) -> Ahead:
    """Return who is ahead in wrong reads among those that meet the limits.

    As in a ranking, a contender that is no better than no cache at all is left out, if another one may meet the limits.
    """
    judged = {name: point for name, point in standing.items() if not isnan(point.mean("wrong_ratio"))}
    meeting = {name: point for name, point in judged.items() if all_met(point, limits) is not Verdict.NO}
    able = {name: point for name, point in meeting.items() if not saves_nothing(point)} or meeting
    within = [name for name, point in able.items() if met_on_average(point, limits)]
    if not within:
        return Ahead(None, rivals=tuple(able), sure=not able)
    wrong, queries = ({name: point.mean(metric) for name, point in able.items()} for metric in ("wrong_ratio", QUERIES))
    lowest = min(wrong[name] for name in within)
    fresh = [name for name in within if wrong[name] <= lowest + RARE_SHARE]
    fewest = min(queries[name] for name in fresh)
    cheap = [name for name in fresh if queries[name] <= fewest + NEGLIGIBLE_SHARE]
    leader = min(cheap, key=lambda name: (not able[name].never_wrong, able[name].mean("cache_calls_per_request")))
    return _told(able, leader, sure=all_met(able[leader], limits) is Verdict.YES)


def cheapest(standing: Mapping[str, Point]) -> Ahead:
    """Return who sends the fewest queries."""
    queries = {name: point.mean(QUERIES) for name, point in standing.items()}
    able = {name: standing[name] for name, mean in queries.items() if not isnan(mean)}
    if not able:
        return NOBODY
    leader = min(able, key=lambda name: queries[name])
    return _told(able, leader, sure=True, fresh_matters=False)


def _told(able: Mapping[str, Point], leader: str, *, sure: bool, fresh_matters: bool = True) -> Ahead:
    """Return the leader's equals and rivals: a contender is beaten if its whole interval of differences says so."""
    confidence = 1 - (1 - CONFIDENCE) / max(len(able) - 1, 1)  # against all rivals at once (Bonferroni)
    equals, rivals = [], []
    for name, point in able.items():
        if name == leader:
            continue
        wrong = _difference_in_wrong(able[leader], point, confidence) if fresh_matters else NO_DIFFERENCE
        queries = _difference(able[leader], point, QUERIES, confidence)
        if not (wrong.known and queries.known):  # one seed
            rivals.append(name)
        elif wrong.high < -RARE_SHARE:
            continue
        elif _is_as_good(wrong, queries, able[leader].mean("wrong_ratio")):
            equals.append(name)
        elif not (wrong.high <= RARE_SHARE and queries.high < 0):
            rivals.append(name)
    return Ahead(leader, tuple(equals), tuple(rivals), sure=sure and not rivals)


def _difference(ours: Point, theirs: Point, metric: str, confidence: float) -> Interval:
    return paired_difference(ours.values(metric), theirs.values(metric), confidence)


def _difference_in_wrong(ours: Point, theirs: Point, confidence: float) -> Interval:
    """Return the difference, wider by the share that could be hidden where no read was wrong.

    Without a wrong read, the seeds have no spread that would show it.
    """
    found = _difference(ours, theirs, "wrong_ratio", confidence)
    return replace(found, low=found.low - _hidden(theirs), high=found.high + _hidden(ours))


def _hidden(point: Point) -> float:
    return 0.0 if point.mean("wrong_ratio") else point.most_unseen("reads")


def _is_as_good(wrong: Interval, queries: Interval, share: float) -> bool:
    """Return whether both differences are within the margins."""
    margin = max(RARE_SHARE, EQUAL_SHARE * share)
    near = max(abs(wrong.low), abs(wrong.high)) <= margin
    return near and max(abs(queries.low), abs(queries.high)) <= NEGLIGIBLE_SHARE


def saves_nothing(point: Point) -> bool:
    """Return whether a point is never wrong but sends as many queries as no cache at all."""
    saved = point.mean("db_queries_saved_ratio")
    return point.never_wrong and not isnan(saved) and saved <= 0
