"""Places: where the cache and the rows of a real run live, each private to it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.backends import backend_named, cache_params
from sim.errors import UserError
from sim.scenario import Scenario
from sim.virtual import PRIVATE

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
def cache_place(backend: str, scenario: Scenario, folder: Path) -> Iterator[CachePlace]:
    """Yield a private place for *backend*'s cache; what it needs on disk is in *folder*.

    Raises:
        UserError: for a backend that has no real counterpart.
    """
    known = backend_named(backend)
    if backend not in _OPENERS:
        raise UserError(f"backend {backend!r} runs in the simulation only; on the wall clock: {', '.join(_OPENERS)}")
    if backend == "shared" and (scenario.workers or 1) > 1:
        raise UserError(
            "backend 'shared' is one LocMem store, which several processes cannot share; "
            "on the wall clock choose a real server, or --set workers=1"
        )
    entry, databases = _OPENERS[backend](folder)
    params = cache_params(scenario.max_entries, scenario.cull_frequency)
    yield CachePlace({"TIMEOUT": 300, **params, **entry}, known.primitives, known.one_store, databases)


def _in_memory(_folder: Path) -> tuple[Settings, Mapping[str, Settings]]:
    return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": PRIVATE}, {}


def _in_folder(folder: Path) -> tuple[Settings, Mapping[str, Settings]]:
    return {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(folder / "cache")}, {}


def _in_table(folder: Path) -> tuple[Settings, Mapping[str, Settings]]:
    entry = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": CACHE_TABLE}
    return entry, {TABLE_ALIAS: sqlite(folder / "cache.sqlite3")}


def _nowhere(_folder: Path) -> tuple[Settings, Mapping[str, Settings]]:
    return {"BACKEND": "django.core.cache.backends.dummy.DummyCache", "LOCATION": ""}, {}


_OPENERS: dict[str, Callable[[Path], tuple[Settings, Mapping[str, Settings]]]] = {
    "shared": _in_memory,
    "locmem": _in_memory,
    "file": _in_folder,
    "db": _in_table,
    "dummy": _nowhere,
}


class CacheTableRouter:
    """Keeps a cache table in its own database."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        """Return the database of the cache table for it, and no opinion on the rest."""
        return TABLE_ALIAS if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read
