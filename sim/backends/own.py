"""Backends of one's own: an entry of Django's CACHES, from a TOML file or a settings module, on a private place.

What the entry says about keys, timeouts and options counts. Its LOCATION is never used: a run has a server, a folder or
a store of its own, chosen by the class's ancestry.
"""

import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import BaseCache

from sim.backends.database import set_django_up
from sim.backends.embedded import EMBEDDED
from sim.backends.networked import MANY_CONNECTIONS, NETWORKED, REDIS_NEEDS, on_server
from sim.backends.patience import impatient
from sim.backends.places import Backend, Open, Place
from sim.backends.simulated import verbs_of
from sim.backends.trial import only_ours, try_out
from sim.backends.wire import wired_connection
from sim.daemons.programs import FAKETIME_THREADS, MEMCACHED
from sim.daemons.session import Servers
from sim.errors import UserError, one_line, unknown
from sim.virtual import virtualise_ancestry, virtualise_module

KEYS = ("BACKEND", "LOCATION", "TIMEOUT", "KEY_PREFIX", "VERSION", "OPTIONS", "KEY_FUNCTION")
SETTINGS = "settings:"  # begins the name of a backend that a settings module describes
# How to reach and enter somebody's server: of no use for a private one.
_ACCESS = ("password", "username", "host", "port", "unix_socket_path", "ssl", "socket_module", "connection_class")


def is_own(name: str) -> bool:
    """Return whether *name* says where a CACHES entry is: ``FILE.toml``, or ``settings:MODULE[:ALIAS]``."""
    return name.endswith(".toml") or name.startswith(SETTINGS)


def own_backend(name: str) -> Backend:
    """Return the backend that the CACHES entry at *name* describes.

    Raises:
        UserError: if there is no such entry, or nothing can be made of it.
    """
    entry = _entry(name)
    cls = _class_of(name, str(entry["BACKEND"]))
    family = _family(cls)
    given = {key: value for key, value in entry.items() if key not in ("BACKEND", "LOCATION")}
    what = f"{cls.__module__}.{cls.__qualname__} as {name.removeprefix(SETTINGS)} has it, on a private place"

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:
        virtualise_ancestry(cls)
        with family.open(servers, virtual=virtual) as place, only_ours(name, place):
            params = {
                **given,
                "OPTIONS": _merged(_without_access(given.get("OPTIONS") or {}), place.params.get("OPTIONS", {})),
            }
            made = place.cache_class if issubclass(place.cache_class, cls) else cls
            own_place = replace(place, cache_class=made, params=params, has_limits=False)
            if virtual:
                try_out(name, own_place)
            yield own_place

    return replace(family, name=name, what=what, open=opened)


def default_timeout(name: str) -> dict[str, Any]:
    """Return ``{"timeout": seconds or None}`` if the entry at *name* has a TIMEOUT, else nothing."""
    entry = _entry(name) if is_own(name) else {}
    return {"timeout": entry["TIMEOUT"]} if "TIMEOUT" in entry else {}


def _entry(name: str) -> Mapping[str, Any]:
    """Return the CACHES entry at *name*, checked."""
    entry = _of_settings(name.removeprefix(SETTINGS)) if name.startswith(SETTINGS) else _of_file(Path(name))
    if not isinstance(entry, Mapping) or not isinstance(entry.get("BACKEND"), str):
        raise UserError(
            f"{one_line(name)}: it must have a BACKEND, the path of a cache class, as an entry of CACHES does"
        )
    for key in entry:
        if key not in KEYS:
            raise UserError(f"{one_line(name)}: {unknown('key', str(key), KEYS)}")
    return entry


def _of_file(path: Path) -> Any:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{one_line(path)}: {error.strerror or 'cannot be read'}") from error
    except ValueError as error:
        raise UserError(f"{one_line(path)}: no TOML: {one_line(error, 120)}") from error


def _of_settings(target: str) -> Any:
    """Return the entry of ``MODULE[:ALIAS]``; the module is imported, Django is not set up with it."""
    module_name, _, alias = target.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # where the project is, as for its own manage.py
    try:
        module = import_module(module_name)
    except Exception as error:  # somebody's settings can raise anything
        raise UserError(
            f"settings {one_line(module_name)!r}: {type(error).__name__}: {one_line(error, 120)}"
        ) from error
    caches = getattr(module, "CACHES", None)
    if not isinstance(caches, Mapping):
        raise UserError(f"settings {one_line(module_name)!r} have no CACHES")
    if (alias or "default") not in caches:
        raise unknown(f"cache in settings {one_line(module_name)!r}:", alias or "default", map(str, caches))
    return caches[alias or "default"]


def _class_of(name: str, path: str) -> type[BaseCache]:
    module_name, _, class_name = path.rpartition(".")
    try:
        if module_name.startswith("django_"):
            set_django_up(name)  # such packages ask for settings when they are imported
        found: type[BaseCache] = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{one_line(name)}: BACKEND {one_line(path)!r}: {one_line(error, 120)}") from error
    return found


def _family(cls: type[BaseCache]) -> Backend:
    """Return the backend whose class is nearest among *cls*'s ancestors; with none it is a cache within the process."""
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
    """Any other client of Memcached: what it sends is hidden in C, so each call of the class is one round trip."""

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:
        virtualise_module("django.core.cache.backends.memcached")
        with on_server("memcached", impatient(cls), {}, servers, virtual=virtual) as place:
            yield place

    return _like("memcached", opened, primitives=verbs_of(cls), opaque=True, needs=(MEMCACHED, FAKETIME_THREADS))


def _valkey(cls: type[BaseCache]) -> Backend:
    """django-valkey, whose client is a fork of redis-py, on Redis."""

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:
        from django_valkey.base_pool import BaseConnectionFactory

        pool = {"connection_class": wired_connection("valkey"), "max_connections": MANY_CONNECTIONS}
        params = {"OPTIONS": {"CONNECTION_POOL_KWARGS": pool}}
        with on_server("redis", cls, params, servers, virtual=virtual) as place:
            try:
                yield place
            finally:
                # As in django-redis: it keeps its pools in a class, by address, for good.
                BaseConnectionFactory._pools.pop(place.location, None)

    return _like("django-redis", opened, needs=REDIS_NEEDS[:2])


_FURTHER: dict[str, Callable[[type[BaseCache]], Backend]] = {
    "django.core.cache.backends.memcached.BaseMemcachedCache": _pylibmc,
    "django_valkey.base.BaseValkeyCache": _valkey,
}


def _in_process(cls: type[BaseCache]) -> Backend:
    """A cache that needs no server, in a private folder that all workers share (if it keeps files at all)."""

    @contextmanager
    def opened(servers: Servers, *, virtual: bool) -> Iterator[Place]:  # noqa: ARG001 - what every opener takes
        with servers.folder() as folder:
            yield Place(cls, str(folder), _entries)

    return _like("file", opened, primitives=verbs_of(cls), opaque=True, needs=())


def _like(name: str, opened: Open, **changes: Any) -> Backend:
    """Return the backend *name* with *changes*, opened in another way."""
    model = next(backend for backend in (*EMBEDDED, *NETWORKED) if backend.name == name)
    return replace(model, open=opened, **changes)


def _entries(cache: Any) -> int:
    """Return how many entries a cache says it holds, 0 if it does not say."""
    holders: list[Any] = [cache, getattr(cache, "_cache", None)]
    return next((len(holder) for holder in holders if hasattr(holder, "__len__")), 0)


def _without_access(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if not key.lower().startswith(_ACCESS)}


def _merged(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Return their options with ours over them, the nested ones too."""
    both = {**theirs, **ours}
    for key in theirs.keys() & ours.keys():
        if isinstance(theirs[key], Mapping) and isinstance(ours[key], Mapping):
            both[key] = {**_without_access(theirs[key]), **ours[key]}
    return both
