"""Places: where the cache and the rows of a real run live, each private to it."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.backends import Backend, Limits, backend_named, params_of
from sim.backends.database import shared_sqlite
from sim.backends.places import Place
from sim.daemons import Servers
from sim.daemons.postgres import PostgresServer
from sim.errors import UserError
from sim.result import Run
from sim.scenario import Scenario
from sim.wall.foreign import foreign_place, location_of

Settings = dict[str, Any]
TABLE_ALIAS = "cache"  # of the database that holds a cache table: not the rows', as in the simulation
# Connections live on between requests, as where a site cares about speed: opening one is no part of the simulation.
CONN_MAX_AGE_S = 60


@dataclass(frozen=True)
class CachePlace:
    """What a worker process is told of the place of its cache: all else it knows of the backend by its name.

    `socket` is the one that a cache class may connect to. On a `foreign` server nothing is wired: only the wires of
    private servers' sockets are known.
    """

    location: str
    database: Mapping[str, Any] | None = None  # of a cache table
    socket: str | None = None
    foreign: bool = False


def check_backend(backend: Backend, scenario: Scenario, foreign: str | None = None) -> None:
    """Make sure that *backend* can run for real, on the *foreign* server if one is named.

    Raises:
        UserError: where it cannot.
    """
    if backend.name == "shared" and (scenario.workers or 1) > 1:
        raise UserError(
            "backend 'shared' is one LocMem store, which several processes cannot share; "
            "on the wall clock choose a real server, or --set workers=1"
        )
    params_of(backend, limits_of(scenario))
    if foreign is not None:
        location_of(backend, foreign)


def limits_of(scenario: Scenario) -> Limits:
    """Return the limits that *scenario* sets."""
    return Limits(scenario.max_entries, scenario.cull_frequency)


@contextmanager
def cache_place(run: Run, servers: Servers, foreign: str | None = None) -> Iterator[tuple[CachePlace, Place]]:
    """Give a private place for *run*'s cache, or one on the *foreign* server that may be flushed.

    Raises:
        UserError: where its server cannot be started, or cannot be reached.
    """
    backend = backend_named(run.backend)
    if foreign is not None:
        with foreign_place(backend, foreign) as place:
            yield CachePlace(place.location, foreign=True), place
        return
    with backend.open(servers, virtual=False) as place:
        if place.server is not None:
            place.server.begin()
        database = None if place.database is None else {**place.database, "CONN_MAX_AGE": CONN_MAX_AGE_S}
        socket = None if place.server is None else str(place.server.socket)
        yield CachePlace(place.location, database, socket), place


def sqlite(path: Path) -> Settings:
    """Return the entry in DATABASES of an SQLite file for rows."""
    return {**shared_sqlite(path), "CONN_MAX_AGE": CONN_MAX_AGE_S}


@contextmanager
def postgres(servers: Servers) -> Iterator[Settings]:
    """Give the entry in DATABASES of a new database on the session's private PostgreSQL; it is dropped afterwards."""
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
            with suppress(psycopg.OperationalError):  # a server that died took it along
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


class CacheTableRouter:
    """Keeps a cache table in its own database."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        """Return the database of the cache table for it, and no opinion on the rest."""
        return TABLE_ALIAS if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read
