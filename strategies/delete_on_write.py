"""Delete on write: once the write has committed."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class DeleteOnWrite:
    """Delete the key once the write has committed; let readers refill it.

    Guarantee: fresh, except while the delete is on its way to the cache, and except for a race: a reader that loaded
    the old row may store it after the delete, and it stays until the timeout. Cost: one cache call a write.
    Source: Django's documentation of `transaction.on_commit`; Nishtala et al., Scaling Memcache at Facebook, NSDI 2013.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "delete-on-write"
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
        """Change the row; delete the key after the commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: site.cache.delete(key))
