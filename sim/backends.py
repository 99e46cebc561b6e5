"""The backends: Django's own cache classes, each put a round trip away from the workers.

A dynamic subclass adds the wait to the calls that touch the store, and to nothing else, so that composite calls
(`get_or_set`, `incr_version`, `get_many`, the file backend's `add`) run through Django's code and can be interleaved
with other requests in the middle.
"""

import asyncio
import inspect
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from threading import Lock, get_ident
from typing import Any, NamedTuple

import django
from django.apps import apps
from django.conf import settings
from django.core.cache.backends import locmem
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache

from sim.engine import Engine
from sim.errors import StrategyError, UserError, one_line, unknown
from sim.interrupts import temporary_folder
from sim.latency import LatencyOf
from sim.virtual import PRIVATE, virtualise, virtualise_database_cache

NO_LIMIT = sys.maxsize  # as MAX_ENTRIES
Params = dict[str, Any]


class Call(NamedTuple):
    """One call that reached a cache's store; `at_s` is when it took effect, `result` may be the exception it raised."""

    at_s: float
    worker: int
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any


@dataclass(frozen=True)
class Place:
    """Where a run's cache lives: how to make a worker's cache object, and how many entries one holds."""

    cache_class: type[BaseCache]
    location: str
    entries: Callable[[BaseCache], int]
    database_alias: str | None = None


@dataclass(frozen=True)
class Backend:
    """A cache backend by its short name. `primitives` are the methods of its class that touch the store directly."""

    name: str
    what: str
    one_store: bool  # False: one store a worker process
    primitives: tuple[str, ...]
    open: Callable[[], AbstractContextManager[Place]]


class Caches(NamedTuple):
    """A run's caches: one object a worker (the same one where the store is shared)."""

    of_worker: list[BaseCache]
    database_alias: str | None
    entries: Callable[[], int]


@contextmanager
def open_caches(
    backend: Backend, engine: Engine, rtt: LatencyOf | None, params: Params, workers: int, log: list[Call] | None
) -> Iterator[Caches]:
    """Open *backend* for a run, with a round trip of *rtt*; what it created is gone afterwards.

    Every call to a store is appended to *log*, if there is one.
    """
    virtualise()
    with backend.open() as place:
        simulated = _subclass(place.cache_class, backend.primitives, engine, rtt, log)
        stores = 1 if backend.one_store else workers
        caches = [_private(simulated, place.location, params) for _ in range(stores)]
        of_worker = caches * workers if backend.one_store else caches
        yield Caches(of_worker, place.database_alias, lambda: sum(place.entries(cache) for cache in caches))


def backend_named(name: str) -> Backend:
    """Return the backend called *name*.

    Raises:
        UserError: naming the nearest backend there is.
    """
    if name not in BACKENDS:
        raise unknown("backend", name, BACKENDS)
    return BACKENDS[name]


def cache_params(max_entries: int | None, cull_frequency: int) -> Params:
    """Return Django's cache parameters; no limit is the largest number there is."""
    limit = NO_LIMIT if max_entries is None else max_entries
    return {"OPTIONS": {"MAX_ENTRIES": limit, "CULL_FREQUENCY": cull_frequency}}


def _subclass(
    cls: type[BaseCache], primitives: tuple[str, ...], engine: Engine, rtt: LatencyOf | None, log: list[Call] | None
) -> type[BaseCache]:
    """Return *cls* with a round trip before each primitive, and with async twins that refuse."""
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    for name in primitives:
        method = getattr(cls, name)
        remote = _with_round_trip(method if log is None else _logged(method, engine, log), engine, rtt)
        members[name] = _unless_empty(method, remote) if name.endswith("_many") else remote
    for name, _method in inspect.getmembers(BaseCache, inspect.iscoroutinefunction):
        members[name] = _refused(name)
    if issubclass(cls, FileBasedCache):
        members["_list_cache_files"] = lambda self: sorted(cls._list_cache_files(self))  # type: ignore[attr-defined]
    if hasattr(cls, "_cull"):
        members["_cull"] = _culling_at_once(cls)
    return type(cls.__name__, (cls,), members)


def _with_round_trip(method: Callable[..., Any], engine: Engine, rtt: LatencyOf | None) -> Callable[..., Any]:
    """Return *method* taking effect half a round trip after the call; the other half becomes the request's debt."""

    @wraps(method)
    def at_once(self: BaseCache, *args: Any, **kwargs: Any) -> Any:
        if get_ident() != engine.thread:
            raise _elsewhere(method)
        engine.current.cache_calls += 1
        return method(self, *args, **kwargs)

    if rtt is None:
        return at_once

    @wraps(method)
    def half_way(self: BaseCache, *args: Any, **kwargs: Any) -> Any:
        if get_ident() != engine.thread:
            raise _elsewhere(method)
        task = engine.current
        nth = task.cache_calls
        task.cache_calls = nth + 1
        half_s = rtt(task.request, nth) * 0.5
        debt_s, task.debt_s = task.debt_s, half_s
        engine.wait(debt_s + half_s)
        return method(self, *args, **kwargs)

    return half_way


def _elsewhere(method: Callable[..., Any]) -> StrategyError:
    what = f"cache.{method.__name__}() in another thread (async_to_sync starts one, too)"
    return StrategyError(f"{what} cannot wait in virtual time; call it in the request's own")


def _unless_empty(method: Callable[..., Any], remote: Callable[..., Any]) -> Callable[..., Any]:
    """Return *remote*, but *method* itself where there are no keys: Django sends nothing then."""

    @wraps(method)
    def batch(self: BaseCache, keys: Any, version: int | None = None) -> Any:
        return (remote if keys else method)(self, keys, version)

    return batch


def _logged(method: Callable[..., Any], engine: Engine, log: list[Call]) -> Callable[..., Any]:
    @wraps(method)
    def logged(self: BaseCache, *args: Any, **kwargs: Any) -> Any:
        result: Any = None
        try:
            result = method(self, *args, **kwargs)
        except Exception as error:
            result = error
            raise
        finally:
            worker = engine.current.worker
            if worker >= 0:  # no worker: a look at what the run has left behind
                log.append(Call(engine.time(), worker, method.__name__, args, kwargs, result))
        return result

    return logged


def _culling_at_once(cls: Any) -> Callable[..., None]:
    """Return *cls*'s `_cull` as a part of the call that made it necessary: its `clear` is no round trip of its own."""

    def cull(self: Any, *args: Any) -> None:
        if self._max_entries == NO_LIMIT:
            return  # so would Django, but the file backend lists its whole folder first
        self.clear = partial(cls.clear, self)
        try:
            cls._cull(self, *args)
        finally:
            del self.clear

    return cull


def _refused(name: str) -> Callable[..., Any]:
    def refuse(_self: BaseCache, *_args: Any, **_kwargs: Any) -> Any:
        raise StrategyError(f"cache.{name}(): an async call cannot wait in virtual time; use cache.{name[1:]}()")

    return refuse


def _private(cls: type[BaseCache], location: str, params: Params) -> BaseCache:
    """Return a cache object whose store nobody else can reach."""
    make: Any = cls  # BaseCache itself takes no location, all its subclasses do
    cache: BaseCache = make(location, params)
    if isinstance(cache, LocMemCache):
        # Django keeps LocMem's stores in module globals, by location.
        for stores in (locmem._caches, locmem._expire_info, locmem._locks):  # type: ignore[attr-defined]
            del stores[location]
    return cache


@contextmanager
def _in_memory() -> Iterator[Place]:
    yield Place(LocMemCache, f"{PRIVATE}{uuid.uuid4()}", lambda cache: len(cache._cache))  # type: ignore[attr-defined]


@contextmanager
def _in_folder() -> Iterator[Place]:
    with temporary_folder(PRIVATE) as folder:
        yield Place(FileBasedCache, str(folder), lambda cache: len(cache._list_cache_files()))  # type: ignore[attr-defined]


@contextmanager
def _nowhere() -> Iterator[Place]:
    yield Place(DummyCache, "", lambda _cache: 0)


@contextmanager
def _in_database() -> Iterator[Place]:
    """A private SQLite file under an alias of this thread alone, unknown to the project's settings and routers."""
    _set_django_up()
    from django.core.cache.backends.db import DatabaseCache
    from django.core.management.commands.createcachetable import Command
    from django.db import connections
    from django.db.utils import ConnectionHandler

    virtualise_database_cache()
    alias, table = f"{PRIVATE}{uuid.uuid4()}", "cachewise_cache"

    def entries(_cache: BaseCache) -> int:
        with connections[alias].cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608 - our own table's name
            return int(cursor.fetchone()[0])

    with _outside_event_loops(), temporary_folder(PRIVATE) as folder:
        sqlite = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": folder / "cache.sqlite3",
            # The file lives as long as the run: nothing has to survive a power cut.
            "OPTIONS": {"init_command": "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF"},
        }
        connections[alias] = ConnectionHandler({"default": {}, alias: sqlite}).create_connection(alias)
        try:
            command = Command()
            command.verbosity = 0
            command.create_table(alias, table, dry_run=False)
            yield Place(DatabaseCache, table, entries, alias)
        finally:
            connections[alias].close()
            del connections[alias]


def _set_django_up() -> None:
    """Configure Django if no project has done so: the database backend needs settings.

    Raises:
        UserError: when the project's settings cannot be loaded.
    """
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    with _SETTING_UP:
        if not settings.configured and not module:
            settings.configure(USE_TZ=True)
        try:
            if not apps.ready:
                django.setup()
        except Exception as error:  # a project's settings and apps can raise anything
            raise UserError(
                f"backend 'db' sets Django up, which fails (DJANGO_SETTINGS_MODULE is {module!r:.60}): "
                f"{type(error).__name__}: {one_line(error)}"
            ) from error


@contextmanager
def _outside_event_loops() -> Iterator[None]:
    """Hide the event loop this thread may be in (a notebook's): Django's database code refuses to run under one."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


_SETTING_UP = Lock()


_STORE = ("get", "set", "add", "delete", "has_key", "touch", "clear")
# Django's classes differ in which calls touch the store themselves and which are built on others (read in Django 5.2):
# LocMem's incr is its own; the file backend's add is has_key then set; the database's get is get_many.
_LOCMEM = (*_STORE, "incr")
_FILE = ("get", "set", "delete", "has_key", "touch", "clear")
_DATABASE = ("get_many", "set", "add", "delete", "delete_many", "has_key", "touch", "clear")

BACKENDS = {
    backend.name: backend
    for backend in (
        Backend(
            "shared",
            "a stand-in for a shared server: one LocMem store, a round trip away",
            one_store=True,
            primitives=_LOCMEM,
            open=_in_memory,
        ),
        Backend(
            "locmem",
            "LocMem as Django has it: one store a worker process, no network",
            one_store=False,
            primitives=_LOCMEM,
            open=_in_memory,
        ),
        Backend(
            "file",
            "FileBasedCache in a private temporary folder, shared",
            one_store=True,
            primitives=_FILE,
            open=_in_folder,
        ),
        Backend(
            "db",
            "DatabaseCache on a private SQLite file, shared: the cache table is in a database of its own",
            one_store=True,
            primitives=_DATABASE,
            open=_in_database,
        ),
        Backend("dummy", "DummyCache: no cache at all", one_store=True, primitives=_STORE, open=_nowhere),
    )
}
