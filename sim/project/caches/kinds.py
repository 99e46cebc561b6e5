"""Kinds: which backend each alias of a project's CACHES runs on, and which aliases share a store."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.cache.backends.dummy import DummyCache

from ...backends import Backend, Limits, backend_named, params_of
from ...backends.entries import class_of
from ...backends.own import described
from ...daemons.programs import MEMCACHED, POSTGRES, REDIS_SERVER
from ...errors import UserError
from .stores import Sessions

_KEPT = ("TIMEOUT", "KEY_PREFIX", "VERSION", "KEY_FUNCTION")
_HERE = ("", "localhost", "127.0.0.1", "::1")
Address = tuple[str, int, int]  # a Redis: host (or the path of a socket), port, database


@dataclass(frozen=True)
class Kind:
    """What an alias runs on: a backend with the params of its entry, and its place, `home`.

    Aliases with the same home share a store. `address` is the Redis in the project's settings.
    """

    alias: str
    backend: Backend
    params: Mapping[str, Any]
    home: tuple[Any, ...]
    address: Address | None

    @property
    def cls(self) -> type:
        """The cache class, for virtual time."""
        return self.backend.load(virtual=True)

    @property
    def server(self) -> str:
        """The kind of its server: "redis", "memcached", "postgres", or ""."""
        programs = {REDIS_SERVER: "redis", MEMCACHED: "memcached", POSTGRES: "postgres"}
        return next((kind for program, kind in programs.items() if program in self.backend.needs), "")

    @property
    def keeps_rows(self) -> bool:
        """Whether it is a table in a database."""
        from django.core.cache.backends.db import BaseDatabaseCache

        return issubclass(self.cls, BaseDatabaseCache)


def backend_of(alias: str, entry: Mapping[str, Any]) -> Backend:
    """Return the backend that the *entry* of *alias* describes.

    Raises:
        UserError: if its BACKEND is no cache class.
    """
    name = f"CACHES[{alias!r}]"
    if "BACKEND" not in entry:
        raise UserError(f"{name}: it has no BACKEND")
    return described(name, entry, class_of(name, str(entry["BACKEND"]), guarded=False))  # all is guarded


def keeps_nothing(alias: str, entry: Mapping[str, Any]) -> bool:
    """Return whether the *entry* of *alias* is a cache that never finds anything.

    Raises:
        UserError: if its BACKEND is no cache class.
    """
    return issubclass(backend_of(alias, entry).load(), DummyCache)


def kinds_of(
    entries: Mapping[str, Mapping[str, Any]], backend: str | None, limits: Limits, sessions: Sessions | None
) -> list[Kind]:
    """Return what each alias of CACHES runs on: the backend of its class, or *backend* if it holds copies.

    Raises:
        UserError: if a BACKEND is no cache class.
    """
    apart = {sessions.alias} - {"default"} if sessions else set()  # a cache that is only for sessions holds no copies
    return [_kind_of(alias, entry, None if alias in apart else backend, limits) for alias, entry in entries.items()]


def _kind_of(alias: str, entry: Mapping[str, Any], backend: str | None, limits: Limits) -> Kind:
    own = backend_of(alias, entry)
    location = entry.get("LOCATION", "")
    address = _address(location, entry.get("OPTIONS") or {}) if REDIS_SERVER in own.needs else None
    home = address or (str(entry["BACKEND"]), str(location))
    if backend is None or issubclass(own.load(), DummyCache):
        return Kind(alias, own, own.params, home, address)
    other = backend_named(backend)
    params = {**params_of(other, limits), **{key: entry[key] for key in _KEPT if key in entry}}
    return Kind(alias, other, params, home, address)


def _address(location: Any, options: Mapping[str, Any]) -> Address:
    """Return the address of the Redis at *location*; if it names several servers, the first."""
    first = location if isinstance(location, str) else next(iter(location or ()), "")
    url = urlsplit(re.split("[;,]", str(first))[0])
    asked = parse_qs(url.query)
    if url.scheme == "unix":
        number = asked.get("db", [str(options.get("db") or 0)])[0]
        return canonical(unquote(url.path), 0, number)
    path = url.path.strip("/")
    number = asked.get("db", [path or str(options.get("db") or options.get("DB") or 0)])[0]
    return canonical(url.hostname or "", url.port or 6379, number)


def canonical(host: str, port: int, database: Any) -> Address:
    """Return an address in the form that is used to compare addresses."""
    text = str(database)
    return "localhost" if host.lower() in _HERE else host.lower(), int(port), int(text) if text.isdigit() else 0
