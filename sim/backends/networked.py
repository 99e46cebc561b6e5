"""The backends on private servers: Django's cache classes, and django-redis', with a wired client below them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from django.core.cache.backends.base import BaseCache

from sim.backends.database import cache_table, set_django_up
from sim.backends.embedded import DATABASE_CALLS
from sim.backends.places import Backend, Place
from sim.backends.wire import WIRED_SOCKETS, wired_connection
from sim.daemons.programs import FAKETIME, FAKETIME_THREADS, INITDB, MEMCACHED, POSTGRES, REDIS_SERVER, Library
from sim.daemons.session import Servers
from sim.virtual import virtualise_module

if TYPE_CHECKING:
    from sim.daemons.postgres import PostgresServer

SERVER_RTT_S = "lognormal:0.0006:0.3"  # a server in the same data centre
DATABASE_RTT_S = "lognormal:0.002:0.6"  # a query on a nearby database
Params = Mapping[str, Any]


@contextmanager
def on_server(
    kind: str, cache_class: type[BaseCache], params: Params, servers: Servers, *, virtual: bool
) -> Iterator[Place]:
    """Give a place on the session's private server of *kind*."""
    with servers.taken(kind, virtual=virtual) as server:
        yield Place(
            cache_class,
            server.location,
            lambda _cache: server.entries(),
            params=params,
            has_limits=False,
            server=server,
        )


@contextmanager
def _redis(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    from django.core.cache.backends.redis import RedisCache

    options = {"connection_class": wired_connection("redis"), "max_connections": MANY_CONNECTIONS}
    with on_server("redis", RedisCache, {"OPTIONS": options}, servers, virtual=virtual) as place:
        yield place


@contextmanager
def _django_redis(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    set_django_up("django-redis")
    from django_redis.cache import RedisCache
    from django_redis.pool import ConnectionFactory

    pool = {"connection_class": wired_connection("redis"), "max_connections": MANY_CONNECTIONS}
    params = {"OPTIONS": {"CONNECTION_POOL_KWARGS": pool}}
    with on_server("redis", RedisCache, params, servers, virtual=virtual) as place:
        try:
            yield place
        finally:
            # It keeps its pools in a class, by address, for good.
            ConnectionFactory._pools.pop(place.location, None)


@contextmanager
def _memcached(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    from django.core.cache.backends.memcached import PyMemcacheCache

    virtualise_module("django.core.cache.backends.memcached")
    virtualise_module("pymemcache.client.hash")
    params = {"OPTIONS": {"socket_module": WIRED_SOCKETS}}
    with on_server("memcached", PyMemcacheCache, params, servers, virtual=virtual) as place:
        yield place


@contextmanager
def _postgres(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    with (
        servers.taken("postgres", virtual=False) as server,
        cache_table(cast("PostgresServer", server).database, "postgres") as place,
    ):
        yield replace(place, server=server)


REDIS_NEEDS = (REDIS_SERVER, FAKETIME, Library("redis", "redis"))
MANY_CONNECTIONS = 100_000  # redis-py's own limit is 100 a process, the number of requests in flight can be higher

NETWORKED = (
    Backend(
        "redis",
        "Django's RedisCache on a private redis-server",
        one_store=True,
        primitives=(),
        open=_redis,
        auto_rtt_s=SERVER_RTT_S,
        needs=REDIS_NEEDS,
    ),
    Backend(
        "memcached",
        "PyMemcacheCache on a private memcached",
        one_store=True,
        primitives=(),
        open=_memcached,
        auto_rtt_s=SERVER_RTT_S,
        needs=(MEMCACHED, FAKETIME_THREADS, Library("pymemcache", "pymemcache")),
    ),
    Backend(
        "postgres",
        "DatabaseCache on a private PostgreSQL: the cache table is in a database of its own",
        one_store=True,
        primitives=DATABASE_CALLS,
        open=_postgres,
        auto_rtt_s=DATABASE_RTT_S,
        needs=(INITDB, POSTGRES, Library("psycopg", "'psycopg[binary]'")),
    ),
    Backend(
        "django-redis",
        "django-redis' RedisCache on a private redis-server",
        one_store=True,
        primitives=(),
        open=_django_redis,
        auto_rtt_s=SERVER_RTT_S,
        needs=(*REDIS_NEEDS, Library("django_redis", "django-redis")),
        verbs=("delete_pattern",),
    ),
)
