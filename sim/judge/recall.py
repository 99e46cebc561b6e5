"""What a question gives on one more state, without calling the project: its queries are sent there again.

Between two evaluations of a question its function can only learn something else from the database. As long as each of
its queries gives the rows that it gave in an evaluation, the next query is the same, and in the end the value. So all
that is known of a question is a tree: at each fork a query, on each branch what its rows were, at the end the value.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from ..project.watch import Tables
from .heard import Statement, Traced
from .history import History

MOST_VALUES = 200  # of a question; with the next one it begins anew
MOST_SURPRISES = 3  # of a question that had the same rows, and then asked something else
Asks: TypeAlias = Callable[[Statement], bytes]  # what digest a query's rows have on a state
Branches: TypeAlias = dict[Any, "_Fork | Recalled"]  # by what the rows were


class Recalled(NamedTuple):
    """A value, and the tables that it depends on."""

    digest: bytes
    tables: Tables


class _Fork:
    __slots__ = ("branches", "statement", "steady")

    def __init__(self, traced: Traced) -> None:
        self.statement, self.steady = traced.statement, traced.rows is not None
        self.branches: Branches = {}

    def asks(self, traced: Traced) -> bool:
        """Return whether the same is asked here."""
        if self.steady and traced.rows is not None:
            return self.statement == traced.statement
        return self.steady == (traced.rows is not None) and self.statement[:2] == traced.statement[:2]


class _Tree:
    """What is known of one question."""

    def __init__(self) -> None:
        self.roots: Branches = {}
        self.values = self.surprises = 0


class Recall:
    """What is known of all questions."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._trees: dict[int, _Tree] = {}
        self._statements: dict[Statement, Statement] = {}

    def learn(self, question: int, state: int, path: Iterable[Traced], kept: Tables, value: Recalled) -> None:
        """Know what *question* asks and gives on *state*, where the project remembers rows of the tables *kept*."""
        tree = self._trees.setdefault(question, _Tree())
        if tree.surprises > MOST_SURPRISES:
            return
        if tree.values >= MOST_VALUES:
            tree.roots, tree.values = {}, 0
        if not self._grow(tree.roots, state, list(path), kept, value):
            tree.surprises += 1
            tree.roots, tree.values = {}, 0
            self._grow(tree.roots, state, list(path), kept, value)
        tree.values += 1

    def value(self, question: int, state: int, kept: Tables, asks: Asks) -> Recalled | None:
        """Return what *question* gives on *state*, if its queries have been answered like this before."""
        tree = self._trees.get(question)
        if tree is None or tree.surprises > MOST_SURPRISES:
            return None
        place = tree.roots.get(self._version(kept, state))
        while isinstance(place, _Fork):
            one = place.statement
            place = place.branches.get(asks(one) if place.steady else self._version(one.tables, state))
        return place

    def _grow(self, branches: Branches, state: int, path: list[Traced], kept: Tables, value: Recalled) -> bool:
        """Add a path; return False where another query, or a value, stands in its way."""
        seen: Any = self._version(kept, state)
        for traced in path:
            fork = branches.setdefault(seen, _Fork(self._shared(traced)))
            if not isinstance(fork, _Fork) or not fork.asks(traced):
                return False
            branches = fork.branches
            seen = self._version(traced.statement.tables, state) if traced.rows is None else traced.rows
        return branches.setdefault(seen, value) == value

    def _version(self, tables: Tables, state: int) -> tuple[Tables, int]:
        return tables, self._history.began(tables, state)

    def _shared(self, traced: Traced) -> Traced:
        """Return the same with the statement that others have, too: memory is for what differs."""
        return traced._replace(statement=self._statements.setdefault(traced.statement, traced.statement))
