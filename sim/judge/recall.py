"""What a question gives on one more state, without calling the project: its queries are sent there again.

Between two evaluations of a question its function can only learn something else from the database. As long as each of
its queries gives the rows that it gave in an evaluation, the next query is the same, and in the end the value. So all
that is known of a question is a tree: at each node a query, on each branch what its rows were, at the end the value.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from ..project.watch import Tables
from .heard import Asked, Statement
from .history import History

MOST_NODES = 100_000  # of all questions; with one more, all are forgotten
MOST_SURPRISES = 3  # of a question that had the same rows, and then asked or gave something else
RowsOf: TypeAlias = Callable[[Statement], bytes]  # what digest a query's rows have on a state
Branches: TypeAlias = dict[Any, "_Node | Recalled"]  # by what the rows were


class Recalled(NamedTuple):
    """A value, and the tables that it depends on."""

    digest: bytes
    tables: Tables


class _Node(NamedTuple):
    statement: Statement
    branches: Branches


class Recall:
    """What is known of all questions."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._surprises: dict[int, int] = {}
        self._forget()

    def learn(self, question: int, state: int, path: Iterable[Asked], kept: Tables, value: Recalled) -> None:
        """Know what *question* asks and gives on *state*, where the project remembers rows of the tables *kept*."""
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
        """Return what *question* gives on *state*, if its queries have been answered like this before."""
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
        """Add a path; return False where another query, or a value, stands in its way."""
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
        """Return what stands for the rows that the project remembers: they are as old as any of their tables."""
        return tables, self._history.began(tables, state)
