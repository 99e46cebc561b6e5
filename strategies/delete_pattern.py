"""Delete by pattern: ask the server which keys match, once the write has committed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class DeletePattern:
    """Delete all variants of the key with django-redis' `delete_pattern` once the write has committed.

    Guarantee: fresh, except for the same race as delete-on-write, and for rows that are stored during the scan.
    Cost: a SCAN for every `page` keys on the server, whoever owns them, and one pipeline of deletes. With more keys
    than a page, the number of SCANs depends on the server's own random hash: two runs can differ.
    Source: django-redis 7, `DefaultClient.delete_pattern`; Redis' documentation of SCAN.
    """

    timeout: float | None = 300
    page: int = 1000
    name: ClassVar[str] = "delete-pattern"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=2)
    stale_at_most: ClassVar[Bound] = "timeout"
    needs: ClassVar[tuple[str, ...]] = ("cache.delete_pattern",)

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it; instead of "row", a real key names what the view varies on."""
        row: Row | None = site.cache.get(f"{key}:row")
        if row is None:
            row = site.db.read(key)
            site.cache.set(f"{key}:row", row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row; delete its variants after the commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: self._delete_variants(site.cache, key))

    def _delete_variants(self, cache: Any, key: str) -> None:
        cache.delete_pattern(f"{key}:*", itersize=self.page)
