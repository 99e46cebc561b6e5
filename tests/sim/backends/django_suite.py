"""Django's own cache tests against the cache of a run: each class of them is one request, and sleeps in virtual time.

It is a process of its own (``python -m tests.sim.backends.django_suite BACKEND``), since those tests want Django's
settings to themselves. It prints what became of each test, as JSON.
"""

import json
import sys
import tempfile
import unittest
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import django
from django.conf import settings
from django.core.cache import CacheHandler
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import connections
from django.test import TestCase, override_settings
from django.test.utils import setup_test_environment

from cachewise import Row, Site, run
from cachewise.sim.backends import Backend, Call, backend_named
from cachewise.sim.backends.wire import wired
from cachewise.sim.engine.virtual import CURRENT_RUN
from tests.django_source import FOLDER
from tests.helpers import Custom, script

DJANGO = "django.core.cache.backends"
LOCMEM = f"{DJANGO}.locmem.LocMemCache"
DUMMY = f"{DJANGO}.dummy.DummyCache"
DJANGO_REDIS = "django_redis.cache.RedisCache"
OURS = "the run's own"  # as a LOCATION
TABLE = "test cache table"  # what they call theirs
# Django's classes of tests about a cache class; django-redis has ours, of those that all backends have in common.
OWN = {
    LOCMEM: ("LocMemCacheTests", "DefaultNonExpiringCacheKeyTests"),
    f"{DJANGO}.filebased.FileBasedCache": ("FileBasedCacheTests", "FileBasedCachePathLibTests"),
    f"{DJANGO}.db.DatabaseCache": ("DBCacheTests", "DBCacheWithTimeZoneTests"),
    f"{DJANGO}.redis.RedisCache": ("RedisCacheTests",),
    f"{DJANGO}.memcached.PyMemcacheCache": ("PyMemcacheCacheTests",),
    f"{DJANGO}.memcached.PyLibMCCache": ("PyLibMCCacheTests",),
    DJANGO_REDIS: ("DjangoRedisTests",),
    DUMMY: ("DummyCacheTests",),
}
# And about what is built on a cache, where it is LocMem's turn: here it is that of any cache that keeps something.
ON_TOP = (
    "CacheUtils",
    "PrefixedCacheUtils",
    "CacheHEADTest",
    "CacheI18nTest",
    "PrefixedCacheI18nTest",
    "CacheMiddlewareTest",
    "TestWithTemplateResponse",
)


def main(backend: str) -> None:
    """Play all classes that concern *backend*, and print of each its tests' outcomes, its calls and how long it took.

    An outcome is "passed", "skipped: why" or a traceback; the calls are those that reached the store; the time is
    virtual.
    """
    known = backend_named(backend)
    path = path_of(known)
    set_up(path)
    classes = {name: {path} for name in OWN[path]} | {name: {path, LOCMEM} for name in ON_TOP if path != DUMMY}
    told: dict[str, Any] = {}
    log: list[Call] = []

    def read(site: Site, key: str) -> Row:
        if key in classes:
            began_s, before = site.time(), len(log)
            outcomes = played(site, key, known, classes[key])
            told[key] = {"outcomes": outcomes, "calls": len(log) - before, "took_s": site.time() - began_s}
        return Row(key, 0, b"")

    steps = [(float(place), "read", name) for place, name in enumerate(("start", *classes))]
    with tempfile.TemporaryDirectory() as folder:
        scenario = script(Path(folder), [*steps, (1e5 + 0.5, "read", "end")], cache_rtt_s="auto", threads=1)
        run(scenario, Custom(read), backend=backend, log=log)
    print(json.dumps(told))  # noqa: T201 - read by the test


def path_of(backend: Backend) -> str:
    """Return the path by which settings name *backend*'s class."""
    cls = backend.load()
    return DJANGO_REDIS if backend.name == "django-redis" else f"{cls.__module__}.{cls.__qualname__}"


def set_up(path: str) -> None:
    """Set Django up for its tests, which find the class at *path* among the caches."""
    sys.path.insert(0, str(FOLDER))
    memory = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(
        CACHES={"default": {"BACKEND": path, "LOCATION": OURS}},
        DATABASES={"default": memory, "other": memory},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["cache"],
        LANGUAGE_CODE="en",
        SECRET_KEY="for tests",  # noqa: S106 - of nothing
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=False,
    )
    django.setup()
    setup_test_environment()
    call_command("migrate", run_syncdb=True, verbosity=0)  # a model whose objects are cached


def class_named(name: str) -> Any:
    """Return the class of tests called *name*, once Django is set up."""
    from cache import tests

    if name != "DjangoRedisTests":
        return getattr(tests, name)
    base = {"BACKEND": DJANGO_REDIS, "LOCATION": OURS}
    caches = tests.caches_setting_for_tests(base=base, exclude=tests.redis_excluded_caches)
    return override_settings(CACHES=caches)(type(name, (tests.BaseCacheTests, TestCase), {}))


def played(site: Site, name: str, backend: Backend, paths: set[str]) -> dict[str, str]:
    """Return what becomes of each test of the class *name* in this request; caches of *paths* are the run's."""
    cls = class_named(name)
    result = unittest.TestResult()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(cls)
    names = [test._testMethodName for test in suite]
    with ours(site, backend, paths), at_home(site, cls):
        suite.run(result)

    def called(test: Any) -> str:  # a class has an id, too, and so has a part of a test
        return getattr(getattr(test, "test_case", test), "_testMethodName", str(test))

    told = {called(test): f"skipped: {why}" for test, why in result.skipped}
    told |= {called(test): why for test, why in (*result.errors, *result.failures)}
    return {**dict.fromkeys(names, "passed"), **told}


def place_of(cache: Any) -> Any:
    """Return where *cache* is, as its class keeps it: its servers, its folder, its table, or nothing."""
    return next((vars(cache)[one] for one in ("_servers", "_server", "_dir", "_table") if one in vars(cache)), "")


@contextmanager
def ours(site: Site, backend: Backend, paths: set[str]) -> Iterator[None]:
    """Make every cache that the tests' settings ask for, of a class in *paths*, one of the run.

    The default one is `site.cache` itself, unless a test has params of its own for it; all others are of its class and
    in its place, a round trip away as it is.
    """
    theirs = CacheHandler.create_connection
    cache: Any = site.cache

    def create_connection(self: Any, alias: str) -> Any:
        params = {**self.settings[alias]}
        if params.pop("BACKEND") not in paths:
            return theirs(self, alias)
        location = params.pop("LOCATION", "")
        if location == "other" and not isinstance(cache, LocMemCache):  # a second store, where a run has but one
            location, params["KEY_PREFIX"] = "", location
        if location in ("", OURS):
            location = place_of(cache)
        if alias == "default" and not params and str(location) == str(place_of(cache)):
            return cache
        made = type(cache)(location, wired(params, backend.wire, virtual=True))
        if location == "" and isinstance(cache, LocMemCache):  # Django keeps a store of this name, a run has its own
            vars(made).update({name: vars(cache)[name] for name in ("_cache", "_expire_info", "_lock")})
        return made

    with mock.patch.object(CacheHandler, "create_connection", create_connection):
        yield


@contextmanager
def at_home(site: Site, cls: Any) -> Iterator[None]:
    """Let the tests of *cls* have the run's folder for theirs, or the run's database, and their table for the run's."""
    cache: Any = site.cache
    alias = CURRENT_RUN.get().database_alias  # type: ignore[union-attr]

    def in_place(_self: object) -> str:
        Path(cache._dir).mkdir(exist_ok=True)  # the test before has removed it
        return str(cache._dir)

    with ExitStack() as undone:
        if hasattr(cls, "mkdtemp"):
            undone.enter_context(mock.patch.object(cls, "mkdtemp", in_place))
        if alias is not None:
            undone.callback(connections.__setitem__, "default", connections["default"])
            connections["default"] = connections[alias]
            undone.enter_context(mock.patch.object(cls, "databases", {"default"}))
            call_command("migrate", run_syncdb=True, verbosity=0)
        if alias is not None and cls.__name__ in OWN[f"{DJANGO}.db.DatabaseCache"]:
            undone.callback(cache.__init__, cache._table, {})
            cache.__init__(TABLE, {})
        yield


if __name__ == "__main__":
    main(*sys.argv[1:])
