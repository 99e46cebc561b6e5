"""Snapshots of a project's databases: pinned by the judge, read by its children. These are SQLite's."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from django.db import Error, connections

from .forks import open_files


class WriteError(BaseException):
    """A statement would write; no ``except Exception`` of the project is to hear of it."""

    def __init__(self, alias: str, sql: str) -> None:
        super().__init__(alias, sql)
        self.alias, self.sql = alias, sql


class Adopted(Protocol):
    """A snapshot that is below `django.db.connections` in this process."""

    def evaluation(self) -> AbstractContextManager[None]:
        """Meanwhile the connections show the snapshot; what is written is undone in the end.

        Raises:
            WriteError: within, at a statement that writes what has not been copied.
        """

    def copy(self, alias: str, sql: str) -> None:
        """Copy what *sql* writes, so that it can."""


class Snapshots(Protocol):
    """How states of the databases are pinned."""

    def pin(self) -> Any:
        """Return the snapshot of the databases as they are now."""

    def has_room(self) -> bool:
        """Return whether another one can be pinned."""

    def let_go(self, pin: Any) -> None:
        """Close a snapshot."""

    def adopt(self, pin: Any) -> Adopted:
        """Let this process, a fork of the one that pinned it, read a snapshot."""


class SqliteSnapshots:
    """A snapshot is a connection with an open read transaction on the WAL.

    A fork may read through it: within a transaction no further lock is taken, and the process that opened it holds on
    to those there are. The fork must not close it, nor open another connection to the same file.
    """

    FILES_EACH = 2  # the database, and its WAL

    def __init__(self, aliases: tuple[str, ...]) -> None:
        self._aliases = aliases
        self._pinned = 0
        self._most: int | None = None

    def pin(self) -> dict[str, sqlite3.Connection]:
        """Return a connection an alias."""
        if self._most is None:
            self._most = open_files() // (self.FILES_EACH * len(self._aliases))
        self._pinned += 1
        return {alias: self._open(alias) for alias in self._aliases}

    def has_room(self) -> bool:
        """Return whether the system lets us open the files of another one."""
        return self._most is None or self._pinned < self._most

    def let_go(self, pin: dict[str, sqlite3.Connection]) -> None:
        """Close the connections."""
        self._pinned -= 1
        for connection in pin.values():
            connection.close()

    def adopt(self, pin: dict[str, sqlite3.Connection]) -> "AdoptedSqlite":
        """Read from the connections of a snapshot."""
        return AdoptedSqlite(pin)

    def _open(self, alias: str) -> sqlite3.Connection:
        connection = opened(alias)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        connection.execute("PRAGMA user_version").fetchone()  # the first read takes the snapshot; this one is cheap
        return connection


class AdoptedSqlite:
    """Reads the snapshot; what writes gets a copy of it in a private file that nobody else sees."""

    def __init__(self, pin: Mapping[str, sqlite3.Connection]) -> None:
        self._raw = dict(pin)
        self._copied: set[str] = set()

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Put the snapshot below Django's connections, and undo in the end what was written to a copy."""
        for alias in self._copied:
            self._raw[alias].execute("BEGIN")
        for alias, raw in self._raw.items():
            adopt(alias, raw)
            connections[alias].execute_wrappers.append(_guard(alias, _refused_by_sqlite))
        try:
            yield
        finally:
            for alias in self._copied:
                self._raw[alias].execute("ROLLBACK")

    def copy(self, alias: str, sql: str) -> None:
        """Copy the whole snapshot of *alias*."""
        if alias in self._copied:
            raise RuntimeError(f"a copy of the database cannot be written: {sql:.60}")
        private = opened(alias, database="")
        self._raw[alias].backup(private)
        self._raw[alias] = private
        self._copied.add(alias)


def opened(alias: str, **changed: Any) -> Any:
    """Return a new connection of the driver, set up as Django does for *alias*."""
    wrapper = connections.create_connection(alias)
    return wrapper.get_new_connection({**wrapper.get_connection_params(), **changed})


def adopt(alias: str, raw: Any) -> None:
    """Put *raw*, a driver's connection with a transaction open, below Django's connection *alias*."""
    wrapper = connections.create_connection(alias)
    wrapper.connection, wrapper.in_atomic_block, wrapper.autocommit = raw, True, False
    wrapper.close = lambda: None  # it is not ours to close
    connections[alias] = wrapper


def _guard(alias: str, refused: Callable[[Error], bool]) -> Callable[..., Any]:
    def guard(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        try:
            return execute(sql, params, many, context)
        except Error as error:
            if refused(error):
                raise WriteError(alias, sql) from error
            raise

    return guard


def _refused_by_sqlite(error: Error) -> bool:
    return getattr(error.__cause__, "sqlite_errorname", "").startswith("SQLITE_READONLY")
