"""Delete, write, set: the "update" pattern."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class DeleteThenSet:
    """Delete the key, change the row, then store the new row.

    Guarantee: only the timeout. There are two races: a reader caches the old row between the delete and the commit, or
    two writers (or a slow reader and a writer) store out of order, so that the older row stays. Cost: two cache calls a
    write. Source: the update pattern of many tutorials; Nishtala et al., NSDI 2013, on "stale sets".
    """

    timeout: float | None = 300
    name: ClassVar[str] = "delete-then-set"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=2)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Delete the key, change the row, store what was written."""
        site.cache.delete(key)
        with site.db.atomic():
            row = site.db.write(key)
        site.cache.set(key, row, self.timeout)
