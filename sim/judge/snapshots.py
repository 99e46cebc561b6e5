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
    """A statement would write; no ``except Exception`` of the project is to hear of it."""

    def __init__(self, alias: str, tables: Tables) -> None:
        super().__init__(alias, tables)
        self.alias, self.tables = alias, tables


class Snapshots(Protocol):
    """How states of the databases are pinned."""

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

    The database itself refuses to write; what has to is copied first, into a place that nobody else sees.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = dict(raw)
        self._plain: dict[str, Any] = {}
        self._refused: WriteError | None = None
        self._expected = False  # that the database is asked something, since a statement is under way

    @property
    def aliases(self) -> tuple[str, ...]:
        """The databases of the snapshot, as Django knows them."""
        return tuple(self._raw)

    @contextmanager
    def evaluation(self) -> Iterator[Heard]:
        """Meanwhile the connections show the snapshot; what is written is undone in the end.

        Give what has been heard of the statements so far.

        Raises:
            WriteError: within, at a statement that would write what has not been copied.
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
            if self._refused is not None:  # and the project has caught it
                raise self._refused

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo in the end what is done to the snapshot meanwhile, and what has failed."""
        for alias in self._raw:
            self._begin(alias)
        try:
            yield
        finally:
            for alias in self._raw:
                self._undo(alias)

    @contextmanager
    def set_back(self) -> Iterator[None]:
        """Within `evaluation`: undo in the end what is written meanwhile, and nothing of what was before."""
        for raw in self._raw.values():
            raw.execute("SAVEPOINT within")
        try:
            yield
        finally:
            for raw in self._raw.values():
                raw.execute("ROLLBACK TO SAVEPOINT within")
                raw.execute("RELEASE SAVEPOINT within")

    def writing(self, attempt: Callable[[], T]) -> T:
        """Return what *attempt* gives once all that it writes has been copied: it is made again after each copy."""
        while True:
            try:
                return attempt()
            except WriteError as error:
                self.copy(error.alias, error.tables)

    def rows_of(self, statement: Statement) -> bytes:
        """Return a digest of the rows that a query gives on the snapshot; whatever the driver raises is raised."""
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
        """Wait for no lock, until the end of `undone`: who holds it may be waiting for this process."""

    def rest(self) -> None:
        """Hold no lock while there is nothing to do: the run may be waiting for it."""

    def copy(self, alias: str, tables: Tables) -> None:
        """Copy *tables*, or more, so that they can be written."""
        raise NotImplementedError

    def _begin(self, alias: str) -> None:
        """Begin what `_undo` undoes."""

    def _undo(self, alias: str) -> None:
        """Undo what was written since `_begin`."""

    def _tell(self, raw: Any, crossed: Callable[[], object] | None) -> None:
        """Call *crossed* whenever the database is asked something through *raw*; None: no more."""
        raise NotImplementedError

    def _refuses(self, error: BaseException | None) -> bool:
        """Return whether the database's *error* says that it must not write."""
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
            heard.only_asked &= self._expected  # else the project has gone past Django

        adopt(alias, self._raw[alias], told)
        self._tell(self._raw[alias], crossed)
        connections[alias].execute_wrappers.append(guard)
