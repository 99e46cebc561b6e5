"""All connections of a process, as they come: dressed for a run, let go of, or put on a pinned state of the rows."""

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
_schemas: dict[str, Schema] = {}  # of each database, by its name
_create = ConnectionHandler.create_connection


class TakenOver:
    """A run's hold on the process's connections."""

    def __init__(self, engine: Engine, latencies: Latencies, watch: Watch, pool: int | None) -> None:
        self._traffic = Traffic(engine, latencies, watch, pool)
        _schemas.update({str(entry["NAME"]): Schema(entry) for entry in connections.settings.values()})
        self._parking: Any = None
        self._wrappers: WeakSet[Any] = WeakSet()
        self.release = self._traffic.release
        _Handler.create_connection = partialmethod(_dressed_by, self)

    def notes(self) -> list[str]:
        """Return a line for each time of PostgreSQL's own that a run's rows may have got."""
        stamped = {column for entry in connections.settings.values() for column in _schemas[str(entry["NAME"])].stamped}
        return [
            f"{what} is the real time, not the run's: PostgreSQL's clock is not virtual, and what shows it differs "
            "from run to run"
            for what in sorted({*(f"the default of {column}" for column in stamped), *self._traffic.real_times})
        ]

    def end(self) -> None:
        """Close all, and let go: connections made from now on are plain."""
        _Handler.create_connection = _create
        for wrapper in list(self._wrappers):
            if wrapper.connection is not None:
                wrapper.connection.close()  # the wrapper's own method is for its own thread
                wrapper.connection = None
        if self._parking is not None:
            self._parking.close()

    def dress(self, wrapper: Any) -> Dressed:
        """Dress a connection of the project's."""
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
    if not alias.startswith(PRIVATE):  # those are ours
        taken.dress(wrapper)
    return wrapper


def take_over(engine: Engine, latencies: Latencies, watch: Watch, pool: int | None = None) -> TakenOver:
    """Dress every connection that this process makes from now on, for the requests of *engine*.

    *latencies* have the names of a Scenario's fields (``db_read_s`` and so on; None: no time). *watch* hears of each
    statement and commit of a request. *pool* is how many connections there are, if that is limited. The tables are
    those of now.

    Raises:
        UserError: where Django would not talk to PostgreSQL through psycopg 3.
    """
    if any("postg" in entry["ENGINE"] for entry in connections.settings.values()):
        from django.db.backends.postgresql.psycopg_any import is_psycopg3

        if not is_psycopg3:
            raise UserError("Django talks to PostgreSQL through psycopg2 here; install psycopg (version 3) beside it")
    let_go_of_all()
    return TakenOver(engine, latencies, watch, pool)


def let_go_of_all() -> None:
    """Close and forget every connection of this thread: what is made at set-up serves no request.

    A context variable's copy, made before, may still know them; they do not open again.
    """
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()
        wrapper.connect = partial(_refuse, wrapper.alias)  # type: ignore[method-assign]
        del connections[wrapper.alias]


def version() -> str:
    """Return what the databases are kept by, with its version: "SQLite 3.40.1" or "PostgreSQL 16.4"."""
    wrapper: Any = connections["default"]
    if wrapper.vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    major, minor = divmod(wrapper.pg_version, 10_000)
    return f"PostgreSQL {major}.{minor}"


def end_request() -> None:
    """Close this thread's connections that are not in autocommit any more, as Django does at a request's end.

    What is not committed is rolled back. Others stay open (opening one takes no virtual time).
    """
    for wrapper in connections.all(initialized_only=True):
        kept = not wrapper.settings_dict["AUTOCOMMIT"] and wrapper.settings_dict["CONN_MAX_AGE"] != 0
        if wrapper.connection is not None and not wrapper.autocommit and not wrapper.in_atomic_block and not kept:
            wrapper.close()


def end_thread() -> None:
    """Close this thread's connections: it serves nothing any more."""
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()


def _refuse(alias: str) -> None:
    raise StrategyError(f"a request has the connection to DATABASES[{alias!r}] that was there at set-up")


class Sent(NamedTuple):
    """A statement, before it is carried out."""

    sql: str
    params: Any
    nature: Nature


def stand_on(alias: str, raw: Any) -> Any:
    """Return a connection of Django's that stands on *raw*, which has an open transaction with its snapshot.

    *raw* is one of psycopg, or one of sqlite3 that Django has opened. `atomic` sets savepoints in that transaction,
    nothing is committed, and what is put off until the commit never runs.
    """
    wrapper: Any = _create(connections, alias)
    if wrapper.vendor == "postgresql":
        _as_django_has_it(wrapper, raw)
    wrapper.connection, wrapper.autocommit, wrapper.in_atomic_block = raw, False, True
    wrapper.close = lambda: None  # the next one that it opened would see the rows of now
    return wrapper


def adopt(alias: str, raw: Any, told: Callable[[Sent], object]) -> None:
    """Make `connections[alias]` stand on *raw*, as `stand_on` has it; *told* hears of each statement."""
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
    """Return the tables of the database that *wrapper* is for, as they were when it was first asked for."""
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
