"""No cache: no read is outdated, and every read is a query."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class NoCache:
    """Ask the database every time.

    Guarantee: fresh. Cost: one query a read; every other strategy's savings are measured against it.
    Source: the baseline of any caching study.
    """

    name: ClassVar[str] = "no-cache"
    costs: ClassVar[Costs] = Costs(on_hit=0, added_by_miss=0, on_write=0)
    stale_at_most: ClassVar[Bound] = "never"

    def read(self, site: Site, key: str) -> Row:
        """Load the row."""
        return site.db.read(key)

    def write(self, site: Site, key: str) -> None:
        """Change the row."""
        with site.db.atomic():
            site.db.write(key)
