"""The embedded backends: Django's own that need no server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache

from sim.backends.database import cache_table
from sim.backends.places import Backend, Place
from sim.daemons.session import Servers
from sim.virtual import PRIVATE

_STORE = ("get", "set", "add", "delete", "has_key", "touch", "clear")
# Django's classes differ in which calls touch the store themselves and which are built on others (read in Django 5.2):
# LocMem's incr is its own; the file backend's add is has_key then set; the database's get is get_many.
LOCMEM_CALLS = (*_STORE, "incr")
FILE_CALLS = ("get", "set", "delete", "has_key", "touch", "clear")
DATABASE_CALLS = ("get_many", "set", "add", "delete", "delete_many", "has_key", "touch", "clear")


@contextmanager
def _in_memory(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    yield Place(LocMemCache, f"{PRIVATE}{uuid.uuid4()}", lambda cache: len(cache._cache))  # type: ignore[attr-defined]


@contextmanager
def _in_folder(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    with servers.folder() as folder:
        yield Place(FileBasedCache, str(folder), lambda cache: len(cache._list_cache_files()))  # type: ignore[attr-defined]


@contextmanager
def _nowhere(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    yield Place(DummyCache, "", lambda _cache: 0)


@contextmanager
def _in_sqlite(servers: Servers, *, virtual: bool) -> Iterator[Place]:
    with servers.folder() as folder:
        sqlite = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": folder / "cache.sqlite3",
            # The file lives as long as the run: nothing has to survive a power cut.
            "OPTIONS": {"init_command": "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF"},
        }
        with cache_table(sqlite, "db") as place:
            yield place


EMBEDDED = (
    Backend(
        "shared",
        "a stand-in for a shared server: one LocMem store, a round trip away",
        one_store=True,
        primitives=LOCMEM_CALLS,
        open=_in_memory,
        auto_rtt_s="lognormal:0.0006:0.3",  # a server in the same data centre
    ),
    Backend(
        "locmem",
        "LocMem as Django has it: one store a worker process, no network",
        one_store=False,
        primitives=LOCMEM_CALLS,
        open=_in_memory,
        home="in memory, one private store a worker process",
    ),
    Backend(
        "file",
        "FileBasedCache in a private temporary folder, shared",
        one_store=True,
        primitives=FILE_CALLS,
        open=_in_folder,
        auto_rtt_s="lognormal:0.0002:0.5",  # a local disk
        home="in a private folder that all workers share",
    ),
    Backend(
        "db",
        "DatabaseCache on a private SQLite file, shared: the cache table is in a database of its own",
        one_store=True,
        primitives=DATABASE_CALLS,
        open=_in_sqlite,
        auto_rtt_s="lognormal:0.002:0.6",  # a query on a nearby database
        home="on a private SQLite file that all workers share",
    ),
    Backend(
        "dummy",
        "DummyCache: no cache at all",
        one_store=True,
        primitives=_STORE,
        open=_nowhere,
        home="which keeps nothing",
    ),
)
