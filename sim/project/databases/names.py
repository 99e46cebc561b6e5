"""The names in a database: its tables, views, triggers and functions, read from the database itself."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple


class Names(NamedTuple):
    """The names in one database."""

    tables: list[str]
    views: dict[str, str]  # and the query of each
    triggers: set[str]  # the tables that have any
    functions: set[str]
    followed_by: dict[str, set[str]]  # a table, and the tables whose rows change with it
    stamped: tuple[str, ...] = ()  # columns whose default is the server's own time


def in_sqlite(file: str) -> Names:
    """Return the names in an SQLite file."""
    with closing(sqlite3.connect(file)) as connection:
        schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
        tables = [name for kind, name, _table, _sql in schema if kind == "table"]
        followed_by = defaultdict[str, set[str]](set)
        for table in tables:
            for row in connection.execute("SELECT * FROM pragma_foreign_key_list(?)", (table,)).fetchall():
                if {row[5], row[6]} & {"CASCADE", "SET NULL", "SET DEFAULT"}:
                    followed_by[row[2]].add(table)
    views = {name: text for kind, name, _table, text in schema if kind == "view"}
    triggers = {table for kind, _name, table, _sql in schema if kind == "trigger"}
    return Names(tables, views, triggers, set(), followed_by)


_RELATIONS = """
    SELECT relname, relkind::text, CASE WHEN relkind = 'v' THEN pg_get_viewdef(c.oid) END, relhasrules
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT IN ('pg_catalog', 'information_schema')
    AND nspname NOT LIKE 'pg_toast%'"""
_TRIGGERS = "SELECT relname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal"
_FUNCTIONS = """
    SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND NOT EXISTS
    (SELECT FROM pg_depend WHERE objid = p.oid AND classid = 'pg_proc'::regclass AND deptype = 'e')"""
_FOLLOWING = """
    SELECT a.relname, b.relname FROM
    (SELECT confrelid, conrelid FROM pg_constraint
     WHERE contype = 'f' AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))
     UNION SELECT inhparent, inhrelid FROM pg_inherits UNION SELECT inhrelid, inhparent FROM pg_inherits
    ) AS pair (one, other) JOIN pg_class a ON a.oid = one JOIN pg_class b ON b.oid = other"""

_STAMPED = """
    SELECT table_name || '.' || column_name FROM information_schema.columns
    WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
    AND column_default ~* '\\mnow\\(|_timestamp\\(|current_(date|time)|localtime' ORDER BY 1"""


def in_postgres(place: Mapping[str, Any]) -> Names:
    """Return the names in a PostgreSQL database, without those of extensions."""
    from .cluster import connect

    with connect(place) as connection:
        relations = connection.execute(_RELATIONS).fetchall()
        triggers = {name for (name,) in connection.execute(_TRIGGERS)}
        functions = {name for (name,) in connection.execute(_FUNCTIONS)}
        followed_by = defaultdict[str, set[str]](set)
        for table, following in connection.execute(_FOLLOWING):
            followed_by[table].add(following)
        stamped = tuple(column for (column,) in connection.execute(_STAMPED))
    views = {name: text for name, kind, text, _rules in relations if kind == "v"}
    triggers |= {name for name, kind, _text, rules in relations if kind != "v" and rules}
    return Names(
        [name for name, kind, *_ in relations if kind != "v"], views, triggers, functions, followed_by, stamped
    )
