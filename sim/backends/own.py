"""A user's own backend: an entry of Django's CACHES, from a TOML file or a settings module, at a private place.

The entry's keys, timeouts and options count. Its LOCATION is never used: a run has its own server, folder or store,
chosen by the base classes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.memcached import PyLibMCCache

from ..daemons.programs import FAKETIME_THREADS, MEMCACHED, Library
from ..daemons.session import Servers
from ..engine.virtual import virtualise_ancestry, virtualise_module
from .culls import unknown
from .embedded import EMBEDDED
from .entries import SETTINGS, class_of, entry_at
from .networked import NETWORKED, REDIS_NEEDS, on_server
from .patience import impatient
from .places import Backend, Open, Place, Wiring
from .simulated import verbs_of
from .trial import only_ours, try_out
from .until_2038 import until_2038

# Address and login of the user's server: not needed for a private one.
_ACCESS = ("password", "username", "host", "port", "unix_socket_path", "ssl", "socket_module", "connection_class")


def own_backend(name: str) -> Backend:
    """Return the backend that the CACHES entry at *name* describes.

    Raises:
        UserError: if there is no such entry, or it cannot be used.
    """
    entry = entry_at(name)
    cls = class_of(name, str(entry["BACKEND"]))
    told = described(name, entry, cls)

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:
        virtualise_ancestry(cls)
        with told.open(servers, virtual=virtual) as place, only_ours(name, servers.owns) as refused:
            if virtual:  # for a real run, it is tried in the worker process
                try_out(own, place, refused)
            yield place

    own = replace(told, open=opened)
    return own


def described(name: str, entry: Mapping[str, Any], cls: type[BaseCache]) -> Backend:
    """Return the backend that *entry* of CACHES describes, at a private place; *name* is the entry's place."""
    family = _family(cls)
    params = {key: value for key, value in entry.items() if key not in ("BACKEND", "LOCATION")}
    params["OPTIONS"] = _without_access(params.get("OPTIONS") or {})
    return replace(
        family,
        name=name,
        what=f"{cls.__module__}.{cls.__qualname__} as {name.removeprefix(SETTINGS)} has it, on a private place",
        cache_class=cls,
        params=params,
        has_limits=False,
        home=f"{cls.__module__}.{cls.__qualname__} {family.home}",
    )


def _family(cls: type[BaseCache]) -> Backend:
    """Return the backend whose class is the nearest base class of *cls*; without one, an in-process cache."""
    named = {backend.name: backend for backend in (*EMBEDDED, *NETWORKED)}
    for ancestor in cls.__mro__:
        path = f"{ancestor.__module__}.{ancestor.__qualname__}"
        if path in _FAMILIES:
            return named[_FAMILIES[path]]
        if path in _FURTHER:
            return _FURTHER[path](cls)
    return _in_process(cls)


_FAMILIES = {
    "django.core.cache.backends.locmem.LocMemCache": "locmem",
    "django.core.cache.backends.filebased.FileBasedCache": "file",
    "django.core.cache.backends.db.DatabaseCache": "db",
    "django.core.cache.backends.dummy.DummyCache": "dummy",
    "django.core.cache.backends.redis.RedisCache": "redis",
    "django.core.cache.backends.memcached.PyMemcacheCache": "memcached",
    "django_redis.cache.RedisCache": "django-redis",
}


def _pylibmc(cls: type[BaseCache]) -> Backend:
    """Any other client of Memcached: its commands are hidden in C, so each call of the class is one round trip."""

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:
        virtualise_module("django.core.cache.backends.memcached")
        with on_server("memcached", servers, virtual=virtual) as place:
            yield place

    # Django's class imports its client late; other classes have imported theirs by now.
    client = [Library("pylibmc", "pylibmc")] if issubclass(cls, PyLibMCCache) else []
    changes = {"in_simulation": _simulated_memcached, "wire": None, "primitives": verbs_of(cls), "opaque": True}
    return _like("memcached", opened, needs=(MEMCACHED, FAKETIME_THREADS, *client), **changes)


def _simulated_memcached(cls: type[BaseCache]) -> type[BaseCache]:
    return impatient(until_2038(cls))


def _valkey(_cls: type[BaseCache]) -> Backend:
    """django-valkey, whose client is a fork of redis-py, on Redis."""

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:
        from django_valkey.base_pool import BaseConnectionFactory

        with on_server("redis", servers, virtual=virtual) as place:
            try:
                yield place
            finally:
                # As django-redis, it keeps its pools in a class, by address, for ever.
                pool = BaseConnectionFactory._pools.pop(place.location, None)
                if pool is not None:
                    pool.disconnect()

    return _like("django-redis", opened, wire=Wiring("valkey", "CONNECTION_POOL_KWARGS"), needs=REDIS_NEEDS[:2])


_FURTHER: dict[str, Callable[[type[BaseCache]], Backend]] = {
    "django.core.cache.backends.memcached.BaseMemcachedCache": _pylibmc,
    "django_valkey.base.BaseValkeyCache": _valkey,
}


def _in_process(cls: type[BaseCache]) -> Backend:
    """A cache that needs no server, in a private folder that all workers share (if it keeps files at all)."""

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:  # noqa: ARG001 - every opener has this argument
        with servers.folder() as folder:
            yield Place(str(folder))

    home = "in a private folder that all workers share, if it keeps files"
    changes: dict[str, Any] = {"primitives": verbs_of(cls), "entries": _entries, "opaque": True, "culled": unknown}
    return _like("file", opened, needs=(), home=home, **changes)


def _like(name: str, opened: Open, **changes: Any) -> Backend:
    """Return the backend *name* with *changes*, opened by *opened*."""
    model = next(backend for backend in (*EMBEDDED, *NETWORKED) if backend.name == name)
    return replace(model, open=opened, **changes)


def _entries(cache: Any) -> int:
    """Return how many entries a cache says it holds, or 0 if it does not say."""
    holders: list[Any] = [cache, getattr(cache, "_cache", None)]
    return next((len(holder) for holder in holders if hasattr(holder, "__len__")), 0)


def _without_access(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return *options*, with nested ones, but without those of `_ACCESS`."""
    kept = {key: value for key, value in options.items() if not str(key).lower().startswith(_ACCESS)}
    return {key: _without_access(value) if isinstance(value, Mapping) else value for key, value in kept.items()}
