"""The template for a strategy: a file with comments that runs as it is."""

import shlex
from pathlib import Path

from .template import check_place, typed_path, write_text


def write_strategy(path: Path, *, force: bool) -> None:
    """Write a file with a strategy to *path*.

    Raises:
        UserError: if the file exists (unless *force*), its name does not end in .py, or it cannot be written.
    """
    check_place(path, force=force, kind="strategy")
    write_text(path, STARTER.replace("FILE", shlex.quote(typed_path(path))))


def try_lines(path: Path) -> str:
    """Return the commands that try the strategy at *path*, as the end of a sentence."""
    file = shlex.quote(typed_path(path))
    return f"cachewise check {file}, then cachewise run catalogue --strategy {file} --strategy delete-on-write"


STARTER = '''"""A strategy of my own.

Try it:       cachewise check FILE
Compare it:   cachewise run catalogue --strategy FILE --strategy delete-on-write --seeds 5 --out out/idea
Tune it:      cachewise run catalogue --strategy FILE:timeout=60
For real:     cachewise bench wall_check --backend locmem --strategy FILE --duration 10
"""

from dataclasses import dataclass
from typing import ClassVar

from cachewise import Bound, Costs, Row, Site


@dataclass(frozen=True)
class MyStrategy:
    """Delete the key after the commit. Change this into your own idea.

    Guarantee: fresh, unless a reader that loaded before the commit stores after the delete.
    """

    # Parameters, each with its default: "--strategy FILE:timeout=60" sets one.
    timeout: float | None = 300

    # The next three are optional; reports claim nothing that is left out. Tables and charts show the name.
    name: ClassVar[str] = "my-strategy"
    # Round trips to the cache: of a read that hits, added by a miss, of a write.
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=1)
    # How old an outdated read can get: "never" outdated, at most the "timeout", or "none" for no limit.
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it. `site.cache` is a real Django cache."""
        row: Row | None = site.cache.get(key)
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, self.timeout)
        return row

    def write(self, site: Site, key: str) -> None:
        """Change the row, and update or delete what is cached. `site.db` has Django's `atomic` and `on_commit`."""
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: site.cache.delete(key))


# Keep state in the cache, not in the object. Time, random numbers and background work come from `site`:
# site.time(), site.sleep(1), site.random.random(), site.spawn(func, after_s=1).
#
# Instead of a class, you can write two functions, read(site, key) and write(site, key):
#
#     from cachewise import FromFunctions
#     MY_IDEA = FromFunctions(read, write)
#
# A file can have several strategies. Then add the name of one: --strategy FILE:MyStrategy
'''
