"""Snapshots of a project's databases: pinned by the judge, read by its children."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Protocol, TypeVar

from django.db import Error, NotSupportedError, connections

from ..project.databases.connections import Sent, adopt, stand_on
from ..project.watch import Tables
from .heard import Heard, Statement, digest_of

T = TypeVar("T")


class WriteError(BaseException):
    """A statement would write. It is no Exception, so that no ``except Exception`` of the project catches it."""

    def __init__(self, alias: str, tables: Tables) -> None:
        super().__init__(alias, tables)
        self.alias, self.tables = alias, tables


class Snapshots(Protocol):
    """Pins states of the databases."""

    def pin(self) -> Any:
        """Return the snapshot of the databases as they are now."""

    def has_room(self) -> bool:
        """Return whether another one can be pinned."""

    def let_go(self, pin: Any) -> None:
        """Close a snapshot."""

    def adopt(self, pin: Any) -> "Adopted":
        """Let this process, a fork of the one that pinned it, read a snapshot."""


class Adopted:
    """A snapshot that this process, a child of the judge, reads through `django.db.connections`.

    The database itself refuses writes. Tables that must be written are first copied to a private place.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = dict(raw)
        self._plain: dict[str, Any] = {}
        self._refused: WriteError | None = None
        self._expected = False  # whether a statement is running, so that the database is used

    @property
    def aliases(self) -> tuple[str, ...]:
        """Django's aliases of the snapshot's databases."""
        return tuple(self._raw)

    @contextmanager
    def evaluation(self) -> Iterator[Heard]:
        """In the block the connections show the snapshot; writes are undone at its end.

        Give the statements recorded so far.

        Raises:
            WriteError: in the block, at a statement that would write a table that has not been copied.
        """
        heard = Heard()
        self._refused = None
        with self.undone():
            for alias in self._raw:
                self._show(alias, heard)
            try:
                yield heard
            finally:
                for raw in self._raw.values():
                    self._tell(raw, None)
            if self._refused is not None:  # the project has caught the refusal
                raise self._refused

    @contextmanager
    def undone(self) -> Iterator[None]:
        """At the end of the block, undo all writes to the snapshot, and any failed transaction."""
        for alias in self._raw:
            self._begin(alias)
        try:
            yield
        finally:
            for alias in self._raw:
                self._undo(alias)

    @contextmanager
    def set_back(self) -> Iterator[None]:
        """Within `evaluation`: at the end of the block, undo the block's writes, but not earlier ones."""
        for raw in self._raw.values():
            raw.execute("SAVEPOINT within")
        try:
            yield
        finally:
            for raw in self._raw.values():
                raw.execute("ROLLBACK TO SAVEPOINT within")
                raw.execute("RELEASE SAVEPOINT within")

    def writing(self, attempt: Callable[[], T]) -> T:
        """Return the result of *attempt*. Tables that it writes are copied, and it is repeated after each copy."""
        while True:
            try:
                return attempt()
            except WriteError as error:
                self.copy(error.alias, error.tables)

    def rows_of(self, statement: Statement) -> bytes:
        """Return a digest of a query's rows on the snapshot; the driver's exceptions pass through."""
        if statement.alias not in self._plain:
            self._plain[statement.alias] = stand_on(statement.alias, self._raw[statement.alias])
        connection = self._plain[statement.alias]
        with closing(connection.create_cursor()) as cursor:
            cursor.execute(*statement.sent())
            rows = cursor.fetchall()
            if getattr(cursor, "nextset", lambda: None)():
                raise NotSupportedError("it gives several sets of rows")
            return digest_of(rows)

    def hurry(self) -> None:
        """Wait for no lock until the end of `undone`: its holder may be waiting for this process."""

    def rest(self) -> None:
        """Release all locks while idle: the run may be waiting for one."""

    def copy(self, alias: str, tables: Tables) -> None:
        """Make a writable copy of *tables* (or of more)."""
        raise NotImplementedError

    def _begin(self, alias: str) -> None:
        """Set the point to which `_undo` goes back."""

    def _undo(self, alias: str) -> None:
        """Undo what was written since `_begin`."""

    def _tell(self, raw: Any, crossed: Callable[[], object] | None) -> None:
        """Call *crossed* whenever *raw* sends something to the database; None ends this."""
        raise NotImplementedError

    def _refuses(self, error: BaseException | None) -> bool:
        """Return whether the database's *error* is the refusal of a write."""
        raise NotImplementedError

    def _show(self, alias: str, heard: Heard) -> None:
        last: Tables = frozenset()

        def told(sent: Sent) -> None:
            nonlocal last
            last = sent.nature.tables
            heard.hear(alias, sent)

        def guard(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            self._expected = True
            try:
                return execute(sql, params, many, context)
            except Error as error:
                if self._refuses(error.__cause__):
                    self._refused = WriteError(alias, last)
                    raise self._refused from error
                raise
            finally:
                self._expected = False

        def crossed() -> None:
            heard.only_asked &= self._expected  # otherwise the project has bypassed Django

        adopt(alias, self._raw[alias], told)
        self._tell(self._raw[alias], crossed)
        connections[alias].execute_wrappers.append(guard)
