"""The oracle: an ideal cache that knows every commit at once. No real cache can."""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class Oracle:
    """Load each committed version once, and serve it without any cache call until the next commit.

    Guarantee: fresh. Cost: one load for every version that is read, and no round trip. No strategy that loads rows for
    its readers can load less (write-through can, as it stores the rows of its writers).
    Source: the clairvoyant bounds of cache simulators (Belady, A study of replacement algorithms, 1966).
    """

    name: ClassVar[str] = "oracle"
    costs: ClassVar[Costs] = Costs(on_hit=0, added_by_miss=0, on_write=0)
    stale_at_most: ClassVar[Bound] = "never"
    needs: ClassVar[tuple[str, ...]] = ("ideal",)

    def read(self, site: Site, key: str) -> Row:
        """Return the row as committed now; the first reader of a version loads it."""
        row = site.ideal.get(key)
        return site.db.read(key) if row is None else row

    def write(self, site: Site, key: str) -> None:
        """Change the row; the oracle knows."""
        with site.db.atomic():
            site.db.write(key)
