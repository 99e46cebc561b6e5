"""Django's `get_or_set` for reading, a delete on commit for writing."""

from dataclasses import dataclass
from typing import ClassVar, cast

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class GetOrSet:
    """Read through `cache.get_or_set`, and delete the key once a write has committed.

    Guarantee: fresh, except for the same race as delete-on-write. `get_or_set` stores with `add` and then gets again:
    if two readers load at once, the slower one returns what the faster one stored. Cost: one cache call a hit, two more
    on a miss, one a write.
    Source: `BaseCache.get_or_set` of Django 5.2.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "get-or-set"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=2, on_write=1)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Let Django get the row or, if it is missing, load it, add it and get it again."""
        return cast("Row", site.cache.get_or_set(key, lambda: site.db.read(key), self.timeout))

    def write(self, site: Site, key: str) -> None:
        """Change the row; delete the key after the commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: site.cache.delete(key))
