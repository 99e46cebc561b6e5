"""The caches: every method of Django's contract, its round trips, culling and expiry in virtual time."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches as django_caches
from django.core.cache.backends import base
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.filebased import FileBasedCache

from cachewise import Row, Scenario, Site, StrategyError, UserError
from cachewise.sim.backends import BACKENDS as BY_NAME
from cachewise.strategies import TtlOnly
from tests.helpers import BACKENDS, CULLING, STORING, Body, Custom, run, within

RTT_S = 0.25


# Each contract check returns what Django documents, on every backend that stores anything.
def _get_set(cache: BaseCache) -> Any:
    cache.set("a", {"x": [1, 2]})
    return cache.get("a"), cache.get("b"), cache.get("b", 7)


def _many(cache: BaseCache) -> Any:
    failed = cache.set_many({"a": 1, "b": 2})
    found = cache.get_many(["a", "b", "c"])
    cache.delete_many(["a", "c"])
    return not failed, found, cache.get_many(["a", "b"])  # django-redis gives None for no failures


def _many_by_name(cache: BaseCache) -> Any:
    cache.set_many(data={"a": 1, "b": 2, "c": 3}, timeout=10)
    cache.delete_many(keys=["a"])
    cache.set_many(data={})
    cache.delete_many(keys=[])
    return cache.get_many(keys=["a", "b", "c"])


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
    (_many, (True, {"a": 1, "b": 2}, {"b": 2})),
    (_many_by_name, {"b": 2, "c": 3}),
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


# How many round trips a method takes on: shared and locmem; file; db and postgres; redis; memcached; django-redis.
COLUMN = {"file": 1, "db": 2, "postgres": 2, "redis": 3, "memcached": 4, "django-redis": 5}
TRIPS: list[tuple[str, Body, tuple[int, ...]]] = [
    ("get", lambda s: s.cache.get("a"), (1, 1, 1, 1, 1, 1)),
    ("set", lambda s: s.cache.set("a", 1), (1, 1, 1, 1, 1, 1)),
    ("add", lambda s: s.cache.add("b", 1), (1, 2, 1, 1, 1, 1)),  # file: has_key, set
    ("add of a present key", lambda s: s.cache.add("a", 1), (1, 1, 1, 1, 1, 1)),
    ("delete", lambda s: s.cache.delete("a"), (1, 1, 1, 1, 1, 1)),
    ("has_key", lambda s: s.cache.has_key("a"), (1, 1, 1, 1, 1, 1)),
    ("in", lambda s: "a" in s.cache, (1, 1, 1, 1, 1, 1)),
    ("touch", lambda s: s.cache.touch("a"), (1, 1, 1, 1, 1, 1)),
    ("clear", lambda s: s.cache.clear(), (1, 1, 1, 1, 1, 1)),
    ("incr", lambda s: s.cache.incr("a"), (1, 2, 2, 2, 1, 1)),  # file, db: get, set; redis: EXISTS, INCRBY
    ("decr", lambda s: s.cache.decr("a"), (1, 2, 2, 2, 1, 1)),
    ("incr_version", lambda s: s.cache.incr_version("a"), (3, 3, 3, 3, 3, 5)),  # get, set, delete; with what is left: 5
    ("get_or_set, present", lambda s: s.cache.get_or_set("a", 2), (1, 1, 1, 1, 1, 1)),
    ("get_or_set, missing", lambda s: s.cache.get_or_set("b", 2), (3, 4, 3, 3, 3, 3)),  # get, add, get
    ("get_many of 3", lambda s: s.cache.get_many(["a", "b", "c"]), (3, 3, 1, 1, 1, 1)),
    ("set_many of 3", lambda s: s.cache.set_many({"a": 1, "b": 2, "c": 3}), (3, 3, 3, 1, 1, 1)),
    ("delete_many of 3", lambda s: s.cache.delete_many(["a", "b", "c"]), (3, 3, 1, 1, 3, 1)),
    ("get_many of none", lambda s: s.cache.get_many([]), (0, 0, 0, 1, 0, 0)),  # redis: an MGET that the server refuses
    ("set_many of none", lambda s: s.cache.set_many({}), (0, 0, 0, 0, 0, 0)),
    ("delete_many of none", lambda s: s.cache.delete_many([]), (0, 0, 0, 0, 0, 0)),
]


@pytest.mark.parametrize("backend", STORING)
@pytest.mark.parametrize(("body", "trips"), [row[1:] for row in TRIPS], ids=[row[0] for row in TRIPS])
def test_round_trips(tmp_path: Path, backend: str, body: Body, trips: tuple[int, ...]) -> None:
    """A method takes one round trip for every call that reaches the store, and not one more."""
    took_s: list[float] = []

    def request(site: Site) -> None:
        began_s = site.time()
        body(site)
        took_s.append(site.time() - began_s)

    log = within(tmp_path, backend, (0.5, lambda s: s.cache.set("a", 1)), (2.5, request), cache_rtt_s=RTT_S)
    expected = trips[COLUMN.get(backend, 0)]
    assert len(log) - 1 == expected
    assert took_s == [expected * RTT_S]


@pytest.mark.parametrize("backend", CULLING)
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


@pytest.mark.parametrize("backend", CULLING)
def test_max_entries_culls(backend: str) -> None:
    """More keys than MAX_ENTRIES are never held; with no limit all are."""
    base_scenario = Scenario("many", keys=400, read_popularity="uniform", reads_per_s=200, duration_s=10, warmup_s=0)
    limited = base_scenario.with_settings({"max_entries": "50", "cull_frequency": "4"})
    held = run(limited, TtlOnly(), backend=backend).summary["entries_end"]
    assert 50 * 3 / 4 <= held <= 51  # the database backend culls above, not at, the limit
    unlimited = base_scenario.with_settings({"max_entries": "none"})
    assert run(unlimited, TtlOnly(), backend=backend).summary["entries_end"] > 390


@pytest.mark.parametrize("backend", ["redis", "memcached", "django-redis"])
def test_max_entries_means_nothing_to_a_server(backend: str) -> None:
    """Where Django has no MAX_ENTRIES, a scenario that sets one is refused in one line."""
    with pytest.raises(UserError, match=f"^max_entries=50: backend '{backend}' has no such limit; leave it out$"):
        run(Scenario("s", max_entries=50), TtlOnly(), backend=backend)


def test_nothing_is_listed_where_nothing_is_culled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no limit the file backend's set does not list its folder, which grows; with a limit each set does."""
    listed: list[int] = []
    real = FileBasedCache._list_cache_files  # type: ignore[attr-defined]
    monkeypatch.setattr(FileBasedCache, "_list_cache_files", lambda self: listed.append(1) or real(self))
    for limit, listings in ((None, 1), (99, 9)):  # one of them counts the entries that the run left behind
        listed.clear()
        within(tmp_path, "file", *[(0.5, lambda site: site.cache.set("a", 1))] * 8, max_entries=limit)
        assert len(listed) == listings


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


@pytest.mark.parametrize(("backend", "numbers"), [("shared", [1, 1]), ("locmem", [1, 1]), ("file", [1]), ("db", [1])])
def test_incr_gives_the_default_timeout_where_it_is_a_set(tmp_path: Path, backend: str, numbers: list[int]) -> None:
    """A number that never expires does after an `incr` on file and db; what `incr_version` moves does everywhere."""
    found: list[Any] = []

    def store(site: Site) -> None:
        site.cache.set("n", 0, None)
        site.cache.incr("n")
        site.cache.set("moved", 1, None)
        site.cache.incr_version("moved")

    def look(site: Site) -> None:
        found.append((site.cache.get("n"), site.cache.get("moved", version=2)))

    within(tmp_path, backend, (0.5, store), (299.5, look), (302.5, look))
    assert [number for number, _ in found if number] == numbers
    assert [moved for _, moved in found] == [1, None]


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


@pytest.mark.servers
def test_the_backends_are_djangos_own() -> None:
    """The cache is a subclass of Django's class and keeps its name."""
    found: dict[str, Any] = {}

    def read(site: Site, key: str) -> Row:
        found.setdefault("class", type(site.cache))
        return site.db.read(key)

    scenario = Scenario("class", keys=1, reads_per_s=10, duration_s=1, warmup_s=0)
    wanted = {"shared": "LocMemCache", "locmem": "LocMemCache", "file": "FileBasedCache", "db": "DatabaseCache"}
    servers = {"redis": "RedisCache", "memcached": "PyMemcacheCache", "postgres": "DatabaseCache"}
    for backend, name in {**wanted, "dummy": "DummyCache", **servers}.items():
        found.clear()
        run(scenario, Custom(read), backend=backend)
        assert found["class"].__name__ == name
        assert found["class"].__mro__[1].__module__.startswith("django.core.cache.backends.")


def test_unknown_backends_name_the_nearest() -> None:
    """A misspelt backend is answered with the one that was meant."""
    with pytest.raises(UserError, match=r"^unknown backend 'locmen'; did you mean 'locmem'\?$"):
        run(Scenario("s"), TtlOnly(), backend="locmen")
    assert tuple(BY_NAME) == BACKENDS
