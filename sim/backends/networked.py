"""The backends on private servers: cache classes of Django and django-redis, whose clients use the run's wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ..daemons.programs import FAKETIME, FAKETIME_THREADS, INITDB, MEMCACHED, POSTGRES, REDIS_SERVER, Library
from ..daemons.session import Servers
from ..engine.virtual import virtualise_module
from .culls import of_rows
from .database import DATABASE_CACHE, cache_table, set_django_up
from .embedded import DATABASE_CALLS
from .keys import refused_by_memcached, refused_by_table
from .places import DJANGO_MAX_ENTRIES, Backend, Place, Wiring
from .until_2038 import until_2038

if TYPE_CHECKING:
    from ..daemons.postgres import PostgresServer

SERVER_RTT_S = "lognormal:0.0006:0.3"  # a server in the same data centre
DATABASE_RTT_S = "lognormal:0.002:0.6"  # a query on a nearby database


@contextmanager
def on_server(kind: str, servers: Servers, *, virtual: bool) -> Iterator[Place]:
    """Give a place on the session's private server of *kind*."""
    with servers.taken(kind, virtual=virtual) as server:
        yield Place(server.location, server.entries, server=server)


@contextmanager
def _redis(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    with on_server("redis", servers, virtual=virtual) as place:
        yield place


@contextmanager
def _django_redis(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    set_django_up("django-redis")
    with on_server("redis", servers, virtual=virtual) as place:
        try:
            yield place
        finally:
            _forget_pool(place.location)


def _forget_pool(location: str) -> None:
    """Drop django-redis' connection pool, which it otherwise keeps for ever, by address, in a class."""
    from django_redis.pool import ConnectionFactory

    pool = ConnectionFactory._pools.pop(location, None)
    if pool is not None:
        pool.disconnect()


@contextmanager
def _memcached(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    virtualise_module("django.core.cache.backends.memcached")
    virtualise_module("pymemcache.client.hash")
    with on_server("memcached", servers, virtual=virtual) as place:
        yield place


@contextmanager
def _postgres(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    with (
        servers.taken("postgres", virtual=False) as server,
        cache_table(cast("PostgresServer", server).database, "postgres") as place,
    ):
        yield replace(place, server=server)


REDIS_NEEDS = (REDIS_SERVER, FAKETIME, Library("redis", "redis"))
_REDIS_URLS = {"redis://": "redis://", "rediss://": "rediss://", "unix://": "unix://"}
_MEMCACHED_URLS = {"memcached://": "", "unix://": "unix:"}

NETWORKED = (
    Backend(
        "redis",
        "Django's RedisCache on a private redis-server",
        one_store=True,
        primitives=(),
        open=_redis,
        cache_class="django.core.cache.backends.redis.RedisCache",
        has_limits=False,
        wire=Wiring("redis"),
        auto_rtt_s=SERVER_RTT_S,
        needs=REDIS_NEEDS,
        schemes=_REDIS_URLS,
    ),
    Backend(
        "memcached",
        "PyMemcacheCache on a private memcached",
        one_store=True,
        primitives=(),
        open=_memcached,
        cache_class="django.core.cache.backends.memcached.PyMemcacheCache",
        refuses=refused_by_memcached,
        has_limits=False,
        wire=Wiring("pymemcache"),
        auto_rtt_s=SERVER_RTT_S,
        needs=(MEMCACHED, FAKETIME_THREADS, Library("pymemcache", "pymemcache")),
        schemes=_MEMCACHED_URLS,
        in_simulation=until_2038,
    ),
    Backend(
        "postgres",
        "DatabaseCache on a private PostgreSQL: the cache table is in a database of its own",
        one_store=True,
        primitives=DATABASE_CALLS,
        open=_postgres,
        cache_class=DATABASE_CACHE,
        auto_max_entries=DJANGO_MAX_ENTRIES,
        culled=of_rows,
        refuses=refused_by_table,
        auto_rtt_s=DATABASE_RTT_S,
        needs=(INITDB, POSTGRES, Library("psycopg", "'psycopg[binary]'")),
    ),
    Backend(
        "django-redis",
        "django-redis' RedisCache on a private redis-server",
        one_store=True,
        primitives=(),
        open=_django_redis,
        cache_class="django_redis.cache.RedisCache",
        has_limits=False,
        wire=Wiring("redis", "CONNECTION_POOL_KWARGS"),
        auto_rtt_s=SERVER_RTT_S,
        needs=(*REDIS_NEEDS, Library("django_redis", "django-redis")),
        verbs=("delete_pattern", "lock", "expire", "pexpire", "persist", "ttl", "pttl", "keys", "iter_keys"),
        schemes=_REDIS_URLS,
        forget=_forget_pool,
    ),
)
