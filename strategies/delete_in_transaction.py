"""Delete inside the transaction: what most code does."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class DeleteInTransaction:
    """Delete the key right after the statement, before the transaction commits.

    Guarantee: only the timeout. A reader between the delete and the commit caches the old row again, and nothing
    removes it. A `post_save` receiver does this under ATOMIC_REQUESTS, in the admin, and in `update_or_create`.
    Cost: one cache call a write.
    Source: django-waffle issue 296; Django's documentation of `transaction.on_commit`.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "delete-in-transaction"
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
        """Change the row and delete the key in the same transaction."""
        with site.db.atomic():
            site.db.write(key)
            site.cache.delete(key)
