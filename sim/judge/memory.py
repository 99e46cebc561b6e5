"""What an evaluation owes to the project's memory or to the clock: found out by calling its function again.

`lru_cache`, Django's own SITE_CACHE and content types are such memories. Children of the judge evaluate many questions
each, on one state: only the first of them sends the query. All that come after it depend on its tables, too.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from .heard import Heard, Statement
from .question import LATER_S

Query = tuple[str, str, str]  # the function's name, the alias, the text of the statement


class Called(NamedTuple):
    """What a function gave, and asked the databases; `frames` is the traceback of what it raised."""

    digest: bytes
    heard: Heard
    frames: str = ""


class Memory:
    """What is known of the queries of the project's functions.

    `seen` are those that were looked at. `kept` are the tables whose rows are asked for once and then remembered,
    `unsteady` the queries that have other parameters at another time, and `timed` the functions that give something
    else then.
    """

    def __init__(self) -> None:
        self.seen: set[Query] = set()
        self.kept: set[str] = set()
        self.unsteady: set[Query] = set()
        self.timed: set[str] = set()

    def join(self, other: "Memory") -> None:
        """Know what *other* knows, too."""
        self.seen |= other.seen
        self.kept |= other.kept
        self.unsteady |= other.unsteady
        self.timed |= other.timed

    def look_at(self, name: str, first: Called, again: Callable[[float], Called]) -> None:
        """Learn what is new of the function *name*.

        *again* calls it once more, at so many seconds after its clock.
        """
        queries = {(name, one.alias, one.text) for one in first.heard.statements}
        if queries <= self.seen:
            return
        sent, sent_again = _texts(first), _texts(again(0.0))
        self.kept.update(*(one.tables for one in first.heard.statements if sent[_text(one)] > sent_again[_text(one)]))
        later = again(LATER_S)
        if later.digest != first.digest:
            self.timed.add(name)
        changed = Counter(first.heard.statements) - Counter(later.heard.statements)
        self.unsteady.update((name, *_text(one)) for one in changed)
        self.seen |= queries


def _texts(called: Called) -> Counter[tuple[str, str]]:
    return Counter(map(_text, called.heard.statements))


def _text(statement: Statement) -> tuple[str, str]:
    return statement.alias, statement.text
