"""Versioning: a version number per key, kept in the cache and bumped on commit."""

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class Versioning:
    """Keep a version number per key in the cache, pass it as Django's `version=`, and bump it after the commit.

    Guarantee: fresh once the bump is in the cache: a late set lands under the old number, where nobody looks.
    A lost number is replaced by a random one, so that no earlier number comes back. The file and database backends do
    not guarantee this: their `incr` is a get and a set, so a slow bump can put an old number back, and with it the rows
    cached under it, until their timeout. Cost: two cache calls a hit, one a write; old rows stay until their timeout.
    On file and database, the bump is two calls and gives the number the cache's default timeout (300 s): when that
    ends, the row is loaded again, however long `timeout` is.
    Source: Django's documentation of cache versioning, and `BaseCache.incr` of Django 5.2; Nishtala et al., NSDI 2013,
    on "stale sets".
    """

    timeout: float | None = 300
    name: ClassVar[str] = "versioning"
    costs: ClassVar[Costs] = Costs(on_hit=2, added_by_miss=1, on_write=1)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Look up the key's number, then the row under that number; load and cache it if it is not there."""
        number = site.cache.get_or_set(f"version:{key}", lambda: site.random.getrandbits(31), None)
        row: Row | None = site.cache.get(key, version=number)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout, version=number)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row; bump its number after the commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: self._bump(site, key))

    def _bump(self, site: Site, key: str) -> None:
        with suppress(ValueError):  # there is no number: the next reader makes one, and then loads the row
            site.cache.incr(f"version:{key}")
