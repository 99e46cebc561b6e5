"""Strategies that claim a bound which they do not keep, and some whose bound is odd: what the attacks must find."""

from typing import ClassVar

from cachewise import Bound, Row, Site
from tests.sim.check.mutants import Sound


class NeverOutdated(Sound):
    """Claims what the stale-set race breaks."""

    stale_at_most: ClassVar[Bound] = "never"


class NeverDeletedEarly(NeverOutdated):
    """Claims it for a delete before the commit."""

    def write(self, site: Site, key: str) -> None:
        """Delete too early."""
        with site.db.atomic():
            site.db.write(key)
            site.cache.delete(key)


class NeverSetLate(NeverOutdated):
    """Claims it for sets that can come in the wrong order."""

    def write(self, site: Site, key: str) -> None:
        """Store the new row after the commit."""
        with site.db.atomic():
            row = site.db.write(key)
        site.cache.set(key, row, self.timeout)


class SetsInTransaction(Sound):
    """Stores what may be rolled back."""

    def write(self, site: Site, key: str) -> None:
        """Store before the commit."""
        with site.db.atomic():
            row = site.db.write(key)
            site.cache.set(key, row, self.timeout)


class NeverUncommitted(SetsInTransaction):
    """Claims to be never outdated nevertheless."""

    stale_at_most: ClassVar[Bound] = "never"


class Slides(Sound):
    """Renews the timeout at every hit, so that an entry which is read never expires."""

    def read(self, site: Site, key: str) -> Row:
        """Touch what was found."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        else:
            site.cache.touch(key, self.timeout)
        return row


class ForEver(Sound):
    """Stores without a timeout."""

    def read(self, site: Site, key: str) -> Row:
        """Store for good."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, None)
        return row


class TwiceAsLong(Sound):
    """Stores for twice its timeout."""

    def read(self, site: Site, key: str) -> Row:
        """Store for too long."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, None if self.timeout is None else 2 * self.timeout)
        return row


class TrustsAMarker(Sound):
    """Never expires, and writes a marker instead of deleting: a full cache throws the marker away, not the old row."""

    stale_at_most: ClassVar[Bound] = "never"

    def read(self, site: Site, key: str) -> Row:
        """Believe the entry unless it is marked."""
        row: Row | None = site.cache.get(key)
        changed = site.cache.get(f"{key}:version")
        if row is None or (changed is not None and row.version < changed):
            row = site.db.read(key)
            site.cache.set(key, row, None)
        return row

    def write(self, site: Site, key: str) -> None:
        """Announce the new version before it is committed, so that no reader misses it."""
        with site.db.atomic():
            site.cache.set(f"{key}:version", site.db.write(key).version, None)


class Silent:
    """Claims nothing, and is no dataclass."""

    def read(self, site: Site, key: str) -> Row:
        """Look, load, store for good."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, None)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row alone."""
        site.db.write(key)


class SleepsAfterHits(Sound):
    """Keeps entries 2.5 times as long, and sleeps longer than that in a few reads, none of which has loaded."""

    def read(self, site: Site, key: str) -> Row:
        """Look, load, store; sleep after some hits."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout and self.timeout * 2.5)
        elif site.random.random() < 0.01:
            site.sleep(10)
        return row


class LoadsSlowly(Sound):
    """Takes 3 seconds between loading and storing."""

    def read(self, site: Site, key: str) -> Row:
        """Look, load, think, store."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.sleep(3)
            site.cache.set(key, row, self.timeout)
        return row


class NoLimit(Sound):
    """Claims nothing, and says so."""

    stale_at_most: ClassVar[Bound] = "none"


class EndlessTimeout:
    """Speaks of a timeout, and has none."""

    timeout = None
    stale_at_most = "timeout"
    read, write = Sound.read, Sound.write
