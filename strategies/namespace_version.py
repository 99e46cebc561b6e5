"""Namespace version: one token in front of all keys, replaced on every write."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class NamespaceVersion:
    """Put one random token in front of every key, and replace it after a commit: no old entry is found any more.

    Guarantee: fresh once the new token is in the cache: a late set lands under the old token. The token is random, not
    a counter: if it is evicted, its successor never equals an earlier one. Cost: two cache calls a hit, one a write,
    and every key is loaded again; old entries stay until their timeout.
    Source: memcached's documentation on deleting by namespace; the generational keys of johnny-cache.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "namespace-version"
    costs: ClassVar[Costs] = Costs(on_hit=2, added_by_miss=1, on_write=1)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Look up the token, then the row behind it; load and cache it if it is not there."""
        token = site.cache.get_or_set("namespace", lambda: self._token(site), None)
        row: Row | None = site.cache.get(f"{token}:{key}")
        if row is None:
            row = site.db.read(key)
            site.cache.set(f"{token}:{key}", row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row; replace the token after the commit."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: site.cache.set("namespace", self._token(site), None))

    def _token(self, site: Site) -> str:
        return f"{site.random.getrandbits(64):016x}"
