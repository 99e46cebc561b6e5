"""What the project keeps in its process's memory: rows that an evaluation has read, and the next one does not read.

`lru_cache`, Django's own SITE_CACHE and content types are such memories. Children of the judge evaluate many questions
each, on one state: only the first of them sends the query. All that come after it depend on its tables, too.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from .heard import Heard


class Called(NamedTuple):
    """What a question gave, and asked the databases.

    `timed` says that it asked for the time; `frames` is the traceback of what it raised.
    """

    digest: bytes
    heard: Heard
    timed: bool = False
    frames: str = ""


class Memory:
    """What is known of all questions' queries.

    `seen` are those that were looked at; `kept` are the tables whose rows are asked for once and then remembered;
    `restless` are the questions that give something else when they are asked again.
    """

    def __init__(self) -> None:
        self.seen: set[int] = set()  # hashes, which forks have in common
        self.kept: set[str] = set()
        self.restless: set[int] = set()

    def join(self, other: "Memory") -> None:
        """Know what *other* knows, too."""
        self.seen |= other.seen
        self.kept |= other.kept
        self.restless |= other.restless

    def look_at(self, question: int, first: Called, again: Callable[[], Called]) -> "Memory":
        """Learn from a question what is new, and return that; *again* asks it once more."""
        new, known = Memory(), {hash((question, one.alias, one.text)) for one in first.heard.statements}
        if known <= self.seen:
            return new
        second = again()
        sent = Counter((one.alias, one.text) for one in first.heard.statements)
        sent.subtract((one.alias, one.text) for one in second.heard.statements)
        new.seen = known - self.seen
        new.kept.update(*(one.tables for one in first.heard.statements if sent[one.alias, one.text] > 0))
        if second.digest != first.digest:
            new.restless.add(question)
        self.join(new)
        return new
