"""Write-through: store the new row once it has committed."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class WriteThrough:
    """Store the written row after the commit, with a new timeout.

    Guarantee: fresh, unless two writers, or a slow reader and a writer, store out of order: then the older row stays
    until the timeout. Cost: one cache call a write; rows that nobody reads are stored too.
    Source: Django's documentation of `transaction.on_commit`; the write-through policy of computer architecture.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "write-through"
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
        """Change the row; store it after the commit."""
        with site.db.atomic():
            row = site.db.write(key)
            site.db.on_commit(lambda: site.cache.set(key, row, self.timeout))
