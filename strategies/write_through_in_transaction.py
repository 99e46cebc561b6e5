"""Write-through inside the transaction: store the new row before it is committed."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class WriteThroughInTransaction:
    """Store the written row right after the statement, before the transaction commits.

    Guarantee: only the timeout. Readers get the row before it is committed. If the transaction is rolled back, the
    cache holds a row that never was in the database until the timeout or the next write. This happens with a
    `cache.set` in `save()`, in a `post_save` receiver or in a view under ATOMIC_REQUESTS.
    Cost: one cache call a write; rows that nobody reads are stored too.
    Source: Django's documentation of `transaction.on_commit`; Adya, Weak consistency, MIT 1999 (aborted reads, G1a).
    """

    timeout: float | None = 300
    name: ClassVar[str] = "write-through-in-transaction"
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
        """Change the row and store it in the same transaction."""
        with site.db.atomic():
            row = site.db.write(key)
            site.cache.set(key, row, self.timeout)
