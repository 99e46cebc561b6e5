"""Places: where the cache and the rows of a real run live, each private to it."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sim.backends import backend_named, cache_params
from sim.daemons import Servers
from sim.daemons.postgres import PostgresServer
from sim.daemons.server import Server
from sim.errors import UserError, one_line
from sim.scenario import Scenario

Settings = dict[str, Any]
CACHE_TABLE = "cachewise_cache"
TABLE_ALIAS = "cache"  # of the database that holds a cache table: not the rows', as in the simulation
# Connections live on between requests, as where a site cares about speed: opening one is no part of the simulation.
CONN_MAX_AGE_S = 60
SQLITE_WAIT_S = 60  # a writer waits for the one before it


@dataclass(frozen=True)
class CachePlace:
    """A real cache: its entry in CACHES, the methods of its class that reach the store, and its table's database.

    `wire` says whose client's round trips are counted one by one.
    """

    cache: Settings
    primitives: tuple[str, ...]
    one_store: bool
    databases: Mapping[str, Settings] = field(default_factory=dict)
    wire: str | None = None


@dataclass(frozen=True)
class Opened:
    """A place, and the private server it is on, if any."""

    place: CachePlace
    server: Server | None = None


@dataclass(frozen=True)
class Kind:
    """How a backend is made for real: its class, and what it needs besides a folder.

    `schemes` are those of a URL of another server, each with what LOCATION has in its place.
    """

    cache_class: str
    server: str | None = None  # the kind of its private server
    in_table: bool = False
    wire: str | None = None
    schemes: Mapping[str, str] = field(default_factory=dict)


_DJANGO = "django.core.cache.backends"
# The methods of a server's cache class that send something themselves, where the class has them.
_SENDING: tuple[str, ...] = ("get", "set", "add", "delete", "has_key", "touch", "clear", "incr", "decr")
_SENDING += ("get_many", "set_many", "delete_many")
_REDIS_URLS = {"redis://": "redis://", "rediss://": "rediss://", "unix://": "unix://"}
_MEMCACHED_URLS = {"memcached://": "", "unix://": "unix:"}
KINDS = {
    "shared": Kind(f"{_DJANGO}.locmem.LocMemCache"),
    "locmem": Kind(f"{_DJANGO}.locmem.LocMemCache"),
    "file": Kind(f"{_DJANGO}.filebased.FileBasedCache"),
    "db": Kind(f"{_DJANGO}.db.DatabaseCache", in_table=True),
    "dummy": Kind(f"{_DJANGO}.dummy.DummyCache"),
    "redis": Kind(f"{_DJANGO}.redis.RedisCache", "redis", wire="redis", schemes=_REDIS_URLS),
    "memcached": Kind(f"{_DJANGO}.memcached.PyMemcacheCache", "memcached", wire="memcached", schemes=_MEMCACHED_URLS),
    "postgres": Kind(f"{_DJANGO}.db.DatabaseCache", "postgres", in_table=True),
    "django-redis": Kind("django_redis.cache.RedisCache", "redis", wire="django-redis", schemes=_REDIS_URLS),
}


def check_backend(backend: str, scenario: Scenario, foreign: str | None = None) -> Kind:
    """Return how *backend* is made for real, on the *foreign* server if one is named.

    Raises:
        UserError: where that is impossible.
    """
    kind = KINDS.get(backend)
    if kind is None:
        backend_named(backend)  # says what it should be, if there is none of that name
        raise UserError(f"backend {backend!r} runs in the simulation only; on the wall clock: {', '.join(KINDS)}")
    if backend == "shared" and (scenario.workers or 1) > 1:
        raise UserError(
            "backend 'shared' is one LocMem store, which several processes cannot share; "
            "on the wall clock choose a real server, or --set workers=1"
        )
    if kind.wire and scenario.max_entries is not None:
        raise UserError(f"max_entries={scenario.max_entries:,} means nothing to backend {backend!r}; leave it out")
    if foreign is not None:
        _location(backend, kind, foreign)
    return kind


@contextmanager
def cache_place(
    backend: str, scenario: Scenario, folder: Path, servers: Servers, foreign: str | None = None
) -> Iterator[Opened]:
    """Give a private place for *backend*'s cache, or one on the *foreign* server that may be flushed.

    Raises:
        UserError: for a backend that has no real counterpart, or whose server cannot be started.
    """
    kind, known = check_backend(backend, scenario, foreign), backend_named(backend)
    params = {"OPTIONS": {}} if kind.wire else cache_params(scenario.max_entries, scenario.cull_frequency)
    entry: Settings = {"BACKEND": kind.cache_class, **params}
    place = CachePlace(entry, (*(known.primitives or _SENDING), *known.verbs), known.one_store, wire=kind.wire)
    if foreign is not None:
        entry["LOCATION"] = _location(backend, kind, foreign)
        yield Opened(replace(place, wire=None))  # only the wires of private servers' sockets are known
    elif kind.in_table:
        entry["LOCATION"] = CACHE_TABLE
        with _table_database(kind, folder, servers) as database:
            yield Opened(replace(place, databases={TABLE_ALIAS: database}))
    else:
        server = servers.start(kind.server, virtual=False) if kind.server else None
        entry["LOCATION"] = str(folder / "cache") if server is None else server.location
        yield Opened(place, server)


def _location(backend: str, kind: Kind, url: str) -> str:
    for scheme, prefix in kind.schemes.items():
        if url.startswith(scheme) and len(url) > len(scheme):
            return prefix + url.removeprefix(scheme)
    known = " or ".join(f"{scheme}…" for scheme in kind.schemes)
    problem = f"needs {known}" if known else "has no server"
    raise UserError(f"--server {one_line(url)}: backend {backend!r} {problem}")


@contextmanager
def _table_database(kind: Kind, folder: Path, servers: Servers) -> Iterator[Settings]:
    if kind.server is None:
        yield sqlite(folder / "cache.sqlite3")
    else:
        with postgres(servers) as database:
            yield database


def sqlite(path: Path) -> Settings:
    """Return the entry in DATABASES of an SQLite file that many processes write to in turn."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "CONN_MAX_AGE": CONN_MAX_AGE_S,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": SQLITE_WAIT_S,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }


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
