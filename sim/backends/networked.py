"""The backends on private servers: Django's cache classes, and django-redis', with a wired client below them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.core.cache.backends.base import BaseCache

from sim.backends.database import cache_table, set_django_up
from sim.backends.embedded import DATABASE_CALLS
from sim.backends.places import Backend, Place
from sim.backends.wire import WIRED_SOCKETS, wired_connection
from sim.errors import UserError
from sim.servers.session import Servers
from sim.virtual import virtualise_module

SERVER_RTT_S = "lognormal:0.0006:0.3"  # a server in the same data centre
DATABASE_RTT_S = "lognormal:0.002:0.6"  # a query on a nearby database
Params = Mapping[str, Any]


def library(name: str, extra: str) -> Any:
    """Import a client library.

    Raises:
        UserError: if it is not installed, with the command that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed; python -m pip install 'cachewise[{extra}]'") from error


@contextmanager
def on_server(
    kind: str,
    cache_class: type[BaseCache],
    params: Params,
    servers: Servers,
    *,
    virtual: bool,
    location: Callable[[str], str] = str,
) -> Iterator[Place]:
    """Give a place on the session's private server of *kind*, which is this run's alone for the while."""
    server = servers.start(kind, virtual=virtual)
    if server.in_use:
        raise UserError(f"this session's {kind} server is in a run already; side by side, each run needs its own")
    server.in_use = True
    try:
        yield Place(
            cache_class,
            location(server.location),
            lambda _cache: server.entries(),
            params=params,
            has_limits=False,
            server=server,
        )
    finally:
        server.in_use = False


@contextmanager
def _redis(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    library("redis", "redis")
    from django.core.cache.backends.redis import RedisCache

    options = {"connection_class": wired_connection("redis"), "max_connections": MANY_CONNECTIONS}
    with on_server("redis", RedisCache, {"OPTIONS": options}, servers, virtual=virtual) as place:
        yield place


@contextmanager
def _django_redis(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    set_django_up("django-redis")
    cache_class = library("django_redis.cache", "django-redis").RedisCache
    pool = {"connection_class": wired_connection("redis"), "max_connections": MANY_CONNECTIONS}
    params = {"OPTIONS": {"CONNECTION_POOL_KWARGS": pool}}
    with on_server("redis", cache_class, params, servers, virtual=virtual) as place:
        try:
            yield place
        finally:
            # It keeps its pools in a class, by address, for good.
            import_module("django_redis.pool").ConnectionFactory._pools.pop(place.location, None)


@contextmanager
def _memcached(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    library("pymemcache", "memcached")
    from django.core.cache.backends.memcached import PyMemcacheCache

    virtualise_module("django.core.cache.backends.memcached")
    virtualise_module("pymemcache.client.hash")
    params = {"OPTIONS": {"socket_module": WIRED_SOCKETS}}
    with on_server("memcached", PyMemcacheCache, params, servers, virtual=virtual) as place:
        yield place


@contextmanager
def _postgres(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    library("psycopg", "postgres")
    server: Any = servers.start("postgres", virtual=virtual)
    with cache_table(server.database, "postgres") as place:
        yield place


MANY_CONNECTIONS = 100_000  # redis-py's own limit is 100 a process, the number of requests in flight can be higher

NETWORKED = (
    Backend(
        "redis",
        "Django's RedisCache on a private redis-server",
        one_store=True,
        primitives=(),
        open=_redis,
        auto_rtt_s=SERVER_RTT_S,
    ),
    Backend(
        "memcached",
        "PyMemcacheCache on a private memcached",
        one_store=True,
        primitives=(),
        open=_memcached,
        auto_rtt_s=SERVER_RTT_S,
    ),
    Backend(
        "postgres",
        "DatabaseCache on a private PostgreSQL: the cache table is in a database of its own",
        one_store=True,
        primitives=DATABASE_CALLS,
        open=_postgres,
        auto_rtt_s=DATABASE_RTT_S,
    ),
    Backend(
        "django-redis",
        "django-redis' RedisCache on a private redis-server",
        one_store=True,
        primitives=(),
        open=_django_redis,
        auto_rtt_s=SERVER_RTT_S,
        verbs=("delete_pattern",),
    ),
)
