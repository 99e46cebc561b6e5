"""Strategies that theory knows and nobody ships, written against the same contract as the shipped ones."""

from dataclasses import dataclass
from math import log

from cachewise import Row, Site


@dataclass(frozen=True)
class LookAside:
    """Look in the cache, else load and store; a write only tells `committed`. What the others have in common."""

    timeout: float | None = None

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row outside `atomic` (no transaction tail), then call `committed`."""
        self.committed(site, key, site.db.write(key))

    def committed(self, site: Site, key: str, row: Row) -> None:
        """Do nothing: a timeout only."""


@dataclass(frozen=True)
class Sliding(LookAside):
    """Every hit renews the timeout."""

    def read(self, site: Site, key: str) -> Row:
        """Touch what was found."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        else:
            site.cache.touch(key, self.timeout)
        return row


@dataclass(frozen=True)
class Jittered(LookAside):
    """Each fill draws its own timeout."""

    low: float = 0
    high: float = 0

    def read(self, site: Site, key: str) -> Row:
        """Store for a uniform time."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, site.random.uniform(self.low, self.high))
        return row


@dataclass(frozen=True)
class UpdateIfPresent:
    """A write stores the new row only where one is cached, with a new timeout or with what is left of the old one."""

    timeout: float
    renew: bool

    def read(self, site: Site, key: str) -> Row:
        """Remember with the row when it expires."""
        entry = site.cache.get(key)
        if entry is None:
            entry = site.db.read(key), site.time() + self.timeout
            site.cache.set(key, entry, self.timeout)
        row: Row = entry[0]
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row, and the entry if there is one."""
        row = site.db.write(key)
        entry = site.cache.get(key)
        if entry is not None:
            left = self.timeout if self.renew else entry[1] - site.time()
            site.cache.set(key, (row, site.time() + left), left)


@dataclass(frozen=True)
class ImperfectDelete(LookAside):
    """Delete after the commit, but lose a share of the deletes and let the others wait for one more transaction."""

    lost_ratio: float = 0
    late: bool = False

    def committed(self, site: Site, key: str, row: Row) -> None:
        """Delete, unless it gets lost."""
        if site.random.random() >= self.lost_ratio:
            if self.late:
                pass_transaction_tail(site, row)
            site.cache.delete(key)


@dataclass(frozen=True)
class LateWriteThrough(LookAside):
    """Store the new row, one more transaction after its own."""

    def committed(self, site: Site, key: str, row: Row) -> None:
        """Store what was written."""
        pass_transaction_tail(site, row)
        site.cache.set(key, row, self.timeout)


@dataclass(frozen=True)
class OneFetchInFlight(LookAside):
    """Readers that miss queue for a row lock, look again and then load; writes delete."""

    def read(self, site: Site, key: str) -> Row:
        """Load under the lock of a row that nobody else uses."""
        row: Row | None = site.cache.get(key)
        if row is not None:
            return row
        with site.db.atomic():
            site.db.write(f"lock:{key}")
            row = site.cache.get(key)
            if row is None:
                row = site.db.read(key)
                site.cache.set(key, row, self.timeout)
        return row

    def committed(self, site: Site, key: str, _row: Row) -> None:
        """Delete."""
        site.cache.delete(key)


@dataclass(frozen=True)
class XFetch(LookAside):
    """Refresh early with a probability that grows towards the expiry.

    Source: Vattani, Chierichetti, Lowenstein, Optimal probabilistic cache stampede prevention, VLDB 2015.
    """

    timeout: float = 0
    beta: float = 1

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, unless it is missing or its time has come."""
        entry = site.cache.get(key)
        if entry is None or site.time() - entry[1] * self.beta * log(1 - site.random.random()) >= entry[2]:
            began_s = site.time()
            row = site.db.read(key)
            took_s = site.time() - began_s
            entry = row, took_s, site.time() + self.timeout
            site.cache.set(key, entry, self.timeout)
        cached: Row = entry[0]
        return cached


def pass_transaction_tail(site: Site, row: Row) -> None:
    """Let one `transaction_tail_s` pass: a transaction on one of so many rows that nobody has to queue for it."""
    with site.db.atomic():
        site.db.write(f"elsewhere:{row.version % 64}")
