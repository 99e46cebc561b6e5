"""A question's value on another state without calling the project: its queries are repeated there.

Between two evaluations of a question, only the database can change what its function does. While each query gives the
same rows as in an earlier evaluation, the next query is the same, and at last the value. So the knowledge about a
question is a tree: each node is a query, each branch its rows, each leaf a value.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from ..project.watch import Tables
from .heard import Asked, Statement
from .history import History

MOST_NODES = 100_000  # of all questions together; beyond this, all are forgotten
MOST_SURPRISES = 3  # of a question: a different query or value after the same rows
RowsOf: TypeAlias = Callable[[Statement], bytes]  # returns the digest of a query's rows on a state
Branches: TypeAlias = dict[Any, "_Node | Recalled"]  # by the digest of the rows


class Recalled(NamedTuple):
    """A value, and the tables that it depends on."""

    digest: bytes
    tables: Tables


class _Node(NamedTuple):
    statement: Statement
    branches: Branches


class Recall:
    """The known trees of all questions."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._surprises: dict[int, int] = {}
        self._forget()

    def learn(self, question: int, state: int, path: Iterable[Asked], kept: Tables, value: Recalled) -> None:
        """Learn the queries and value of *question* on *state*; the project remembers rows of the tables *kept*."""
        if self._surprises.get(question, 0) > MOST_SURPRISES:
            return
        if self._nodes > MOST_NODES:
            self._forget()
        seen, path = self._version(kept, state), list(path)
        if not self._grow(self._trees.setdefault(question, {}), seen, path, value):
            self._surprises[question] = self._surprises.get(question, 0) + 1
            self._trees[question] = {}
            if self._surprises[question] <= MOST_SURPRISES:
                self._grow(self._trees[question], seen, path, value)

    def value(self, question: int, state: int, kept: Tables, rows_of: RowsOf) -> Recalled | None:
        """Return the value of *question* on *state*, or None if its queries have not given these rows before."""
        if question not in self._trees:
            return None
        place = self._trees[question].get(self._version(kept, state))
        while isinstance(place, _Node):
            place = place.branches.get(rows_of(place.statement))
        return place

    def _forget(self) -> None:
        self._trees: dict[int, Branches] = {}
        self._statements: dict[Statement, Statement] = {}
        self._nodes = 0

    def _grow(self, branches: Branches, seen: Any, path: list[Asked], value: Recalled) -> bool:
        """Add a path; return False if it contradicts a known query or value."""
        for statement, rows in path:
            if seen not in branches:
                branches[seen] = _Node(self._statements.setdefault(statement, statement), {})
                self._nodes += 1
            node = branches[seen]
            if not isinstance(node, _Node) or node.statement != statement:
                return False
            branches, seen = node.branches, rows
        return branches.setdefault(seen, value) == value

    def _version(self, tables: Tables, state: int) -> tuple[Tables, int]:
        """Return a key for the rows that the project remembers: the tables, and since when all are unchanged."""
        return tables, self._history.began(tables, state)
