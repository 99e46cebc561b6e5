"""The place of a real run's cache: private, unless the user named a server that may be flushed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..backends import Backend, Limits, backend_named, params_of
from ..backends.places import Place
from ..daemons import Servers
from ..errors import UserError
from ..verdict.result import Run
from ..world.scenario import Scenario
from .foreign import foreign_place, location_of
from .rows import CONN_MAX_AGE_S

TABLE_ALIAS = "cache"  # the cache table's own database, not the rows', as in the simulation


@dataclass(frozen=True)
class CachePlace:
    """The data about its cache's place for a worker process, which knows the rest by the backend's name.

    `socket` is the only one that a cache class may connect to. On a `foreign` server the client has no wire: only
    private servers' sockets have one.
    """

    location: str
    database: Mapping[str, Any] | None = None  # of a cache table
    socket: str | None = None
    foreign: bool = False


def check_backend(backend: Backend, scenario: Scenario, foreign: str | None = None) -> None:
    """Make sure that *backend* can run for real, on the *foreign* server if one is named.

    Raises:
        UserError: otherwise.
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
        UserError: if its server cannot be started or reached.
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


class CacheTableRouter:
    """Keeps a cache table in its own database."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        """Return the cache table's database for the cache table, and None (no opinion) for other models."""
        return TABLE_ALIAS if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read
