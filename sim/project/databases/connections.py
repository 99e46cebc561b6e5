"""All connections of a process: prepared ("dressed") for a run, closed, or set on a pinned state of the rows."""

import sqlite3
from collections.abc import Callable
from functools import partial, partialmethod
from typing import Any, NamedTuple
from weakref import WeakSet

from django.db import connections
from django.db.utils import ConnectionHandler

from ...engine.scheduler import Engine
from ...engine.virtual import PRIVATE
from ...errors import ForbiddenError, StrategyError, UserError, one_line
from ..watch import Watch
from .dressed import Dressed
from .latency import Latencies, Traffic
from .statements import text_of
from .tables import Nature, Schema

_Handler: Any = ConnectionHandler  # whose method is replaced
_NOW = "django.utils.timezone.now()"
_schemas: dict[str, Schema] = {}  # for each database, by name
_create = ConnectionHandler.create_connection


class TakenOver:
    """A run's control over the process's connections."""

    def __init__(self, engine: Engine, latencies: Latencies, watch: Watch, pool: int | None) -> None:
        self._traffic = Traffic(engine, latencies, watch, pool)
        _schemas.update({str(entry["NAME"]): Schema(entry) for entry in connections.settings.values()})
        self._parking: Any = None
        self._wrappers: WeakSet[Any] = WeakSet()
        self.release = self._traffic.release
        _Handler.create_connection = partialmethod(_dressed_by, self)

    def notes(self) -> list[str]:
        """Return a note for each value of PostgreSQL's own clock that a run may have written into rows."""
        stamped = {column for entry in connections.settings.values() for column in _schemas[str(entry["NAME"])].stamped}
        return [
            f"{what} is the real time, not the run's: PostgreSQL's clock is not virtual, so values that show it differ "
            "from run to run"
            for what in sorted({*(f"the default of {column}" for column in stamped), *self._traffic.real_times})
        ]

    def end(self) -> None:
        """Close all connections; later ones are plain again."""
        _Handler.create_connection = _create
        for wrapper in list(self._wrappers):
            if wrapper.connection is not None:
                wrapper.connection.close()  # the wrapper's own close() works only in its own thread
                wrapper.connection = None
        if self._parking is not None:
            self._parking.close()

    def dress(self, wrapper: Any) -> Dressed:
        """Prepare a connection of the project's for the run."""
        self._wrappers.add(wrapper)
        schema = schema_of(wrapper)
        if wrapper.vendor == "sqlite":
            from .sqlite import DressedSqlite

            return DressedSqlite(wrapper, self._traffic, schema)
        from .parking import Parking
        from .postgres import DressedPostgres

        self._parking = self._parking or Parking(self._traffic.engine, wrapper.settings_dict)
        return DressedPostgres(wrapper, self._traffic, schema, self._parking)


def _dressed_by(handler: ConnectionHandler, taken: TakenOver, alias: str) -> Any:
    wrapper = _create(handler, alias)
    if not alias.startswith(PRIVATE):  # other names are cachewise's own
        taken.dress(wrapper)
    return wrapper


def take_over(engine: Engine, latencies: Latencies, watch: Watch, pool: int | None = None) -> TakenOver:
    """Prepare every connection that this process makes from now on for the requests of *engine*.

    *latencies* have the names of a Scenario's fields (``db_read_s`` and so on; None: no time). *watch* is told of each
    statement and commit of a request. *pool* limits the number of connections, if given. The tables must exist already.

    Raises:
        UserError: if Django would not use psycopg 3 for PostgreSQL.
    """
    if any("postg" in entry["ENGINE"] for entry in connections.settings.values()):
        from django.db.backends.postgresql.psycopg_any import is_psycopg3

        if not is_psycopg3:
            raise UserError("Django uses psycopg2 for PostgreSQL here; install psycopg (version 3), too")
    let_go_of_all()
    return TakenOver(engine, latencies, watch, pool)


def let_go_of_all() -> None:
    """Close and forget every connection of this thread: those made at set-up must not serve requests.

    An earlier copy of the context variables may still hold them; they cannot be opened again.
    """
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()
        wrapper.connect = partial(_refuse, wrapper.alias)  # type: ignore[method-assign]
        del connections[wrapper.alias]


def version() -> str:
    """Return the database software with its version: "SQLite 3.40.1" or "PostgreSQL 16.4"."""
    wrapper: Any = connections["default"]
    if wrapper.vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    major, minor = divmod(wrapper.pg_version, 10_000)
    return f"PostgreSQL {major}.{minor}"


def end_request() -> None:
    """Close this thread's connections that are not in autocommit mode, as Django does at a request's end.

    Uncommitted changes are rolled back. The other connections stay open (opening one takes no virtual time).
    """
    for wrapper in connections.all(initialized_only=True):
        kept = not wrapper.settings_dict["AUTOCOMMIT"] and wrapper.settings_dict["CONN_MAX_AGE"] != 0
        if wrapper.connection is not None and not wrapper.autocommit and not wrapper.in_atomic_block and not kept:
            wrapper.close()


def end_thread() -> None:
    """Close this thread's connections: it serves no more requests."""
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()


def _refuse(alias: str) -> None:
    raise StrategyError(f"a request uses the connection to DATABASES[{alias!r}] that was opened at set-up")


class Sent(NamedTuple):
    """A statement that is about to be sent."""

    sql: str
    params: Any
    nature: Nature


def stand_on(alias: str, raw: Any) -> Any:
    """Return a Django connection that uses *raw*, which has an open transaction with its snapshot.

    *raw* is a psycopg connection, or an sqlite3 one that Django has opened. `atomic` sets savepoints in that
    transaction, nothing is committed, and `on_commit` functions never run.
    """
    wrapper: Any = _create(connections, alias)
    if wrapper.vendor == "postgresql":
        _as_django_has_it(wrapper, raw)
    wrapper.connection, wrapper.autocommit, wrapper.in_atomic_block = raw, False, True
    wrapper.close = lambda: None  # a newly opened connection would see the present rows
    return wrapper


def adopt(alias: str, raw: Any, told: Callable[[Sent], object]) -> None:
    """Make `connections[alias]` use *raw*, as in `stand_on`; *told* is called for each statement."""
    wrapper = stand_on(alias, raw)
    schema = schema_of(wrapper)

    def noting(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = text_of(sql)
        nature = schema.nature(text)
        if nature.kind == "read" and nature.real_time:
            raise ForbiddenError(
                f"a query asks PostgreSQL for the time, which is not virtual there: pass it {_NOW}, "
                f"or use --database sqlite ({one_line(text, 120)})"
            )
        told(Sent(text, params, nature))
        return execute(sql, params, many, context)

    wrapper.execute_wrappers.insert(0, noting)
    connections[alias] = wrapper


def schema_of(wrapper: Any) -> Schema:
    """Return the tables of *wrapper*'s database, as they were at the first call."""
    name = str(wrapper.settings_dict["NAME"])
    if name not in _schemas:
        _schemas[name] = Schema(wrapper.settings_dict)
    return _schemas[name]


def _as_django_has_it(wrapper: Any, raw: Any) -> None:
    from psycopg.adapt import AdaptersMap

    parameters = wrapper.get_connection_params()
    raw._adapters = AdaptersMap(parameters["context"])
    raw.cursor_factory = parameters["cursor_factory"]
    wrapper._configure_timezone(raw)
