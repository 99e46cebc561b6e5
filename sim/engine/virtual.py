"""Virtual time and randomness for Django's cache code, in every module that sets or checks expiry.

The names `time`, `random`, `tz_now` and `router` in these modules are replaced once and stay replaced. A stand-in reads
from a context variable which run it is in. Outside a run it behaves exactly as before, and two runs in one process do
not affect each other. The time that a strategy's own code sees is in `request_time.py`.
"""

import importlib
import os
import random
import re
import sys
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import django.core.cache.backends.base
import django.core.cache.backends.filebased
import django.core.cache.backends.locmem
from django.conf import global_settings, settings
from django.utils import timezone

PRIVATE = "cachewise-"  # first part of the name of every database, store and folder of a run
_REAL_TIME = time.time  # the real function, even while a stand-in replaces it
EPOCH_S = 0.0  # a run starts at 1970-01-01 UTC: small numbers keep sums of times exact


class Clock(Protocol):
    """An object that knows the virtual time."""

    def time(self) -> float:
        """Return seconds since the run's start."""


@dataclass(frozen=True)
class CurrentRun:
    """The run, as far as Django's cache code needs it."""

    clock: Clock
    culling: random.Random
    database_alias: str | None = None
    engine: Any = None  # whose requests see virtual time (`cachewise.sim.engine.request_time`)
    epoch_s: float = EPOCH_S  # the run's first second, by the clock that Django's code shares with its server


CURRENT_RUN: ContextVar[CurrentRun | None] = ContextVar("cachewise_run", default=None)


class _VirtualTime:
    """The `time` module as a cache backend sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    @staticmethod
    def time() -> float:
        """Return the run's virtual time, or the real time outside a run."""
        current = CURRENT_RUN.get()
        return time.time() if current is None else current.epoch_s + current.clock.time()


class _VirtualChance:
    """The `random` module as the file backend sees it: the seed decides which entries it culls."""

    def __getattr__(self, name: str) -> Any:
        current = CURRENT_RUN.get()
        return getattr(random if current is None else current.culling, name)


class _VirtualRouter:
    """The database router as the database backend sees it: it leads to the run's private file, past project routers."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        current = CURRENT_RUN.get()
        if current is None or current.database_alias is None or name not in ("db_for_read", "db_for_write"):
            return getattr(self._real, name)
        return lambda _model, **_hints: current.database_alias

    def allow_migrate_model(self, database: str, model: Any) -> bool:
        """Return whether `createcachetable` may make its table there."""
        return database.startswith(PRIVATE) or bool(self._real.allow_migrate_model(database, model))


def _virtual_now() -> datetime:
    """Stand in for `django.utils.timezone.now`."""
    current = CURRENT_RUN.get()
    if current is None:
        return timezone.now()
    return datetime.fromtimestamp(current.epoch_s + current.clock.time(), tz=UTC if uses_time_zones() else None)


def uses_time_zones() -> bool:
    """Return the project's USE_TZ, or Django's default where there is no project."""
    there_is_one = settings.configured or os.environ.get("DJANGO_SETTINGS_MODULE")
    return bool((settings if there_is_one else global_settings).USE_TZ)


def virtualise() -> None:
    """Put the stand-ins for time and chance in place; harmless to repeat.

    Source: Django 5.2's `backends.base`, `backends.locmem` and `backends.filebased`, which call `time.time()`.
    """
    backends: Any = django.core.cache.backends
    for module in (backends.base, backends.locmem, backends.filebased):
        module.time = _TIME
    backends.filebased.random = _CHANCE
    # For speed only: Django compiles this expression lazily, and its proxy would slow down every call of a cache.
    chars = backends.base.memcached_error_chars_re
    backends.base.memcached_error_chars_re = re.compile(chars.pattern, chars.flags)


def virtualise_module(name: str) -> None:
    """Put virtual time in place in one more module, for its name `time` (the module or the function)."""
    module: Any = importlib.import_module(name)
    for attribute, value in list(vars(module).items()):
        if value is time:
            setattr(module, attribute, _TIME)
        elif value is _REAL_TIME or value is time.time:
            setattr(module, attribute, _TIME.time)


def virtualise_ancestry(cls: type) -> None:
    """Put virtual time in place in every module in which the class *cls* may ask for the time.

    These are the modules of its base classes, and all modules of their packages: the store of a cache class is often in
    another module. Django's own modules are replaced one by one.
    """
    packages = {ancestor.__module__.partition(".")[0] for ancestor in cls.__mro__} - {
        "builtins",
        "typing",
        "django",
        "abc",
    }
    for name in list(sys.modules):
        if name.partition(".")[0] in packages:
            virtualise_module(name)


def virtualise_database_cache() -> None:
    """Put virtual time in place for the database backend, which is imported only where it is used.

    Source: Django 5.2's `backends.db`, which imports `tz_now` and `router` by name, and its `createcachetable`.
    """
    backend: Any = importlib.import_module("django.core.cache.backends.db")
    command: Any = importlib.import_module("django.core.management.commands.createcachetable")
    backend.tz_now = _virtual_now
    for module in (backend, command):
        if not isinstance(module.router, _VirtualRouter):
            module.router = _VirtualRouter(module.router)


_TIME = _VirtualTime()
_CHANCE = _VirtualChance()
