"""Django's `incr_version`: move the value to the next version."""

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class IncrVersion:
    """Call `cache.incr_version(key)` after the commit; readers keep looking under the default version.

    Guarantee: fresh, except for the same race as delete-on-write. `incr_version` is a get, a set under the next
    version and a delete, so for readers it is a slow delete; it is not atomic, and raises ValueError if the
    key is missing. The copy under the next version is never read again. It expires after the cache's default timeout
    (300 s), whatever `timeout` is.
    Cost: three cache calls a write (one where the key is missing), and the copies' memory.
    Source: `BaseCache.incr_version` of Django 5.2.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "incr-version"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=3)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row; move the cached value out of the way after the commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: self._move(site, key))

    def _move(self, site: Site, key: str) -> None:
        with suppress(ValueError):  # nothing is cached
            site.cache.incr_version(key)
