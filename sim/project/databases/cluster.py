"""Databases on the session's PostgreSQL: rows come in the same order in each run, and the server says who waits."""

import os
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

# For each waiting statement the server sends a notice, after it has looked for a deadlock. Plans and the order of rows
# depend only on the rows.
SETTINGS = {
    "deadlock_timeout": "1ms",
    "log_lock_waits": "on",
    "log_min_messages": "fatal",
    "client_min_messages": "log",
    "synchronize_seqscans": "off",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}


def connect(place: Mapping[str, Any], database: str | None = None) -> "psycopg.Connection[Any]":
    """Open a plain connection to the server of *place*, in autocommit."""
    return psycopg.connect(
        host=place["HOST"],
        port=place["PORT"],
        user=place["USER"],
        password=place.get("PASSWORD") or None,
        dbname=database or place["NAME"],
        autocommit=True,
    )


def make_database(place: Mapping[str, Any], template: str = "template0") -> None:
    """Make the database of *place* as a copy of *template*; open connections to *template* are ended."""
    with connect(place, "postgres") as connection:
        if connection.execute("SELECT FROM pg_settings WHERE name = 'autovacuum' AND setting = 'on'").fetchone():
            connection.execute("ALTER SYSTEM SET autovacuum = off")  # it would change plans at any time
            connection.execute("SELECT pg_reload_conf()")
        _throw_out(connection, template)
        name = sql.Identifier(place["NAME"])
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
        for setting, value in SETTINGS.items():
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )


def drop_database(place: Mapping[str, Any]) -> None:
    """Drop the database of *place*, even if there are connections to it."""
    with connect(place, "postgres") as connection:
        _throw_out(connection, place["NAME"])
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(place["NAME"])))


def _throw_out(connection: "psycopg.Connection[Any]", database: str) -> None:
    """End all connections to *database*; a killed run may have left stopped ones (see `parking`)."""
    of_it = "FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
    for (pid,) in connection.execute(f"SELECT pid {of_it}", (database,)).fetchall():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    connection.execute(f"SELECT pg_terminate_backend(pid) {of_it}", (database,))


def extensions_missing(place: Mapping[str, Any], wanted: Iterable[str]) -> str:
    """Return one line about the *wanted* extensions that this PostgreSQL does not have, or ""."""
    with connect(place, "postgres") as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
    missing = sorted({*wanted} - known)
    if not missing:
        return ""
    return (
        f"the project's migrations need PostgreSQL's extension{'s' * (len(missing) > 1)} {', '.join(missing)}, "
        "which this machine's PostgreSQL does not have; install its package (for most: postgresql-contrib)"
    )
