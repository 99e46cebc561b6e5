"""What a run leaves alone: Django's settings, databases and caches, event loops, temporary places; Ctrl-C included."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from django.core.cache.backends import base, filebased, locmem
from django.core.cache.backends.locmem import LocMemCache

from cachewise import Row, Scenario, Site, run
from cachewise.strategies import ClearAll, DeleteOnWrite, TtlOnly
from tests.helpers import BACKENDS, CLI, STORING, Custom, wait_until

SHORT = Scenario("short", keys=2, reads_per_s=50, duration_s=1, warmup_s=0)


@pytest.mark.servers
def test_outside_a_run_django_is_as_before() -> None:
    """After runs Django's modules see the real time and chance, and a cache of the user's expires on the real clock."""
    for backend in STORING:
        run(Scenario("short", keys=2, reads_per_s=50, duration_s=1, warmup_s=0), DeleteOnWrite(), backend=backend)
    for module in (base, locmem, filebased):
        assert time.time() <= module.time.time() <= time.time()
        assert module.time.monotonic is time.monotonic
    db = sys.modules["django.core.cache.backends.db"]
    before = time.time()
    assert before - 1e-6 <= db.tz_now().timestamp() <= time.time()  # it is told in microseconds
    assert db.router.db_for_read(object()) == "default"
    cache = LocMemCache("users-own", {})
    cache.set("short", 1, 0.05)
    cache.set("long", 1, 60)
    time.sleep(0.06)
    assert cache.get_many(["short", "long"]) == {"long": 1}
    assert asyncio.run(cache.aget("k", 3)) == 3


@pytest.mark.servers
def test_the_users_own_caches_are_not_touched() -> None:
    """A run leaves the user's LocMem stores alone and adds none; clear-all inside a run clears nothing outside."""
    mine = LocMemCache("mine", {})
    mine.set("k", "kept", None)
    stores = set(locmem._caches)
    for backend in STORING:
        run(
            Scenario("short", keys=2, reads_per_s=50, writes_per_s=5, duration_s=2, warmup_s=0),
            ClearAll(),
            backend=backend,
        )
    assert mine.get("k") == "kept"
    assert set(locmem._caches) == stores


def test_the_users_databases_are_not_touched() -> None:
    """The database backend's connection is this thread's alone: it is in no list, not even during the run."""
    from django.db import connections

    def read(site: Site, key: str) -> Row:
        assert list(connections.settings) == ["default"]
        assert connections.all(initialized_only=True) == known
        connections.close_all()  # leaves the run's own connection open
        return site.cache.get_or_set(key, lambda: site.db.read(key))  # type: ignore[no-any-return]

    run(SHORT, TtlOnly(), backend="db")  # sets Django up if no other test has
    known = connections.all(initialized_only=True)
    mine = vars(connections._connections._storage).copy()
    for _alias in connections:  # as another thread does that asks for all connections meanwhile
        assert run(SHORT, Custom(read), backend="db").summary["hit_ratio"] > 0.9
    assert vars(connections._connections._storage) == mine


PROJECT = """
    SECRET_KEY, USE_TZ = "of a project", True
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    DATABASE_ROUTERS = ["project.OnlyDefault"]

    class OnlyDefault:
        def allow_migrate(self, db, app_label, **hints):
            return db == "default"
"""
TESTS = """
    import unittest
    import django
    from django.test import SimpleTestCase, TestCase
    from cachewise import Scenario, run
    from cachewise.sim.backends import BACKENDS
    from cachewise.strategies import TtlOnly
    django.setup()

    class Body:
        def test_run(self):
            scenario = Scenario("short", keys=2, reads_per_s=50, duration_s=1, warmup_s=0)
            for backend in BACKENDS:
                assert (run(scenario, TtlOnly(), backend=backend).summary["hits"] > 0) == (backend != "dummy"), backend

    class WithoutDatabases(Body, SimpleTestCase):
        pass

    class WithDatabases(Body, TestCase):
        pass

    unittest.main()
"""


@pytest.mark.servers
def test_a_run_inside_a_projects_tests(tmp_path: Path) -> None:
    """In Django's own test cases, which forbid foreign databases, and under a router that does, every backend works."""
    (tmp_path / "project.py").write_text(textwrap.dedent(PROJECT))
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-c", textwrap.dedent(TESTS)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert "Ran 2 tests" in ended.stderr
    assert ended.stderr.strip().endswith("OK")


def test_settings_that_cannot_be_loaded_are_one_line() -> None:
    """Where the project's settings are broken, `--backend db` ends with exit code 2 and a line that says so."""
    command = [*CLI, "run", "product_list", "--backend", "db", "--jobs", "1"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "no_such_project"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "cachewise: backend 'db' sets Django up, which fails (DJANGO_SETTINGS_MODULE is 'no_such_project'): "
        "ModuleNotFoundError: No module named 'no_such_project'\n"
    )


@pytest.mark.servers
def test_a_run_inside_an_event_loop() -> None:
    """In a notebook, where a loop is running, every backend works, and the loop is still there afterwards."""

    async def cell() -> list[float]:
        scenario = Scenario("short", keys=2, reads_per_s=50, duration_s=1, warmup_s=0)
        found = [run(scenario, TtlOnly(), backend=backend).summary["reads"] for backend in STORING]
        await asyncio.sleep(0)
        return found

    found = asyncio.run(cell())
    assert len(found) == len(STORING)
    assert len(set(found)) == 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_temporary_places_are_gone(temporary: Path, backend: str, error: type[BaseException] | None) -> None:
    """After success, an exception or a KeyboardInterrupt in a strategy no temporary file is left."""
    used: list[int] = []

    def read(site: Site, key: str) -> Row:
        row = site.db.read(key)
        site.cache.set(key, row)
        used.append(len(list(temporary.iterdir())))
        if error is not None and len(used) > 30:
            raise error
        return row

    scenario = Scenario("short", keys=20, reads_per_s=200, duration_s=1, warmup_s=0)
    if error is None:
        run(scenario, Custom(read), backend=backend)
    else:
        with pytest.raises(error):
            run(scenario, Custom(read), backend=backend)
    assert max(used) == (0 if backend in ("shared", "locmem", "dummy") else 1)
    assert list(temporary.iterdir()) == []


ALONE = "run(scenario, DeleteOnWrite(), backend={backend!r})"
SIDE_BY_SIDE = "run_all([Run(scenario, DeleteOnWrite(), {backend!r}, seed) for seed in (1, 2)], processes=2)"
# When Ctrl-C comes, counted from the first temporary file on: at its making, while the store is filled, in mid-run.
DELAYS_S = [0.3, *(pytest.param(number / 50, marks=pytest.mark.proof) for number in range(25))]


@pytest.mark.parametrize("delay_s", DELAYS_S)
@pytest.mark.parametrize("how", [ALONE, SIDE_BY_SIDE], ids=["alone", "side by side"])
@pytest.mark.parametrize("backend", ["file", "db", "redis", "memcached", "postgres"])
def test_temporary_places_are_gone_after_ctrl_c(temporary: Path, backend: str, how: str, delay_s: float) -> None:
    """SIGINT ends the process by KeyboardInterrupt whenever it comes, and the files of all its runs are gone."""
    code = f"""
        from cachewise import Scenario, run
        from cachewise.sim.experiment import Run, run_all
        from cachewise.strategies import DeleteOnWrite
        scenario = Scenario("long", keys=50, reads_per_s=2000, duration_s=100_000)
        {how.format(backend=backend)}
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            wait_until(lambda: list(temporary.iterdir()))
            time.sleep(delay_s)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT, errors
    assert errors.strip().endswith("KeyboardInterrupt")
    assert list(temporary.iterdir()) == []
