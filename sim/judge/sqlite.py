"""Snapshots of SQLite: connections with an open read transaction on the WAL.

A fork may read through them: within a transaction SQLite takes no further lock, and the process that opened it keeps
the locks. The fork must not close one.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections

from ..project.databases.sql_time import overrule
from ..project.watch import Tables
from .forks import files_left
from .snapshots import Adopted

FILES_EACH = 2  # the database, and its WAL
MOST = 5_000  # snapshots: each takes 0.13 MB
PAGES_KEPT_KB = 64  # SQLite's page cache of each snapshot; its default, 2 MB, is too much for thousands


class SqliteSnapshots:
    """A snapshot is one such connection for each alias."""

    def __init__(self, aliases: tuple[str, ...]) -> None:
        self._aliases = aliases
        self._pinned = 0
        self._most: int | None = None

    def pin(self) -> dict[str, sqlite3.Connection]:
        """Return the snapshot of the databases as they are now."""
        if self._most is None:
            self._most = min(MOST, files_left() // FILES_EACH) // len(self._aliases)
        self._pinned += 1
        return {alias: _pinned(alias) for alias in self._aliases}

    def has_room(self) -> bool:
        """Return whether this process may open the files of another one."""
        return self._most is None or self._pinned < self._most

    def let_go(self, pin: Mapping[str, sqlite3.Connection]) -> None:
        """Close a snapshot."""
        self._pinned -= 1
        for connection in pin.values():
            connection.close()

    def adopt(self, pin: Mapping[str, sqlite3.Connection]) -> Adopted:
        """Let this process, a fork of the one that pinned it, read a snapshot."""
        return _AdoptedSqlite(pin)


class _AdoptedSqlite(Adopted):
    """Writes go to a copy of the whole snapshot, in a file without a name."""

    def __init__(self, raw: Mapping[str, sqlite3.Connection]) -> None:
        super().__init__(raw)
        self._copied: set[str] = set()

    def copy(self, alias: str, tables: Tables) -> None:
        if alias in self._copied:
            raise RuntimeError(f"a copy of DATABASES[{alias!r}] cannot be written: {', '.join(sorted(tables))}")
        private = _opened(alias, database="")
        self._raw[alias].backup(private)
        self._raw[alias] = private
        self._plain.pop(alias, None)
        self._copied.add(alias)

    def _begin(self, alias: str) -> None:
        if alias in self._copied:
            self._raw[alias].execute("BEGIN")

    def _undo(self, alias: str) -> None:
        if alias in self._copied:
            self._raw[alias].execute("ROLLBACK")

    def _tell(self, raw: sqlite3.Connection, crossed: Callable[[], object] | None) -> None:
        raw.set_trace_callback(None if crossed is None else lambda _sql: crossed())

    def _refuses(self, error: BaseException | None) -> bool:
        return getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY")


def _opened(alias: str, **changed: Any) -> Any:
    """Return a new connection to the database of *alias*, set up as by Django; its SQL time is Python's time."""
    wrapper = connections.create_connection(alias)
    connection = wrapper.get_new_connection({**wrapper.get_connection_params(), **changed})
    overrule(connection)
    return connection


def _pinned(alias: str) -> Any:
    connection = _opened(alias)
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA cache_size = -{PAGES_KEPT_KB}")
    connection.execute("BEGIN")
    connection.execute("PRAGMA user_version").fetchone()  # the first read takes the snapshot; this one needs no schema
    return connection
