"""Rows that the project keeps in its process's memory: one evaluation reads them, later ones do not.

`lru_cache`, Django's SITE_CACHE and its content types are such memories. Each child of the judge evaluates many
questions on one state, and only the first sends such a query. The questions after it depend on its tables, too.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from .heard import Heard


class Called(NamedTuple):
    """A question's value, and its queries.

    `timed` says that it asked for the time; `frames` is the traceback of its exception.
    """

    digest: bytes
    heard: Heard
    timed: bool = False
    frames: str = ""


class Memory:
    """What is known about the queries of all questions.

    `seen` are queries that were examined. `kept` are tables whose rows are read once and then remembered. `restless`
    are questions that give another value when they are evaluated again.
    """

    def __init__(self) -> None:
        self.seen: set[int] = set()  # hashes, which are the same in all forks
        self.kept: set[str] = set()
        self.restless: set[int] = set()

    def join(self, other: "Memory") -> None:
        """Add the knowledge of *other*."""
        self.seen |= other.seen
        self.kept |= other.kept
        self.restless |= other.restless

    def look_at(self, question: int, first: Called, again: Callable[[], Called]) -> "Memory":
        """Learn from a question's queries, and return what is new; *again* evaluates the question once more."""
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
