"""What the project keeps in its process's memory: rows that an evaluation has read, and the next one does not read.

`lru_cache`, Django's own SITE_CACHE and content types are such memories. Children of the judge evaluate many questions
each, on one state: only the first of them names the table. All that come after it depend on that table, too.
"""

from collections.abc import Callable, Iterable

from ..project.watch import Tables


class Memory:
    """Which tables are read once and then kept; `seen` are those of a function that have been looked at."""

    def __init__(self, kept: Iterable[str] = (), seen: Iterable[tuple[str, str]] = ()) -> None:
        self.kept, self.seen = {*kept}, {*seen}

    def join(self, other: "Memory") -> None:
        """Know what *other* knows, too."""
        self.kept |= other.kept
        self.seen |= other.seen

    def all_of(self, name: str, tables: Tables, again: Callable[[], Tables]) -> Tables:
        """Return what a value depends on for which the function *name* has read *tables*.

        *again* gives the tables that it reads when it is called once more.
        """
        new = {(name, table) for table in tables} - self.seen
        if new:
            self.kept |= tables - again()
            self.seen |= new
        return tables | self.kept
