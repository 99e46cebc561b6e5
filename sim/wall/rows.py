"""The databases for a real run's rows, each private to the run."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, NamedTuple

from ..backends import backend_named
from ..backends.database import shared_sqlite
from ..daemons import Servers
from ..daemons.postgres import PostgresServer
from ..daemons.programs import Needed

Settings = dict[str, Any]
# Connections stay open between requests, as on a site that cares about speed: opening one is not simulated.
CONN_MAX_AGE_S = 60


class Rows(NamedTuple):
    """A database for rows: its name in outputs, its needs, and a function that opens it as an entry of DATABASES."""

    what: str
    needs: tuple[Needed, ...]
    open: Callable[[Servers], AbstractContextManager[Settings]]


@contextmanager
def _in_file(servers: Servers) -> Iterator[Settings]:
    with servers.folder() as folder:
        yield {**shared_sqlite(folder / "rows.sqlite3"), "CONN_MAX_AGE": CONN_MAX_AGE_S}


@contextmanager
def _in_postgres(servers: Servers) -> Iterator[Settings]:
    """Give a new database on the session's private PostgreSQL; it is dropped afterwards."""
    import psycopg

    server = servers.start("postgres", virtual=False)
    if not isinstance(server, PostgresServer):
        raise TypeError(server)
    base, name = server.database, f"run_{uuid.uuid4().hex}"
    where = {"host": base["HOST"], "port": base["PORT"], "user": base["USER"], "dbname": base["NAME"]}
    with psycopg.connect(**where, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield {**base, "NAME": name, "CONN_MAX_AGE": CONN_MAX_AGE_S}
        finally:
            with suppress(psycopg.OperationalError):  # if the server died, the database is gone
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


ROWS = {
    "sqlite": Rows("an SQLite file (one writer at a time, which is not simulated)", needs=(), open=_in_file),
    "postgres": Rows("PostgreSQL", needs=backend_named("postgres").needs, open=_in_postgres),
}
