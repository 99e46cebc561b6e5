"""Snapshots of PostgreSQL: REPEATABLE READ transactions on connections that are reused.

One child of the judge at a time uses the inherited connection; the judge does not use it meanwhile.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections
from psycopg import IsolationLevel, sql

from ..project.watch import ALL_TABLES, Tables
from .snapshots import Adopted

MOST = 200  # snapshots; each one occupies a process of the server
PATIENCE_MS = 50  # wait for a lock so long; then an evaluation is made instead
_READ_ONLY = "25006"
_COPIED = """
    SELECT nspname, relname, attname, attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval(%%',
        attgenerated <> '', attidentity <> ''
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace JOIN pg_attribute a ON attrelid = c.oid
    LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND attnum > 0 AND NOT attisdropped
        AND pg_table_is_visible(c.oid) AND nspname <> 'pg_catalog' AND (relname = ANY(%s) OR %s)
    ORDER BY 1, 2, attnum"""


class PostgresSnapshots:
    """A snapshot is one connection for each alias, in a transaction that has taken its snapshot."""

    def __init__(self, aliases: tuple[str, ...]) -> None:
        self._aliases = aliases
        self._pinned = 0
        self._most = MOST // len(aliases)
        self._idle: dict[str, list[Any]] = {alias: [] for alias in aliases}

    def pin(self) -> dict[str, Any]:
        """Return the snapshot of the databases as they are now."""
        self._pinned += 1
        pin = {alias: self._idle[alias].pop() if self._idle[alias] else _opened(alias) for alias in self._aliases}
        for connection in pin.values():
            connection.execute("SELECT 1")
            connection.execute("SAVEPOINT judged")
        return pin

    def has_room(self) -> bool:
        """Return whether the server has a connection for another one."""
        return self._pinned < self._most

    def let_go(self, pin: Mapping[str, Any]) -> None:
        """End a snapshot's transactions; their connections are used again."""
        self._pinned -= 1
        for alias, connection in pin.items():
            connection.rollback()
            self._idle[alias].append(connection)

    def adopt(self, pin: Mapping[str, Any]) -> Adopted:
        """Let this process, a fork of the one that pinned it, read a snapshot."""
        for connection in pin.values():
            connection.execute("ROLLBACK TO SAVEPOINT judged")  # another child may have made copies
        return _AdoptedPostgres(pin)


class _AdoptedPostgres(Adopted):
    """Writes go to temporary tables, which hide the tables with the same names and are invisible to others.

    The temporary tables have their own sequences, because the original ones would go on counting in the run. They have
    no triggers.
    """

    def copy(self, alias: str, tables: Tables) -> None:
        connection = self._raw[alias]
        columns: dict[tuple[str, str], list[Any]] = {}
        for schema, table, *column in connection.execute(_COPIED, (list(tables), tables >= ALL_TABLES)).fetchall():
            columns.setdefault((schema, table), []).append(column)
        wanted = [name for name in columns if not _exists(connection, name[1])]
        if not wanted:
            raise RuntimeError(f"a copy in DATABASES[{alias!r}] cannot be written: {', '.join(sorted(tables))}")
        for schema, table in wanted:
            _copy(connection, schema, table, columns[schema, table])

    def rest(self) -> None:
        for connection in self._raw.values():
            connection.execute("ROLLBACK TO SAVEPOINT judged")  # this removes the copies; they are made again if needed

    def _begin(self, alias: str) -> None:
        begin = "SAVEPOINT evaluated; SET LOCAL transaction_read_only = on"  # temporary tables can still be written
        self._raw[alias].execute(begin, prepare=False)

    def _undo(self, alias: str) -> None:
        self._raw[alias].execute("ROLLBACK TO SAVEPOINT evaluated; RELEASE SAVEPOINT evaluated", prepare=False)

    def hurry(self) -> None:
        for connection in self._raw.values():
            connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE_MS}ms'", prepare=False)

    def _tell(self, raw: Any, crossed: Callable[[], object] | None) -> None:
        def wait(*args: Any, **named: Any) -> Any:
            if crossed is not None:
                crossed()
            return type(raw).wait(raw, *args, **named)

        raw.wait = wait

    def _refuses(self, error: BaseException | None) -> bool:
        return getattr(error, "sqlstate", None) == _READ_ONLY


def _opened(alias: str) -> Any:
    """Return a new connection to the database of *alias*, set up as by Django."""
    wrapper = connections.create_connection(alias)
    wrapper.connect()
    connection = wrapper.connection
    connection.autocommit = False
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    return connection


def _exists(connection: Any, table: str) -> bool:
    named = sql.SQL("pg_temp.{}").format(sql.Identifier(table)).as_string(connection)
    return bool(connection.execute("SELECT to_regclass(%s) IS NOT NULL", (named,)).fetchone()[0])


def _copy(connection: Any, schema: str, table: str, columns: list[Any]) -> None:
    """Make a temporary copy of a table: rows, indexes, defaults, and counters that go on from there."""
    theirs, ours = sql.Identifier(schema, table), sql.Identifier("pg_temp", table)
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {} INCLUDING ALL)").format(ours, theirs))
    given = sql.SQL(", ").join(sql.Identifier(name) for name, _counts, generated, _identity in columns if not generated)
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(ours, given, given, theirs)
    )
    for name, counts, _generated, identity in columns:
        if counts:
            _count_on(connection, table, name, identity=identity)


def _count_on(connection: Any, table: str, column: str, *, identity: bool) -> None:
    """Give a counting column its own sequence, which goes on after the greatest value."""
    ours, name = sql.Identifier("pg_temp", table), sql.Identifier(column)
    if not identity:
        counter = sql.Identifier("pg_temp", f"{table}_{column}_judged")
        connection.execute(
            sql.SQL("CREATE TEMPORARY SEQUENCE {} OWNED BY {}").format(
                counter, sql.Identifier("pg_temp", table, column)
            )
        )
        default = sql.SQL("nextval({}::regclass)").format(sql.Literal(counter.as_string(connection)))
        connection.execute(sql.SQL("ALTER TABLE {} ALTER {} SET DEFAULT {}").format(ours, name, default))
    connection.execute(
        sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), coalesce(max({}), 0) + 1, false) FROM {}").format(
            sql.Literal(ours.as_string(connection)), sql.Literal(column), name, ours
        )
    )
