"""Strategies that are wrong in one way each: what a check must find."""

import random
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cachewise import Bound, Costs, FromFunctions, Row, Site


@dataclass(frozen=True)
class Sound:
    """What all others here change: deletes on commit, and says of itself what is true."""

    timeout: float | None = 300
    name: ClassVar[str] = "sound"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=1)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Look, load, store."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row, delete on commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: site.cache.delete(key))


class ReadsAnotherKey(Sound):
    """Returns the row of one key for every key."""

    def read(self, site: Site, key: str) -> Row:
        """Read the wrong row."""
        return super().read(site, key.replace(key[-1], "0"))


class ReturnsNothing(Sound):
    """Forgets to return."""

    def read(self, site: Site, key: str) -> Row:
        """Return None."""
        site.db.read(key)
        return None  # type: ignore[return-value]


OPENED: list[Any] = []  # or it would end with the last reference to it


class LeavesOpen(Sound):
    """Opens a transaction and never ends it."""

    def write(self, site: Site, key: str) -> None:
        """Enter, and go."""
        OPENED.append(site.db.atomic())
        OPENED[-1].__enter__()
        site.db.write(key)


class Raises(Sound):
    """Expects what an empty cache has not."""

    def write(self, site: Site, key: str) -> None:
        """Count what is not there."""
        site.cache.incr(f"writes:{key}")


class Forges(Sound):
    """Makes up its rows."""

    def read(self, site: Site, key: str) -> Row:
        """Return a version that nobody wrote."""
        return super().read(site, key)._replace(version=10_000)


class WritesNothing(Sound):
    """Deletes from the cache and leaves the row as it is."""

    def write(self, site: Site, key: str) -> None:
        """Only delete."""
        site.cache.delete(key)


class WritesAnotherKey(Sound):
    """Changes a neighbour's row."""

    def write(self, site: Site, key: str) -> None:
        """Write the wrong row."""
        super().write(site, key.replace(key[-1], "0"))


class RollsBack(Sound):
    """Takes every write back."""

    def write(self, site: Site, key: str) -> None:
        """Write, and fail."""
        try:
            with site.db.atomic():
                site.db.write(key)
                raise LookupError
        except LookupError:
            site.cache.delete(key)


class OfChance(Sound):
    """Draws from Python's own generator."""

    def read(self, site: Site, key: str) -> Row:
        """Skip the cache half of the time."""
        return site.db.read(key) if random.random() < 0.5 else super().read(site, key)


SEEN: dict[str, Row] = {}


class RemembersInModule(Sound):
    """Keeps rows in a variable of its module, from run to run."""

    def read(self, site: Site, key: str) -> Row:
        """Look there first."""
        if key not in SEEN:
            SEEN[key] = super().read(site, key)
        return SEEN[key]


COUNTED = 0


class CountsInModule(Sound):
    """Counts in a number of its module, which no container holds."""

    def read(self, site: Site, key: str) -> Row:
        """Count the reads."""
        count()
        return super().read(site, key)


def count() -> None:
    """Count."""
    global COUNTED  # noqa: PLW0603 - what a check must find
    COUNTED += 1


def counted_read(site: Site, key: str) -> Row:
    """Count, and read."""
    count()
    return site.db.read(key)


MAKES_TWO = FromFunctions(counted_read, lambda site, key: site.db.write(key))


class CountsInItsClass(Sound):
    """Counts in a number of its class."""

    calls = 0

    def read(self, site: Site, key: str) -> Row:
        """Count the reads."""
        type(self).calls += 1
        return super().read(site, key)


@dataclass(slots=True)
class RemembersInASlot:
    """Keeps a list, and has no `__dict__`."""

    seen: list[str] = field(default_factory=list)

    def read(self, site: Site, key: str) -> Row:
        """Note the key."""
        self.seen.append(key)
        return site.db.read(key)

    def write(self, site: Site, key: str) -> None:
        """Change the row."""
        site.db.write(key)


class MakesOnce:
    """Sets two attributes at its first request: one that was not there, and one that was None."""

    prefix: str | None = None

    def read(self, site: Site, key: str) -> Row:
        """Make what is not there."""
        self.made = getattr(self, "made", [1])
        MakesOnce.prefix = self.prefix or "a:"
        return site.db.read(key)

    def write(self, site: Site, key: str) -> None:
        """Change the row."""
        site.db.write(key)


@dataclass(frozen=True)
class RemembersInItself(Sound):
    """Keeps rows in a dictionary of its own, and trusts it for reads of before the first write only."""

    seen: dict[str, int] = field(default_factory=dict, compare=False)

    def read(self, site: Site, key: str) -> Row:
        """Count the reads."""
        self.seen[key] = self.seen.get(key, 0) + 1
        return super().read(site, key)


class RemembersInItsClass(Sound):
    """Counts in a dictionary of its class."""

    counts: ClassVar[dict[str, int]] = {}

    def read(self, site: Site, key: str) -> Row:
        """Count the reads."""
        self.counts[key] = self.counts.get(key, 0) + 1
        return super().read(site, key)


class NeedsItsToken(Sound):
    """Sets a token once, at the first read of all, and fails without it."""

    def read(self, site: Site, key: str) -> Row:
        """Take the token for granted, unless the key's row was never written."""
        row = super().read(site, key)
        if row.version == 0:
            site.cache.add("token", 1, None)
        elif site.cache.get("token") is None:
            raise RuntimeError("the token is gone")
        return row


class TrustsItself(Sound):
    """Believes its own copy of a row whenever the cache has none; the copy ages."""

    copies: ClassVar[dict[str, Row]] = {}

    def read(self, site: Site, key: str) -> Row:
        """Load only what was never seen."""
        row: Row | None = site.cache.get(key) or self.copies.get(key)
        if row is None:
            row = self.copies[key] = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row


@dataclass(frozen=True)
class Unsendable(Sound):
    """Holds a function that has no name."""

    called: Any = field(default_factory=lambda: lambda: None, compare=False)


class CheapHit(Sound):
    """Declares no round trip for a hit."""

    costs: ClassVar[Costs] = Costs(on_hit=0, added_by_miss=1, on_write=1)


class CheapMiss(Sound):
    """Declares none for storing."""

    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=0, on_write=1)


class CheapWrite(Sound):
    """Declares none for a write."""

    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=0)
