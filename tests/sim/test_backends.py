"""The caches: every method of Django's contract, its round trips, its virtual time, and nothing left behind."""

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches as django_caches
from django.core.cache.backends import base, filebased, locmem
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from sim import Row, Scenario, Site, StrategyError, UserError, run
from sim.backends import BACKENDS as BY_NAME
from sim.backends import Call
from strategies import DeleteOnWrite, TtlOnly
from tests.helpers import BACKENDS, ONE_STORE, STORING, Custom, calls, script

RTT_S = 0.25
Body = Callable[[Site], Any]


def within(tmp_path: Path, backend: str, *bodies: tuple[float, Body], **settings: Any) -> list[Call]:
    """Run each body as a request at its time, and return the calls that reached the store."""
    log: list[Call] = []
    done: set[str] = set()

    def read(site: Site, key: str) -> Row:
        if key.isdigit() and key not in done:
            done.add(key)
            bodies[int(key)][1](site)
        return Row(key, 0, b"")

    steps = [(0.0, "read", "start"), *((at_s, "read", str(place)) for place, (at_s, _) in enumerate(bodies))]
    steps.append((1e5 + 0.5, "read", "end"))
    run(script(tmp_path, steps, **settings), Custom(read), backend=backend, log=log)
    return log


# Each contract check returns what Django documents, on every backend that stores anything.
def _get_set(cache: BaseCache) -> Any:
    cache.set("a", {"x": [1, 2]})
    return cache.get("a"), cache.get("b"), cache.get("b", 7)


def _many(cache: BaseCache) -> Any:
    failed = cache.set_many({"a": 1, "b": 2})
    found = cache.get_many(["a", "b", "c"])
    cache.delete_many(["a", "c"])
    return failed, found, cache.get_many(["a", "b"])


def _add(cache: BaseCache) -> Any:
    return cache.add("a", 1), cache.add("a", 2), cache.get("a")


def _counting(cache: BaseCache) -> Any:
    cache.set("n", 5)
    return cache.incr("n"), cache.incr("n", 10), cache.decr("n", 3), cache.get("n")


def _missing_count(cache: BaseCache) -> Any:
    with pytest.raises(ValueError, match="not found"):
        cache.incr("none")
    with pytest.raises(ValueError, match="not found"):
        cache.incr_version("none")
    return True


def _versions(cache: BaseCache) -> Any:
    cache.set("a", "one")
    cache.set("a", "seven", version=7)
    moved = cache.incr_version("a"), cache.get("a"), cache.get("a", version=2)
    back = cache.decr_version("a", version=2), cache.get("a")
    return moved, back, cache.get("a", version=7)


def _presence(cache: BaseCache) -> Any:
    cache.set("a", 1)
    return cache.has_key("a"), "a" in cache, "b" in cache, cache.delete("a"), cache.delete("a"), "a" in cache


def _touch(cache: BaseCache) -> Any:
    cache.set("a", 1)
    return cache.touch("a", 10), cache.touch("b")


def _or_set(cache: BaseCache) -> Any:
    return cache.get_or_set("a", lambda: 3), cache.get_or_set("a", 4), cache.get("a")


def _clear(cache: BaseCache) -> Any:
    cache.set("a", 1)
    cache.clear()
    return cache.get("a")


def _none(cache: BaseCache) -> Any:
    cache.set("a", None)
    return cache.get("a", "default"), cache.add("a", 1)


def _close(cache: BaseCache) -> Any:
    cache.close()
    return cache.get("a")


CONTRACT: list[tuple[Callable[[BaseCache], Any], Any]] = [
    (_get_set, ({"x": [1, 2]}, None, 7)),
    (_many, ([], {"a": 1, "b": 2}, {"b": 2})),
    (_add, (True, False, 1)),
    (_counting, (6, 16, 13, 13)),
    (_missing_count, True),
    (_versions, ((2, None, "one"), (1, "one"), "seven")),
    (_presence, (True, True, False, True, False, False)),
    (_touch, (True, False)),
    (_or_set, (3, 3, 3)),
    (_clear, None),
    (_none, (None, False)),
    (_close, None),
]


@pytest.mark.parametrize("backend", STORING)
@pytest.mark.parametrize(("body", "expected"), CONTRACT, ids=lambda value: getattr(value, "__name__", ""))
def test_contract(tmp_path: Path, backend: str, body: Callable[[BaseCache], Any], expected: Any) -> None:
    """Every method of BaseCache does inside a run what Django documents."""
    found: list[Any] = []
    within(tmp_path, backend, (0.5, lambda site: found.append(body(site.cache))), cache_rtt_s=RTT_S)
    assert found == [expected]


def test_dummy_keeps_nothing(tmp_path: Path) -> None:
    """The dummy backend accepts every call and stores nothing."""
    found: list[Any] = []

    def body(site: Site) -> None:
        cache = site.cache
        cache.set_many({"a": 1})
        found.extend([cache.get("a"), cache.add("a", 1), cache.get_or_set("a", 5), "a" in cache, cache.touch("a")])
        found.extend([cache.delete("a"), cache.get_many(["a"]), cache.clear()])

    within(tmp_path, "dummy", (0.5, body), cache_rtt_s=RTT_S)
    assert found == [None, True, 5, False, False, False, {}, None]


# How many calls reach the store on (shared and locmem, file, db); 2 + 1 means composite calls of two kinds.
TRIPS: list[tuple[str, Body, tuple[int, int, int]]] = [
    ("get", lambda s: s.cache.get("a"), (1, 1, 1)),
    ("set", lambda s: s.cache.set("a", 1), (1, 1, 1)),
    ("add", lambda s: s.cache.add("b", 1), (1, 2, 1)),  # file: has_key, set
    ("add of a present key", lambda s: s.cache.add("a", 1), (1, 1, 1)),
    ("delete", lambda s: s.cache.delete("a"), (1, 1, 1)),
    ("has_key", lambda s: s.cache.has_key("a"), (1, 1, 1)),
    ("in", lambda s: "a" in s.cache, (1, 1, 1)),
    ("touch", lambda s: s.cache.touch("a"), (1, 1, 1)),
    ("clear", lambda s: s.cache.clear(), (1, 1, 1)),
    ("incr", lambda s: s.cache.incr("a"), (1, 2, 2)),  # file, db: get, set
    ("decr", lambda s: s.cache.decr("a"), (1, 2, 2)),
    ("incr_version", lambda s: s.cache.incr_version("a"), (3, 3, 3)),  # get, set, delete
    ("get_or_set, present", lambda s: s.cache.get_or_set("a", 2), (1, 1, 1)),
    ("get_or_set, missing", lambda s: s.cache.get_or_set("b", 2), (3, 4, 3)),  # get, add, get
    ("get_many of 3", lambda s: s.cache.get_many(["a", "b", "c"]), (3, 3, 1)),  # db: one query
    ("set_many of 3", lambda s: s.cache.set_many({"a": 1, "b": 2, "c": 3}), (3, 3, 3)),
    ("delete_many of 3", lambda s: s.cache.delete_many(["a", "b", "c"]), (3, 3, 1)),
]


@pytest.mark.parametrize("backend", STORING)
@pytest.mark.parametrize(("body", "trips"), [row[1:] for row in TRIPS], ids=[row[0] for row in TRIPS])
def test_round_trips(tmp_path: Path, backend: str, body: Body, trips: tuple[int, int, int]) -> None:
    """A method takes one round trip for every call that reaches the store, and not one more."""
    took_s: list[float] = []

    def request(site: Site) -> None:
        began_s = site.time()
        body(site)
        took_s.append(site.time() - began_s)

    log = within(tmp_path, backend, (0.5, lambda s: s.cache.set("a", 1)), (2.5, request), cache_rtt_s=RTT_S)
    expected = trips[{"file": 1, "db": 2}.get(backend, 0)]
    assert len(log) - 1 == expected
    assert took_s == [expected * RTT_S]


@pytest.mark.parametrize("backend", STORING)
@pytest.mark.parametrize("cull_frequency", [0, 2])
def test_a_cull_is_no_round_trip(tmp_path: Path, backend: str, cull_frequency: int) -> None:
    """A set that culls, even by clearing everything, is one round trip like any other."""
    took_s: list[float] = []

    def fill(site: Site) -> None:
        for number in range(8):
            began_s = site.time()
            site.cache.set(f"n{number}", number)
            took_s.append(site.time() - began_s)

    settings = {"max_entries": 3, "cull_frequency": cull_frequency, "cache_rtt_s": RTT_S}
    log = within(tmp_path, backend, (0.5, fill), **settings)
    assert [call.method for call in log] == ["set"] * 8
    assert took_s == [RTT_S] * 8


@pytest.mark.parametrize("backend", STORING)
def test_max_entries_culls(backend: str) -> None:
    """More keys than MAX_ENTRIES are never held; with no limit all are (Django's silent 300 does not apply)."""
    base_scenario = Scenario("many", keys=400, read_popularity="uniform", reads_per_s=200, duration_s=10, warmup_s=0)
    limited = base_scenario.with_settings({"max_entries": "50", "cull_frequency": "4"})
    held = run(limited, TtlOnly(), backend=backend).summary["entries_end"]
    assert 50 * 3 / 4 <= held <= 51  # the database backend culls above, not at, the limit
    assert run(base_scenario, TtlOnly(), backend=backend).summary["entries_end"] > 390


def test_the_database_backend_culls_its_own_way(tmp_path: Path) -> None:
    """Above the limit expired rows go first; if that is not enough, the lowest keys go."""
    found: list[Any] = []

    def body(site: Site) -> None:
        for key in "edcba":
            site.cache.set(key, 1)
            found.append("".join(sorted(site.cache.get_many(list("abcde")))))

    within(tmp_path, "db", (0.5, lambda s: s.cache.set("z", 1, 2)), (9.5, body), max_entries=3, cull_frequency=2)
    # b finds four rows and throws the expired z out; a finds four live ones, of which the lower half goes.
    assert found == ["e", "de", "cde", "bcde", "ade"]


@pytest.mark.parametrize("backend", STORING)
def test_composite_calls_can_be_interleaved(tmp_path: Path, backend: str) -> None:
    """Two overlapping `get_or_set` both load, and both return what stays: the first one's, but on file the second's."""
    loaded, found = [], []

    def request(name: str) -> Body:
        def body(site: Site) -> None:
            def load() -> str:
                loaded.append(name)
                site.db.read(name)
                return name

            found.append((name, site.cache.get_or_set("k", load)))

        return body

    within(tmp_path, backend, (0.5, request("a")), (0.75, request("b")), cache_rtt_s=1.0, db_read_s=4.0)
    assert loaded == ["a", "b"]
    assert [value for _, value in found] == (["b", "b"] if backend == "file" else ["a", "a"])


@pytest.mark.parametrize(("backend", "winners"), [("shared", 1), ("file", 2), ("db", 1)])
def test_the_file_backends_add_lets_two_callers_through(tmp_path: Path, backend: str, winners: int) -> None:
    """`add` is has_key then set on the file backend: two callers both get True, as they do in Django."""
    won: list[bool] = []
    bodies = [(at_s, lambda site: won.append(site.cache.add("lock", 1))) for at_s in (0.5, 0.75)]
    within(tmp_path, backend, *bodies, cache_rtt_s=1.0)
    assert won.count(True) == winners


@pytest.mark.parametrize(("backend", "total"), [("shared", 2), ("file", 1), ("db", 1)])
def test_incr_loses_updates_where_it_is_a_get_and_a_set(tmp_path: Path, backend: str, total: int) -> None:
    """Two overlapping `incr` count twice on LocMem and once on the file and database backends."""
    found: list[int] = []
    bodies: list[tuple[float, Body]] = [(0.5, lambda s: s.cache.set("n", 0))]
    bodies += [(at_s, lambda site: site.cache.incr("n")) for at_s in (2.5, 2.75)]
    bodies.append((9.5, lambda site: found.append(site.cache.get("n"))))
    within(tmp_path, backend, *bodies, cache_rtt_s=1.0)
    assert found == [total]


def test_an_expired_get_deletes_what_was_set_in_between(tmp_path: Path) -> None:
    """Nothing can come between a get and its own clean-up: one call is one instant at the store."""
    for backend in ONE_STORE:
        found: list[Any] = []
        bodies: list[tuple[float, Body]] = [
            (0.5, lambda s: s.cache.set("k", "old", 5)),
            (9.5, lambda s: s.cache.set("k", "new", 5)),
            (9.6, lambda s: s.cache.get("k")),
            (11.5, lambda s, found=found: found.append(s.cache.get("k"))),
        ]
        within(tmp_path, backend, *bodies, cache_rtt_s=0.5)
        assert found == ["new"]


@pytest.mark.parametrize("backend", STORING)
def test_expiry_is_on_virtual_time(tmp_path: Path, backend: str) -> None:
    """Timeouts count virtual seconds: alive just before, gone a second after; touch moves them; None is for ever."""
    found: list[Any] = []

    def store(site: Site) -> None:
        for key, timeout in (
            ("t10", 10),
            ("touched", 10),
            ("never", None),
            ("zero", 0),
            ("default", base.DEFAULT_TIMEOUT),
        ):
            site.cache.set(key, key, timeout)

    def look(site: Site) -> None:
        found.append(sorted(site.cache.get_many(["t10", "touched", "never", "zero", "default"])))

    bodies = [(0.5, store), (5.5, lambda s: s.cache.touch("touched", 20)), (9.9, look), (11.5, look), (26.5, look)]
    within(tmp_path, backend, *bodies, (299.9, look), (301.5, look), (9e4, look))
    live = [["default", "never", "t10", "touched"], ["default", "never", "touched"], ["default", "never"]]
    assert found == [*live, ["default", "never"], ["never"], ["never"]]


@pytest.mark.parametrize("backend", STORING)
def test_values_are_pickled(tmp_path: Path, backend: str) -> None:
    """What comes out is a copy of what went in, and what cannot be pickled is refused."""
    found: list[Any] = []

    def body(site: Site) -> None:
        value = [1, 2]
        site.cache.set("a", value)
        value.append(3)
        found.append(site.cache.get("a"))
        with pytest.raises((AttributeError, TypeError)):
            site.cache.set("b", lambda: None)

    within(tmp_path, backend, (0.5, body))
    assert found == [[1, 2]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_async_twins_say_why_not(tmp_path: Path, backend: str) -> None:
    """Every async method of BaseCache raises one clear line inside a run."""
    names = [name for name, _ in inspect.getmembers(BaseCache, inspect.iscoroutinefunction)]
    messages: list[str] = []

    def body(site: Site) -> None:
        for name in names:
            with pytest.raises(StrategyError) as caught:
                getattr(site.cache, name)("k")
            messages.append(str(caught.value))

    within(tmp_path, backend, (0.5, body))
    assert len(messages) == len(names) > 15
    assert all(
        f"use cache.{name[1:]}()" in line and "\n" not in line for name, line in zip(names, messages, strict=True)
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_djangos_default_cache_is_the_sites(backend: str) -> None:
    """Inside a request `caches["default"]` is the worker's own cache, also after waits; locmem has one a worker."""
    seen: dict[int, set[int]] = {}

    def read(site: Site, key: str) -> Row:
        for _ in range(2):
            assert django_caches["default"] is site.cache
            row = site.db.read(key)
            site.cache.get(key)
        seen.setdefault(id(site), set()).add(id(site.cache))
        return row

    scenario = Scenario("workers", keys=5, reads_per_s=200, duration_s=2, warmup_s=0, workers=3)
    run(scenario, Custom(read), backend=backend)
    assert len(seen) == 3
    assert len(set().union(*seen.values())) == (3 if backend == "locmem" else 1)
    assert all(len(mine) == 1 for mine in seen.values())


def test_the_backends_are_djangos_own() -> None:
    """The cache is a subclass of Django's class and keeps its name."""
    found: dict[str, Any] = {}

    def read(site: Site, key: str) -> Row:
        found.setdefault("class", type(site.cache))
        return site.db.read(key)

    scenario = Scenario("class", keys=1, reads_per_s=10, duration_s=1, warmup_s=0)
    wanted = {"shared": "LocMemCache", "locmem": "LocMemCache", "file": "FileBasedCache", "db": "DatabaseCache"}
    for backend, name in {**wanted, "dummy": "DummyCache"}.items():
        found.clear()
        run(scenario, Custom(read), backend=backend)
        assert found["class"].__name__ == name
        assert found["class"].__mro__[1].__module__.startswith("django.core.cache.backends.")


def test_outside_a_run_django_is_as_before() -> None:
    """After runs Django's modules see the real time and chance, and a cache of the user's expires on the real clock."""
    for backend in STORING:
        run(Scenario("short", keys=2, reads_per_s=50, duration_s=1, warmup_s=0), DeleteOnWrite(), backend=backend)
    for module in (base, locmem, filebased):
        assert abs(module.time.time() - time.time()) < 1
        assert module.time.monotonic is time.monotonic
    db = sys.modules["django.core.cache.backends.db"]
    assert abs(db.tz_now().timestamp() - time.time()) < 1
    assert db.router.db_for_read(object()) == "default"
    cache = LocMemCache("users-own", {})
    cache.set("k", 1, 0.05)
    assert cache.get("k") == 1
    time.sleep(0.06)
    assert cache.get("k") is None
    assert asyncio.run(cache.aget("k", 3)) == 3


def test_the_users_own_caches_are_not_touched() -> None:
    """A run leaves the user's LocMem stores alone and adds none; clear-all inside a run clears nothing outside."""
    from strategies import ClearAll

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
    """The database backend's private alias is gone after the run, and no other connection was opened."""
    from django.db import connections

    run(Scenario("short", keys=2, reads_per_s=50, duration_s=1, warmup_s=0), TtlOnly(), backend="db")
    assert list(connections.settings) == ["default"]
    assert [one.alias for one in connections.all(initialized_only=True)] == []


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


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the only place for temporary files."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


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
    assert max(used) == (1 if backend in ("file", "db") else 0)
    assert list(temporary.iterdir()) == []


ALONE = "run(scenario, DeleteOnWrite(), backend={backend!r})"
SIDE_BY_SIDE = "run_all([Run(scenario, DeleteOnWrite(), {backend!r}, seed) for seed in (1, 2)], processes=2)"
# When Ctrl-C comes, counted from the first temporary file on: at its making, while the store is filled, in mid-run.
DELAYS_S = [0.3, *(pytest.param(number / 50, marks=pytest.mark.proof) for number in range(25))]


@pytest.mark.parametrize("delay_s", DELAYS_S)
@pytest.mark.parametrize("how", [ALONE, SIDE_BY_SIDE], ids=["alone", "side by side"])
@pytest.mark.parametrize("backend", ["file", "db"])
def test_temporary_places_are_gone_after_ctrl_c(temporary: Path, backend: str, how: str, delay_s: float) -> None:
    """SIGINT ends the process by KeyboardInterrupt whenever it comes, and the files of all its runs are gone."""
    code = f"""
        from sim import Scenario, run
        from sim.experiment import Run, run_all
        from strategies import DeleteOnWrite
        scenario = Scenario("long", keys=50, reads_per_s=2000, duration_s=100_000)
        {how.format(backend=backend)}
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    while not list(temporary.iterdir()):
        time.sleep(0.005)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert errors.strip().endswith("KeyboardInterrupt")
    assert list(temporary.iterdir()) == []


def test_background_work(tmp_path: Path) -> None:
    """`spawn` starts when its request's answer would be sent, runs beside it, and keeps it from nothing."""
    log: list[tuple[float, str]] = []

    def body(site: Site) -> None:
        def background() -> None:
            log.append((site.time(), "begins"))
            site.db.read("x")
            site.cache.set("k", 1)
            log.append((site.time(), "ends"))

        site.cache.get("k")
        site.spawn(background)
        log.append((site.time(), "request goes on"))
        site.db.read("x")
        log.append((site.time(), "request ends"))

    found = within(tmp_path, "shared", (0.5, body), cache_rtt_s=0.5, db_read_s=2.0)
    assert sorted(log) == [(1.0, "begins"), (1.0, "request goes on"), (3.0, "request ends"), (3.5, "ends")]
    assert calls(found) == [(0.75, "get", "k"), (3.25, "set", "k")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_in_background_work_reaches_the_caller(backend: str) -> None:
    """What background work raises ends the run like what a request raises."""

    def read(site: Site, key: str) -> Row:
        row = site.db.read(key)
        site.spawn(lambda: 1 // 0)
        return row

    with pytest.raises(ZeroDivisionError):
        run(Scenario("short", keys=2, reads_per_s=50, duration_s=1), Custom(read), backend=backend)


def test_chance_belongs_to_the_request() -> None:
    """`site.random` depends on the seed and the request alone: not on the strategy, the backend, or other draws."""

    def draws(seed: int, backend: str, extra: int) -> dict[float, list[float]]:
        found: dict[float, list[float]] = {}

        def read(site: Site, key: str) -> Row:
            began_s = site.time()
            for _ in range(extra):
                site.cache.get(key)
            found[began_s] = [site.random.random(), site.random.random()]
            site.spawn(lambda: found.setdefault(-began_s - 1, [site.random.random()]))
            return site.db.read(key)

        run(
            Scenario("chance", keys=3, reads_per_s=30, writes_per_s=0, duration_s=3, warmup_s=0),
            Custom(read),
            backend=backend,
            seed=seed,
        )
        return found

    first = draws(1, "shared", 0)
    assert draws(1, "locmem", 3) == first
    assert next(iter(draws(2, "shared", 0).values())) != next(iter(first.values()))
    values = [value for mine in first.values() for value in mine]
    assert len(set(values)) == len(values)


def test_unknown_backends_name_the_nearest() -> None:
    """A misspelt backend is answered with the one that was meant."""
    with pytest.raises(UserError, match=r"^unknown backend 'locmen'; did you mean 'locmem'\?$"):
        run(Scenario("s"), TtlOnly(), backend="locmen")
    assert tuple(BY_NAME) == BACKENDS
