"""Tools of the wall clock's tests: short real runs, and strategies that a worker process can import."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import fmean
from threading import Event, Thread
from typing import Any, ClassVar, cast

from django.core.cache.backends.base import BaseCache
from django.db import DatabaseError

from cachewise import Bound, Costs, Row, Scenario, Site, Strategy
from cachewise.sim.experiment import Outcome
from cachewise.sim.verdict.result import Run
from cachewise.sim.wall.outcome import WallResult
from cachewise.sim.wall.run import Around, run_for_real
from cachewise.sim.wall.verify import Pair
from cachewise.strategies import DeleteInTransaction, DeleteOnWrite
from tests.helpers import SERVERS, Step, script

BRIEF = Scenario(
    "brief",
    keys=6,
    read_popularity="uniform",
    reads_per_s=120,
    writes_per_s=30,
    duration_s=0.6,
    warmup_s=0.1,
    db_read_s=0.005,
    transaction_tail_s=0.01,
    workers=1,
    threads=4,
)


LATE_S = 0.1  # as no thread that runs wakes up


def real(
    scenario: Scenario, strategy: Strategy, *, backend: str = "locmem", seed: int = 1, around: Around | None = None
) -> WallResult:
    """Run for real, on the test session's servers, the rows in an SQLite file unless *around* says otherwise."""
    return run_for_real(Run(scenario, strategy, backend, seed), SERVERS, around)


def assert_predicted(pairs: Sequence[Pair]) -> None:
    """Assert that real runs are about one more of their simulations: hits within 2 points, outdated reads within 8.

    A read whose verdict is not known may be outdated or not. So may one that began late, and be a hit or none:
    a machine that stands still makes all wait at once, which latencies that know nothing of each other do not tell.
    """
    reads = [{one.summary["reads"] for one in (pair.measured, *pair.predicted)} for pair in pairs]
    assert all(len(counts) == 1 for counts in reads), "the same traffic"
    undecidable = fmean(pair.measured.summary["undecidable"] / pair.measured.summary["reads"] for pair in pairs)
    late = fmean(_late_ratio(pair.measured) for pair in pairs)
    assert late < 0.5, "the machine stood still for most of it: nothing can be said"
    for name, margin in (("hit_ratio", 0.02 + late), ("stale_ratio", 0.08 + undecidable + late)):
        real_one = fmean(pair.measured.summary[name] for pair in pairs)
        nth = [[one.summary[name] for one in pair.predicted] for pair in pairs]
        models = [fmean(ratios) for ratios in zip(*nth, strict=True)]
        assert min(models) - margin <= real_one <= max(models) + margin, (name, real_one, models)


def _late_ratio(real_one: Outcome) -> float:
    """Return how many of the reads began late, at most: those that came while the machine stood still."""
    if real_one.summary["late_p99_s"] < LATE_S:
        return 0.01 if real_one.summary["late_max_s"] > LATE_S else 0.0
    return real_one.summary["late_max_s"] / real_one.run.scenario.duration_s


def timed_script(folder: Path, steps: list[Step], **settings: Any) -> Scenario:
    """Return a scenario that replays *steps* at their very times, on threads enough for all of them at once."""
    return script(folder, steps, **{"threads": 8, **settings})


@dataclass(frozen=True)
class Plain:
    """A strategy that asks the database and writes in a transaction: what the others here change."""

    name: ClassVar[str] = "plain"
    costs: ClassVar[Costs] = Costs(0, 0, 0)
    stale_at_most: ClassVar[Bound] = "none"

    def read(self, site: Site, key: str) -> Row:
        """Ask the database."""
        return site.db.read(key)

    def write(self, site: Site, key: str) -> None:
        """Change the row."""
        with site.db.atomic():
            site.db.write(key)


@dataclass(frozen=True)
class Undecided(Plain):
    """Writes that come to nothing in every way there is, around one that is committed; `key:1` loses all of it."""

    def write(self, site: Site, key: str) -> None:
        """Write once for good, once in a savepoint that fails, and for one key in a transaction that does."""
        try:
            with site.db.atomic():
                site.db.write(key)
                try:
                    with site.db.atomic():
                        site.db.write(key)
                        raise DatabaseError("the savepoint fails")
                except DatabaseError:
                    pass
                if key == "key:1":
                    raise DatabaseError("the transaction fails")
        except DatabaseError:
            pass
        site.db.write("key:2")  # by itself


@dataclass(frozen=True)
class Doomed(Plain):
    """A block without a savepoint fails within one that has one: Django rolls back to it and commits the rest."""

    def write(self, site: Site, key: str) -> None:  # noqa: ARG002 - it always writes the same rows
        """Write before, within and after."""
        with site.db.atomic():
            site.db.write("key:0")
            with site.db.atomic():
                site.db.write("key:1")
                try:
                    with site.db.atomic(savepoint=False):
                        site.db.write("key:2")
                        raise DatabaseError("the block within fails")
                except DatabaseError:
                    pass
            site.db.write("key:3")


@dataclass(frozen=True)
class CachedTooEarly(Plain):
    """Caches what it writes before the transaction ends, half of the time badly."""

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row."""
        row: Row | None = site.cache.get(key)
        return row or site.db.read(key)

    def write(self, site: Site, key: str) -> None:
        """Cache within the transaction."""
        try:
            with site.db.atomic():
                site.cache.set(key, site.db.write(key), 60)
                if site.random.random() < 0.5:
                    raise DatabaseError("the transaction fails")
        except DatabaseError:
            pass


class Turn(Event):
    """Something that happens in a worker process; who comes after it waits for it."""

    def come(self) -> None:
        """Wait until it has happened."""
        if not self.wait(30):  # longer than a machine stands still
            raise TimeoutError


loaded, deleted, stored = Turn(), Turn(), Turn()
filled, written, looked, committed = Turn(), Turn(), Turn(), Turn()
readers = count()


@dataclass(frozen=True)
class LateCache:
    """A site whose cache is slow to store: only what was loaded before the delete, after it."""

    db: Any
    behind: BaseCache

    @property
    def cache(self) -> "LateCache":
        """The cache, which is this object itself."""
        return self

    def get(self, key: str) -> Any:
        """Get it at once."""
        return self.behind.get(key)

    def set(self, key: str, row: Row, timeout: float | None) -> None:
        """Store it after the delete."""
        loaded.set()
        deleted.come()
        self.behind.set(key, row, timeout)
        stored.set()


@dataclass(frozen=True)
class StoredTooLate(DeleteOnWrite):
    """Delete-on-write whose first reader of `a` stores the old row after the delete, and is followed by the others."""

    def read(self, site: Site, key: str) -> Row:
        """Read as ever; `a` in its turn."""
        if key != "a":
            return super().read(site, key)
        if next(readers):
            stored.come()
            return super().read(site, key)
        return super().read(cast("Site", LateCache(site.db, site.cache)), key)

    def write(self, site: Site, key: str) -> None:
        """Write once the old row has been loaded."""
        loaded.come()
        super().write(site, key)
        deleted.set()


class InTurn:
    """Two reads, the second of them just before a write commits; the others come after it."""

    def read(self, site: Site, key: str) -> Row:
        """Read as ever, in turn."""
        nth = next(readers)
        if nth:
            (written if nth == 1 else committed).come()
        row: Row = super().read(site, key)  # type: ignore[misc]
        (looked if nth else filled).set()
        return row

    def write(self, site: Site, key: str) -> None:
        """Write once the cache is filled; commit once the second reader has been there."""
        filled.come()
        with site.db.atomic():
            super().write(site, key)  # type: ignore[misc]
            written.set()
            looked.come()
        committed.set()


@dataclass(frozen=True)
class DeletedInTurn(InTurn, DeleteInTransaction):
    """Delete in the transaction, all in turn."""


@dataclass(frozen=True)
class CommittedInTurn(InTurn, DeleteOnWrite):
    """Delete after the commit, all in turn."""


@dataclass(frozen=True)
class Unsendable(Plain):
    """Gives what no process can send to another."""

    def read(self, site: Site, key: str) -> Row:  # noqa: ARG002 - it asks nobody
        """Return a row whose version is a function."""
        return Row(key, cast("int", lambda: 0), b"")


left_open: list[Any] = []  # in a worker process: forgotten, a transaction would be rolled back


@dataclass(frozen=True)
class Broken(Plain):
    """Fails in three ways; every request after a failure finds its thread as good as new."""

    def read(self, site: Site, key: str) -> Row:
        """Raise for one key, leave a transaction open for another."""
        if key == "key:0":
            raise LookupError(key)
        if key == "key:1":
            left_open.append(site.db.atomic())
            left_open[-1].__enter__()
            site.db.write(key)
        return site.db.read("key:3" if key == "key:2" else key)


@dataclass(frozen=True)
class Silent(Plain):
    """Uses the cache that cannot exist, and does not say so."""

    def read(self, site: Site, key: str) -> Row:
        """Ask that cache first."""
        return site.ideal.get(key) or site.db.read(key)


@dataclass(frozen=True)
class Spawning(Plain):
    """Loads in the background, beside the request, and fails there for one key."""

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row; load it behind the request's back."""
        row: Row | None = site.cache.get(key)
        site.spawn(lambda: self._load(site, key))
        return Row(key, 0, b"") if row is None else row

    def _load(self, site: Site, key: str) -> None:
        if key == "key:0":
            raise LookupError(key)
        site.cache.set(key, site.db.read(key), 60)


@dataclass(frozen=True)
class Hanging(Plain):
    """Never answers."""

    def read(self, site: Site, key: str) -> Row:
        """Hang."""
        time.sleep(1000)
        return site.db.read(key)


SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON cachewise_rows
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();
"""


def slow_commits_down() -> None:
    """See to it that what each write leaves to its COMMIT takes 50 ms there, on PostgreSQL."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_trigger WHERE tgname = 'slow'")
        if cursor.fetchone() is None:
            cursor.execute(SLOW)


@dataclass(frozen=True)
class SlowCommits(Plain):
    """Commits take 50 ms, on PostgreSQL."""

    def write(self, site: Site, key: str) -> None:
        """Change the row; the first one sees to the rest."""
        slow_commits_down()
        super().write(site, key)


@dataclass(frozen=True)
class CachedBeforeSlowCommits(CachedTooEarly):
    """Commits take 50 ms, on PostgreSQL, and what they commit is in the cache before; a look at it takes 10 ms."""

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row a little later: many at once could all come between two commits."""
        row = super().read(site, key)
        time.sleep(0.01)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row; the first one sees to the rest."""
        slow_commits_down()
        with site.db.atomic():
            site.cache.set(key, site.db.write(key), 60)


@dataclass(frozen=True)
class InAThread(Plain):
    """Deletes in a thread of its own, which keeps its failure to itself."""

    def write(self, site: Site, key: str) -> None:
        """Change the row; delete the key in another thread."""
        site.db.write(key)
        thread = Thread(target=site.cache.delete, args=(key,))
        thread.start()
        thread.join()


@dataclass(frozen=True)
class Delayed(Plain):
    """Sleeps in each write, and spawns something for later; its error says whether that was in time."""

    def write(self, site: Site, key: str) -> None:
        """Change the row, sleep, and spawn."""
        site.db.write(key)
        began_s = time.monotonic()
        site.sleep(0.05)
        slept_s = time.monotonic()
        site.spawn(lambda: self._late(began_s, slept_s), after_s=0.1)

    def _late(self, began_s: float, slept_s: float) -> None:
        in_time = slept_s - began_s >= 0.05 and time.monotonic() - slept_s >= 0.1
        raise (LookupError if in_time else TimeoutError)
