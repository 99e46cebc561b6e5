"""A connection to SQLite in a run: each file has one writer, and all rows are fetched with their statement."""

from collections import deque
from typing import Any

from django.db.backends.sqlite3.base import SQLiteCursorWrapper

from .dressed import Dressed
from .latency import Traffic
from .tables import Schema


class DressedSqlite(Dressed):
    """From BEGIN IMMEDIATE to its end, a transaction is the file's only writer."""

    def __init__(self, wrapper: Any, traffic: Traffic, schema: Schema) -> None:
        super().__init__(wrapper, traffic, schema)
        self._file = str(wrapper.settings_dict["NAME"])
        self._has_turn = False
        wrapper.create_cursor = self._create_cursor

    def _create_cursor(self, name: str | None = None) -> "Buffered":  # noqa: ARG002 - there are no named ones
        cursor: Any = self._wrapper.connection.cursor(factory=Buffered)
        cursor.executescript = self._refusing("cursor.executescript()", cursor.executescript)
        return cursor  # type: ignore[no-any-return]

    def _begin(self) -> None:
        self._lock()
        self._raw("execute", "BEGIN IMMEDIATE")

    def _transacting(self) -> bool:
        try:
            return self._wrapper.connection is not None and bool(self._wrapper.connection.in_transaction)
        except self._wrapper.Database.ProgrammingError:  # it is closed
            return False

    def _lock(self) -> None:
        if not self._has_turn:
            self._traffic.join()  # otherwise a request waiting for a connection would block the other writers
            self._traffic.writers.take(self._file, self._thread)
            self._has_turn = True
        if not self._wrapper.get_autocommit() and not self._transacting():  # after `set_autocommit(False)`
            self._raw("execute", "BEGIN IMMEDIATE")

    def _freed(self) -> None:
        if self._has_turn and not self._transacting():
            self._has_turn = False
            self._traffic.writers.give_back(self._file)

    def _rows_changed(self) -> int:
        return int(self._wrapper.connection.total_changes)

    def _has_changed_rows(self, cursor: Any, before: int) -> bool:  # noqa: ARG002 - the other family's
        return self._rows_changed() != before


class Buffered(SQLiteCursorWrapper):
    """A cursor that has fetched its rows when `execute` returns, as with PostgreSQL.

    A half-fetched cursor holds its old snapshot, on which SQLite refuses writes.
    """

    _rows: deque[Any] = deque()

    def execute(self, query: str, params: Any = None) -> "Buffered":
        """Execute *query*, and fetch all its rows."""
        super().execute(query, params)
        self._rows = deque(super().fetchall())
        return self

    def executemany(self, query: str, param_list: Any) -> "Buffered":
        """Execute *query* once for each item of *param_list*; there are no rows."""
        super().executemany(query, param_list)
        self._rows = deque()
        return self

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next *size* rows, by default `arraysize`."""
        wanted = self.arraysize if size is None else size
        return [self._rows.popleft() for _ in range(min(wanted, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """Return the remaining rows."""
        return self.fetchmany(len(self._rows))

    def __iter__(self) -> "Buffered":
        return self

    def __next__(self) -> Any:
        if not self._rows:
            raise StopIteration
        return self._rows.popleft()
