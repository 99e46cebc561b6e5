"""The contract: rules for every strategy, whatever it declares about itself."""

from collections.abc import Iterator
from typing import Any

from ..contract import Row, Site, Strategy
from ..declared import strategy_title
from ..processes.children import can_travel
from ..verdict.result import Result, Run
from ..world.scenario import Scenario
from .finding import BrokeError, Finding, Subject
from .script import Step, script
from .state import NOTHING, State, state_of

BUSY = Scenario(
    "busy",
    why="many requests at once on few rows",
    keys=6,
    reads_per_s=40,
    writes_per_s=6,
    duration_s=12,
    warmup_s=0,
    cache_rtt_s="exponential:0.002",
    db_read_s="lognormal:0.01:0.8",
    db_commit_s="exponential:0.005",
    transaction_tail_s="exponential:0.03",
    workers=2,
    threads=3,
    db_connections=4,
)
ANSWERS = "its row for every read, no transaction left open"
CLEARED = "cleared"  # a read of this key clears the cache
FORGETFUL: list[Step] = [
    (0.0, "read", "a"),
    (0.5, "read", "b"),
    (1.0, "write", "a"),
    (2.0, "read", "a"),
    (3.0, "write", "b"),  # a cached copy may be outdated from here on
    (4.0, "read", CLEARED),
    (5.0, "read", "a"),  # these two find an empty cache, and must be right
    (6.0, "read", "b"),
    (7.0, "write", "a"),
    (8.0, "read", "a"),
    (9.0, "read", CLEARED),
    (10.0, "write", "b"),  # this write finds an empty cache, too
    (11.0, "read", "b"),
]
RIGHT = (5.0, 6.0, 11.0)  # when a read cannot be outdated: the cache was empty after the last write


def contract(subject: Subject) -> Iterator[Finding]:
    """Yield the finding of each rule; if the first is broken, the others cannot be tried."""
    fresh = state_of(subject.strategy)
    try:
        first, second = subject.play(BUSY), subject.play(BUSY)
    except BrokeError as error:
        yield Finding(ANSWERS, "broke", str(error), Run(BUSY, subject.strategy, subject.backend, 1), error.frames)
        return
    yield Finding(ANSWERS, "held", f"{len(first.reads) + len(first.writes):,} requests, many at once")
    yield _rows(first)
    yield _writes(subject, first)
    yield _repeats(first, second)
    yield _keeps_nothing(subject, fresh)
    yield _forgets(subject)
    yield _travels(subject)


def _rows(result: Result) -> Finding:
    what = "a read returns a row of the database"
    forged = int((result.reads["version"] < 0).sum()) + round(result.summary["aborted_ratio"] * len(result.reads))
    if forged:
        detail = f"{forged:,} of {len(result.reads):,} reads returned a version that never existed"
        return Finding(what, "broke", detail, result.run)
    return Finding(what, "held", f"{len(result.reads):,} reads")


def _writes(subject: Subject, result: Result) -> Finding:
    """Check that every write request has committed a new version of its key."""
    what = "a write commits a new version"
    asked = _Counting(subject.strategy)
    subject.play(BUSY, strategy=asked)
    frame = result.writes[result.writes["committed"]]
    done = dict(frame.groupby("key", observed=True).size())
    idle = {key: count for key, count in asked.writes.items() if done.get(key, 0) < count}
    if idle:
        key, count = next(iter(idle.items()))
        detail = f"{count} writes of {key!r} committed {done.get(key, 0)} versions of it"
        return Finding(what, "broke", detail, result.run)
    return Finding(what, "held", f"{sum(asked.writes.values()):,} writes")


def _repeats(first: Result, second: Result) -> Finding:
    what = "the same seed gives the same reads"
    if first.reads.equals(second.reads) and first.writes.equals(second.writes):
        return Finding(what, "held", "two runs, read for read")
    differs = int((first.reads != second.reads).any(axis=1).sum()) if first.reads.shape == second.reads.shape else 0
    detail = (
        f"{differs:,} of {len(first.reads):,} reads differ in a second run: take random numbers from site.random, and "
        "keep what must be remembered in the cache"
    )
    return Finding(what, "broke", detail, first.run)


def _keeps_nothing(subject: Subject, fresh: State) -> Finding:
    """Compare the strategy's state when it was *fresh*, and after two runs, with its state after a third run.

    An attribute that was missing or None at first may be set once.
    """
    what = "it keeps nothing outside the cache"
    before = state_of(subject.strategy)
    subject.play(BUSY, seed=2)
    after = state_of(subject.strategy)
    expected = {**before, **{place: value for place, value in fresh.items() if value != NOTHING}}
    changed = [place for place in {**expected, **after} if expected.get(place) != after.get(place)]
    if changed:
        names = ", ".join(dict.fromkeys(name for _holder, name in changed))
        detail = f"a run changed {names}: every worker process has its own, so the others do not see the change"
        return Finding(what, "broke", detail)
    return Finding(what, "held", "unchanged after a run")


def _forgets(subject: Subject) -> Finding:
    what = "it goes on after cache.clear()"
    clearing = _Clearing(subject.strategy)
    with subject.servers.folder() as folder:
        try:
            result = subject.play(script(folder, FORGETFUL), strategy=clearing)
        except BrokeError as error:
            return Finding(what, "broke", str(error), frames=error.frames)
    reads = result.reads
    wrong = reads[reads["arrival_s"].isin(RIGHT) & reads["stale"]]
    if len(wrong):
        key = wrong["key"].iloc[0]
        detail = f"a read of {key!r} was outdated, though the cache had been emptied after the write"
        return Finding(what, "broke", detail)
    return Finding(what, "held", f"{len(RIGHT)} reads of an emptied cache were right")


def _travels(subject: Subject) -> Finding:
    what = "it can be sent to worker processes"
    if can_travel(Run(BUSY, subject.strategy, subject.backend, 1)):
        return Finding(what, "held", "by its name, with its parameters")
    return Finding(what, "broke", "define it, and everything in it, at the top level of a file")


class _StandIn:
    """A strategy that does the same as another one, and something more."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.needs = getattr(strategy, "needs", ())
        self.__name__ = strategy_title(strategy)

    def read(self, site: Site, key: str) -> Row:
        """Read as the other strategy does."""
        return self._strategy.read(site, key)

    def write(self, site: Site, key: str) -> Any:
        """Write as the other strategy does."""
        return self._strategy.write(site, key)


class _Counting(_StandIn):
    """Counts the writes by key."""

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy)
        self.writes: dict[str, int] = {}

    def write(self, site: Site, key: str) -> Any:
        """Count, and write."""
        self.writes[key] = self.writes.get(key, 0) + 1
        return super().write(site, key)


class _Clearing(_StandIn):
    """Clears the cache when `CLEARED` is read."""

    def read(self, site: Site, key: str) -> Row:
        """Read; or clear, and return the row as it is."""
        if key != CLEARED:
            return super().read(site, key)
        site.cache.clear()
        return site.db.read(key)
