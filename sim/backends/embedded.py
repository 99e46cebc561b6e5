"""The embedded backends: Django's backends that need no server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache

from ..daemons.session import Servers
from ..engine.virtual import PRIVATE
from .culls import of_files, of_memory, of_rows
from .database import DATABASE_CACHE, cache_table, shared_sqlite, sqlite
from .keys import refused_by_table
from .places import DJANGO_MAX_ENTRIES, Backend, Place

_STORE = ("get", "set", "add", "delete", "has_key", "touch", "clear")
# Django's classes differ in which calls touch the store themselves and which are built on others (read in Django 5.2):
# LocMem's incr is its own; the file backend's add is has_key then set; the database's get is get_many.
LOCMEM_CALLS = (*_STORE, "incr")
FILE_CALLS = ("get", "set", "delete", "has_key", "touch", "clear")
DATABASE_CALLS = ("get_many", "set", "add", "delete", "delete_many", "has_key", "touch", "clear")


@contextmanager
def _in_memory(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    yield Place(f"{PRIVATE}{uuid.uuid4()}")


@contextmanager
def _in_folder(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    with servers.folder() as folder:
        yield Place(str(folder))


@contextmanager
def _nowhere(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    yield Place("")


@contextmanager
def _in_sqlite(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    with (
        servers.folder() as folder,
        cache_table((sqlite if virtual else shared_sqlite)(folder / "cache.sqlite3"), "db") as place,
    ):
        yield place


def _kept(cache: Any) -> int:
    return len(cache._cache)


def _files(cache: Any) -> int:
    return len(cache._list_cache_files())


EMBEDDED = (
    Backend(
        "shared",
        "a stand-in for a shared server: one LocMem store, a round trip away, without a limit",
        one_store=True,
        primitives=LOCMEM_CALLS,
        open=_in_memory,
        cache_class=LocMemCache,
        culled=of_memory,
        entries=_kept,
        auto_rtt_s="lognormal:0.0006:0.3",  # a server in the same data centre
    ),
    Backend(
        "locmem",
        "LocMem as Django has it: one store a worker process, no network",
        one_store=False,
        primitives=LOCMEM_CALLS,
        open=_in_memory,
        cache_class=LocMemCache,
        auto_max_entries=DJANGO_MAX_ENTRIES,
        culled=of_memory,
        entries=_kept,
        home="in memory, one private store for each worker process",
    ),
    Backend(
        "file",
        "FileBasedCache in a private temporary folder, shared",
        one_store=True,
        primitives=FILE_CALLS,
        open=_in_folder,
        cache_class=FileBasedCache,
        auto_max_entries=DJANGO_MAX_ENTRIES,
        culled=of_files,
        entries=_files,
        auto_rtt_s="lognormal:0.0002:0.5",  # a local disk
        home="in a private folder that all workers share",
    ),
    Backend(
        "db",
        "DatabaseCache on a private SQLite file, shared: the cache table is in a database of its own",
        one_store=True,
        primitives=DATABASE_CALLS,
        open=_in_sqlite,
        cache_class=DATABASE_CACHE,
        auto_max_entries=DJANGO_MAX_ENTRIES,
        culled=of_rows,
        refuses=refused_by_table,
        auto_rtt_s="lognormal:0.002:0.6",  # a query on a nearby database
        home="on a private SQLite file that all workers share",
    ),
    Backend(
        "dummy",
        "DummyCache: no cache at all",
        one_store=True,
        primitives=_STORE,
        open=_nowhere,
        cache_class=DummyCache,
        home="which keeps nothing",
    ),
)
