"""Clear all: throw everything away on any write."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class ClearAll:
    """Clear the whole cache once a write has committed.

    Guarantee: fresh, except for the same race as delete-on-write. Cost: one cache call a write, and every key is
    loaded again; on a shared server, sessions and the keys of other applications are lost, too.
    Source: django-redis issues 168 and 813; Django's `BaseCache.clear`.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "clear-all"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=1)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row; clear the cache after the commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(site.cache.clear)
