"""Django's own cache tests hold for the cache of a run, on every backend (`make suite` fetches them)."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import django
import pytest

from tests.django_source import FOLDER
from tests.helpers import ROOT, STORING
from tests.sim.backends.django_suite import ON_TOP, OWN

pytestmark = [pytest.mark.proof, pytest.mark.servers]

SUITE = "tests.sim.backends.django_suite"
PYLIBMC = 'BACKEND = "django.core.cache.backends.memcached.PyLibMCCache"\n'
BACKENDS = (*STORING, "dummy", "pylibmc")
SERVERS = ("redis", "memcached", "django-redis", "pylibmc")
CULLS = ("test_cull", "test_cull_delete_when_store_empty", "test_zero_cull")

# What django-redis does in its own way, on any site.
NOTHING_IS_FALSE = "it returns None where Django returns an empty list"
NO_KEY_IS_WRONG = "it warns of no key"
DJANGO_REDIS = {
    "test_set_many_empty_data": NOTHING_IS_FALSE,
    "test_set_many_returns_empty_list_on_success": NOTHING_IS_FALSE,
    "test_delete_many_no_keys": "it returns how many it has deleted",
    "test_invalid_key_characters": NO_KEY_IS_WRONG,
    "test_invalid_key_length": NO_KEY_IS_WRONG,
    "test_invalid_with_version_key_length": NO_KEY_IS_WRONG,
    "test_incr_version": "it takes a stored None for a missing key",
    "test_decr_version": "it takes a stored None for a missing key",
}

# Classes that no run plays, and why.
LEFT_OUT = {
    "BaseCacheTests": "what the classes about a backend have in common",
    "BaseMemcachedTests": "what the classes about a client of memcached have in common",
    "CreateCacheTableForDBCacheTests": "about a command and a router of its own: no cache is used",
    "CustomCacheKeyValidationTests": "about a cache class of its own",
    "CacheClosingTests": "about a cache class of its own",
    "TestMakeTemplateFragmentKey": "about a function that makes a name: no cache is used",
    "CacheHandlerTest": "about Django's register of caches: no cache is used",
    "AsyncDummyCacheTests": "a run's cache has no async calls: they cannot wait in virtual time",
}


@pytest.fixture(autouse=True)
def _fetched() -> None:
    """Skip where Django's tests have not been fetched, and say so; where CI is true, fail instead."""
    if not FOLDER.is_dir():
        message = f"Django's own tests of {django.__version__} are not here; make suite fetches them"
        pytest.fail(message, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(message)


def played(*command: str) -> Mapping[str, Any]:
    """Return what a process of the suite has printed: of each class the outcomes, the calls and the virtual time."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    told: Mapping[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("backend", BACKENDS)
def test_djangos_own_tests_pass(tmp_path: Path, backend: str) -> None:
    """All of them do, but for those that Django skips and what is django-redis' own way.

    Each class about a backend reaches the store, and sleeps for seconds in virtual time.
    """
    (tmp_path / "pylibmc.toml").write_text(PYLIBMC)
    told = played("-m", SUITE, str(tmp_path / "pylibmc.toml") if backend == "pylibmc" else backend)
    outcomes = {test: told[name]["outcomes"][test] for name in told for test in told[name]["outcomes"]}
    failed = {test: why for test, why in outcomes.items() if why != "passed" and not why.startswith("skipped: ")}
    own_way = DJANGO_REDIS if backend == "django-redis" else {}
    assert set(failed) == set(own_way), "\n".join(why for test, why in failed.items() if test not in own_way)
    skipped = {test: why for test, why in outcomes.items() if why.startswith("skipped: ")}
    assert skipped == dict.fromkeys(CULLS if backend in SERVERS else (), "skipped: Culling isn't implemented.")
    assert set(told) >= ({"DummyCacheTests"} if backend == "dummy" else {*ON_TOP})
    for name, of_class in told.items():
        assert len(of_class["outcomes"]) > 1, name
        assert of_class["calls"] > 1, name
    assert next(iter(told.values()))["took_s"] >= 2


def test_every_class_is_played_or_left_out_for_a_reason() -> None:
    """A release of Django with further classes of tests does not go by unseen."""
    bases: dict[str, list[str]] = {}
    for path in FOLDER.glob("cache/test*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                has_tests = any(getattr(one, "name", "").startswith("test_") for one in node.body)
                bases[node.name] = [*map(ast.unparse, node.bases), *(["TestCase"] if has_tests else [])]

    def tests(name: str) -> bool:
        return name.endswith("TestCase") or any(tests(base) for base in bases.get(name, ()))

    mine = {name for names in OWN.values() for name in names} - {"DjangoRedisTests"}
    assert {name for name in bases if tests(name)} == mine | {*ON_TOP} | set(LEFT_OUT)


DEFECTS = {
    # The cache's code sees the real clock, in which a run takes no time.
    "virtual._VirtualTime.time = staticmethod(time.time)": {"test_expiration", "test_touch"},
    # What adds overwrites.
    "LocMemCache.add = lambda self, *args, **kwargs: self.set(*args, **kwargs) is None": {"test_add"},
}


@pytest.mark.parametrize(("defect", "finds"), DEFECTS.items())
def test_they_have_teeth(defect: str, finds: set[str]) -> None:
    """A defect in what a run puts in place makes the tests fail that are about it."""
    before = (
        "import time\nfrom django.core.cache.backends.locmem import LocMemCache\n"
        f"from cachewise.sim.engine import virtual\nfrom {SUITE} import main\n"
    )
    told = played("-c", f"{before}{defect}\nmain('shared')\n")
    outcomes = told["LocMemCacheTests"]["outcomes"]
    assert finds <= {test for test, outcome in outcomes.items() if "AssertionError" in outcome}
    assert outcomes["test_simple"] == "passed"
