"""Key-based expiration: the row's version is part of the key."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class KeyBased:
    """Ask the database for the row's version, and look in the cache under that version.

    Guarantee: fresh, as the version is read from the database first. Cost: a cheap query on every read, so it saves
    work only if a full load costs more than that query; nothing on a write; old entries stay until their
    timeout. Source: David Heinemeier Hansson, How key-based cache expiration works, 2012.
    """

    timeout: float | None = 300
    name: ClassVar[str] = "key-based"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=0)
    stale_at_most: ClassVar[Bound] = "never"

    def read(self, site: Site, key: str) -> Row:
        """Return the row cached under its current version, or load and cache it."""
        versioned = f"{key}:{site.db.version(key)}"
        row: Row | None = site.cache.get(versioned)
        if row is None:
            row = site.db.read(key)
            site.cache.set(versioned, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row; its new version gives a new key."""
        with site.db.atomic():
            site.db.write(key)
