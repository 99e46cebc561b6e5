"""Blank caches: no copy is ever found; stores, counters and locks work; and what a set-up gets."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.test import override_settings

from cachewise import UserError
from cachewise.sim.project.caches import Blanks
from cachewise.sim.project.caches.blank import before_the_run
from tests.sim.project.caches.stage import CLASSES, entry, on_stage

SESSIONS = {"SESSION_ENGINE": "django.contrib.sessions.backends.cache", "SESSION_CACHE_ALIAS": "default"}


@pytest.fixture(autouse=True)
def _sessions_in_the_cache() -> Iterator[None]:
    with override_settings(**SESSIONS):
        yield


def copies(which: Any) -> list[Any]:
    """Use *which* as a project uses a cache of copies, counters and locks."""
    which.set("page:1", "old", 60)
    return [
        which.get("page:1"),
        which.get("page:1", "none"),
        which.get_or_set("page:1", lambda: "computed", 60),
        which.get_many(["page:1", "page:2"]),
        "page:1" in which,
        which.set_many({"page:3": 1}),
        which.add("lock", 1, 30),
        which.add("lock", 1, 30),
        which.delete("lock"),
        which.add("lock", 1, 30),
        which.incr("visits"),
        which.incr("visits", 2),
        which.decr("visits"),
        which.incr_version("page:1"),
    ]


FOUND = [None, "none", "computed", {}, False, [], True, False, True, True, 1, 3, 2, 2]


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_without_copies_a_run_keeps_its_stores(kind: str) -> None:
    """*No cache*: copies are never found and cost nothing; stores live in the backend, time and all."""

    def stores(run: Any) -> Any:
        began_s = run.current.clock.request_time()
        found = copies(cache)
        assert run.current.clock.request_time() == began_s
        cache.set("cart:1", ["tea"], 15)
        assert run.current.clock.request_time() > began_s
        return found

    said, told = on_stage(
        {"default": entry(kind)},
        stores,
        lambda _: (cache.get("cart:1"), cache.get("page:1")),
        lambda _: cache.get("cart:1"),
        stores=["cart:*"],
        blank_copies=True,
        rtt_s=0.1,
    )
    assert said == [FOUND, (["tea"], None), None]
    assert sum(call.hits for call in told.calls if not call.store) == 0
    assert [call.hits for call in told.calls if call.store] == [0, 1, 0]


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_an_evaluation_gets_the_stores_that_its_read_got(kind: str) -> None:
    """As they were when the read got them; what was not there is not; no server is asked."""

    def read(_: Any) -> Any:
        cart = cache.get("cart:1")
        cart.append("changed by the read")
        return cache.get("cart:2"), cache.get("page:1")

    entries = {"default": entry(kind, KEY_PREFIX="p", VERSION=2)}
    _, told = on_stage(entries, lambda _: cache.set_many({"cart:1": ["tea"], "page:1": "old"}), read, stores=["cart:*"])
    values = {(alias, key): value for alias, key, value in told.stores}
    assert set(values) == {("default", "p:2:cart:1"), ("default", "p:2:cart:2")}
    blank = Blanks(entries, ["cart:*"]).with_stores(values)["default"]
    assert blank.get("cart:1") == ["tea"]
    assert blank.get("cart:2") is None
    assert copies(blank) == [*FOUND[:-1], 3]
    blank.set("cart:2", 5)
    assert blank.get_many(["cart:2", "page:1"]) == {"cart:2": 5}
    assert Blanks(entries, ["cart:*"]).with_stores({})["default"].get("cart:1") is None


def test_a_blank_has_what_its_backend_has() -> None:
    """django-redis' own calls say that nothing is there; a lock is free; what cannot be told is refused."""
    blank: Any = Blanks({"default": entry("django-redis")}).with_stores({})["default"]
    blank.set("page:1", 1)
    assert [blank.ttl("page:1"), blank.delete_pattern("page:*"), blank.keys("*"), list(blank.iter_keys("*"))] == [
        0,
        0,
        [],
        [],
    ]
    with blank.lock("rebuild", timeout=5):
        assert blank.set("once", 1, nx=True)
        assert not blank.set("once", 1, nx=True)
    with pytest.raises(UserError, match=r"cache\.sadd"):
        blank.sadd("set", 1)
    assert not hasattr(Blanks({"default": entry("locmem")}).with_stores({})["default"], "lock")

    (said,), _ = on_stage(
        {"default": entry("django-redis")},
        lambda _: (cache.sadd("s", 1), cache.ttl("cart:1"), cache.set("cart:1", 1, 9), cache.ttl("cart:1")),
        stores=["cart:*"],
        blank_copies=True,
    )
    assert said == (1, 0, True, 9)


def test_sessions_that_a_clear_throws_away_are_counted() -> None:
    """Those that live, on the store that is cleared: not those that ended or were deleted."""
    from django.contrib.sessions.backends.cache import SessionStore

    keys: list[str] = []

    def log_in(_: Any) -> None:
        keys.clear()
        for number in range(4):
            session = SessionStore()
            session["user"] = number
            session.set_expiry(15 if number == 3 else 1000)
            session.save()
            keys.append(session.session_key)
        SessionStore(keys[0]).delete()
        caches["other"].set("k", 1)

    for kind in sorted(CLASSES):
        other = {**entry(kind), "LOCATION": "redis://elsewhere/7" if "redis" in kind else "elsewhere"}
        _, told = on_stage(
            {"default": entry(kind), "other": other},
            log_in,
            lambda _: SessionStore(keys[1])["user"],
            lambda _: (caches["other"].clear(), cache.set("page", 1)),
            lambda _: cache.clear(),
            lambda _: SessionStore(keys[1]).load(),
        )
        assert told.lost == 2, kind
        assert {call.site for call in told.calls if call.store} == {"sessions"}
        assert {call.pattern for call in told.calls if call.store} == {"django.contrib.sessions.cache*"}


def test_a_copy_made_of_a_copy_is_as_old_as_that_one() -> None:
    """A chain of copies has the birth of its first; a store in between breaks nothing."""
    _, told = on_stage(
        {"default": entry("locmem"), "memory": entry("locmem", LOCATION="b")},
        lambda _: cache.set("part", 1, 1000),
        lambda _: caches["memory"].set("page", cache.get("part"), 1000),
        lambda _: caches["memory"].get("page"),
        lambda run: run.births.oldest_alive_s(),
        lambda _: (cache.delete("part"), caches["memory"].get("page")),
    )
    assert [call.oldest_s for call in told.calls if call.hits] == [0.0, 0.0, 0.0]


def test_what_was_taken_before_the_run_leads_to_the_runs_cache() -> None:
    """``cache = caches["default"]`` at the top of a module keeps things in memory at set-up, then it is the run's."""
    early = before_the_run({"default": entry("redis")})["default"]
    before = caches["default"]
    try:
        caches["default"] = early
        early.set("k", "of the set-up")
        assert (early.get("k"), "k" in early, early.ttl("k")) == ("of the set-up", True, 0)
        said, told = on_stage(
            {"default": entry("redis")},
            lambda _: (early.get("k"), early.set("k", "of the run"), cache.get("k"), "k" in early),
        )
    finally:
        caches["default"] = before
    assert said == [(None, None, "of the run", True)]
    assert [call.verb for call in told.calls] == ["get", "set", "get", "has_key"]
