"""Timeout only: wait until the entry expires."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class TtlOnly:
    """Cache for `timeout` seconds and never invalidate.

    Guarantee: a read is outdated by at most the timeout plus the load. Cost: one cache call a hit, one more on a miss,
    none on a write; all hits between a write and the expiry are outdated.
    Source: Django's cache documentation, the low-level API's get and set; Jung, Berger, Balakrishnan, INFOCOM 2003.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "ttl-only"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=0)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row and leave the cache alone."""
        with site.db.atomic():
            site.db.write(key)
