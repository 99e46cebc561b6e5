"""Places: where the cache and the rows of a real run live, each private to it."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.backends import NO_LIMIT, backend_named
from sim.errors import UserError, one_line
from sim.scenario import Scenario
from sim.servers import Servers
from sim.servers.postgres import PostgresServer
from sim.servers.server import Server

Settings = dict[str, Any]
CACHE_TABLE = "cachewise_cache"
TABLE_ALIAS = "cache"  # of the database that holds a cache table: not the rows', as in the simulation
# Connections live on between requests, as where a site cares about speed: opening one is no part of the simulation.
CONN_MAX_AGE_S = 60
SQLITE_WAIT_S = 60  # a writer waits for the one before it


@dataclass(frozen=True)
class CachePlace:
    """A real cache: its entry in CACHES, the methods of its class that reach the store, and its table's database."""

    cache: Settings
    primitives: tuple[str, ...]
    one_store: bool
    databases: Mapping[str, Settings] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """A place, and the private server it is on, if any."""

    place: CachePlace
    server: Server | None = None


@dataclass(frozen=True)
class Kind:
    """How a backend is made for real: Django's class, and what it needs beside a folder."""

    cache_class: str
    one_store: bool = True
    server: str | None = None  # the kind of its private server
    in_table: bool = False
    primitives: tuple[str, ...] = ("get", "set", "add", "delete", "has_key", "touch", "clear")
    options: Mapping[str, Any] | None = None  # None: MAX_ENTRIES and CULL_FREQUENCY
    schemes: Mapping[str, str] = field(default_factory=dict)  # of a foreign server's URL, to what LOCATION has for it


_DJANGO = "django.core.cache.backends"
_LOCMEM = ("get", "set", "add", "delete", "has_key", "touch", "clear", "incr")
_FILE = ("get", "set", "delete", "has_key", "touch", "clear")
_TABLE = ("get_many", "set", "add", "delete", "delete_many", "has_key", "touch", "clear")
_SERVER = ("get", "set", "add", "delete", "has_key", "touch", "clear", "incr", "get_many", "set_many", "delete_many")
_REDIS_URLS = {"redis://": "redis://", "rediss://": "rediss://", "unix://": "unix://"}
KINDS = {
    "shared": Kind(f"{_DJANGO}.locmem.LocMemCache", primitives=_LOCMEM),
    "locmem": Kind(f"{_DJANGO}.locmem.LocMemCache", one_store=False, primitives=_LOCMEM),
    "file": Kind(f"{_DJANGO}.filebased.FileBasedCache", primitives=_FILE),
    "db": Kind(f"{_DJANGO}.db.DatabaseCache", in_table=True, primitives=_TABLE),
    "dummy": Kind(f"{_DJANGO}.dummy.DummyCache"),
    "redis": Kind(f"{_DJANGO}.redis.RedisCache", server="redis", primitives=_SERVER, options={}, schemes=_REDIS_URLS),
    "memcached": Kind(
        f"{_DJANGO}.memcached.PyMemcacheCache",
        server="memcached",
        primitives=_SERVER,
        options={},
        schemes={"memcached://": "", "unix://": "unix:"},
    ),
    "postgres": Kind(f"{_DJANGO}.db.DatabaseCache", server="postgres", in_table=True, primitives=_TABLE),
    "django-redis": Kind(
        "django_redis.cache.RedisCache", server="redis", primitives=_SERVER, options={}, schemes=_REDIS_URLS
    ),
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
    if kind.options is not None and scenario.max_entries is not None:
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
    kind = check_backend(backend, scenario, foreign)
    limits = {
        "MAX_ENTRIES": NO_LIMIT if scenario.max_entries is None else scenario.max_entries,
        "CULL_FREQUENCY": scenario.cull_frequency,
    }
    entry: Settings = {"BACKEND": kind.cache_class, "OPTIONS": dict(limits if kind.options is None else kind.options)}
    if foreign is not None:
        entry["LOCATION"] = _location(backend, kind, foreign)
        yield Opened(CachePlace(entry, kind.primitives, kind.one_store))
    elif kind.in_table:
        entry["LOCATION"] = CACHE_TABLE
        with _table_database(kind, folder, servers) as database:
            yield Opened(CachePlace(entry, kind.primitives, kind.one_store, {TABLE_ALIAS: database}))
    else:
        server = servers.start(kind.server, virtual=False) if kind.server else None
        entry["LOCATION"] = str(folder / "cache") if server is None else server.location
        yield Opened(CachePlace(entry, kind.primitives, kind.one_store), server)


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
    try:
        import psycopg
    except ImportError:
        raise UserError("psycopg is not installed; python -m pip install 'cachewise[postgres]'") from None
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
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


class CacheTableRouter:
    """Keeps a cache table in its own database."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        """Return the database of the cache table for it, and no opinion on the rest."""
        return TABLE_ALIAS if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read
