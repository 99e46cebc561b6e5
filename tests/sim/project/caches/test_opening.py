"""A project's caches: each alias on a private place, as its entry has it, at the project's time, told call by call."""

import math
import zlib
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from cachewise import UserError
from cachewise.sim.backends import BACKENDS
from cachewise.sim.project.caches import Blanks
from tests.sim.project.caches.stage import CLASSES, entry, on_stage

ALL = sorted(CLASSES)


@pytest.mark.parametrize("kind", ALL)
def test_an_alias_is_what_its_entry_says(kind: str) -> None:
    """Class, TIMEOUT, KEY_PREFIX and VERSION are the project's; entries end by the project's clock."""
    made: list[Any] = []

    def store(_: Any) -> Any:
        cache.set("k", {"a": [1]})
        cache.set("long", 1, None)
        made.append((type(cache._connections[cache._alias]).__mro__[1].__name__, cache.make_key("k")))
        return cache.get("k")

    said, told = on_stage(
        {"default": entry(kind, TIMEOUT=12, KEY_PREFIX="shop", VERSION=3)},
        store,
        lambda _: cache.get("k"),
        lambda _: (cache.get("k"), cache.get("long")),
    )
    assert said == [{"a": [1]}, {"a": [1]}, (None, 1)]
    assert made[0][1] == "shop:3:k"
    assert [(call.verb, call.hits, call.misses, call.timeout, call.oldest_s) for call in told.calls[2:]] == [
        ("get", 1, 0, 12.0, 0.0),
        ("get", 1, 0, 12.0, 0.0),
        ("get", 0, 1, pytest.approx(math.nan, nan_ok=True), math.inf),
        ("get", 1, 0, None, 0.0),
    ]


class Compressed(LocMemCache):
    """A class of one's own, with a call of its own that is made of others."""

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None) -> None:
        super().set(key, zlib.compress(value.encode()), timeout, version)

    def get(self, key: str, default: Any = None, version: Any = None) -> Any:
        value = super().get(key, default, version)
        return zlib.decompress(value).decode() if isinstance(value, bytes) else value

    def get_or_call(self, key: str, call: Any) -> Any:
        found = self.get(key)
        if found is None:
            found = call()
            self.set(key, found)
        return found


@pytest.mark.parametrize(
    "path",
    [
        f"{__name__}.Compressed",
        "django.core.cache.backends.memcached.PyLibMCCache",
        "diskcache.DjangoCache",
        "django_valkey.cache.ValkeyCache",
        "django.core.cache.backends.dummy.DummyCache",
    ],
)
def test_a_class_of_ones_own_works(path: str) -> None:
    """Whatever it is made of: its calls are told, its copies have births; blank, its own calls compute."""
    entries = {"default": {"BACKEND": path, "LOCATION": "127.0.0.1:1", "KEY_PREFIX": "p"}}
    keeps = "dummy" not in path

    def own(which: Any) -> Any:
        return which.get_or_call("own", lambda: "computed") if "Compressed" in path else "computed"

    said, told = on_stage(
        entries,
        lambda _: (cache.set("k", "v", 1000), own(cache))[1],
        lambda _: (cache.get("k"), own(cache), cache.get_or_set("k", "w")),
        lambda run: (cache.delete("k"), run.births.oldest_alive_s())[1],
    )
    assert said == ["computed", ("v" if keeps else None, "computed", "v" if keeps else "w"), said[2]]
    hits = [(call.hits, call.oldest_s) for call in told.calls if call.verb == "get" and call.pattern == "k"]
    assert hits == [(1, 0.0) if keeps else (0, math.inf)]
    blank = Blanks(entries).with_stores({})["default"]
    blank.set("k", "v")
    assert (blank.get("k"), own(blank), blank.get_or_set("k", "w")) == (None, "computed", "w")


@pytest.mark.parametrize("kind", ALL)
def test_aliases_share_a_store_where_the_project_has_it_so(kind: str) -> None:
    """The same LOCATION is the same store, told apart by KEY_PREFIX; another LOCATION is another store."""
    other = {**entry(kind), "LOCATION": "redis://cache.example.org/2" if "redis" in kind else "elsewhere"}
    entries = {"default": entry(kind), "same": entry(kind), "apart": entry(kind, KEY_PREFIX="p"), "other": other}

    def look(_: Any) -> Any:
        caches["default"].set("k", 1)
        caches["apart"].set("k", 2)
        before = [caches[alias].get("k") for alias in entries]
        caches["other"].clear()
        kept = [caches[alias].get("k") for alias in entries]
        caches["apart"].clear()
        return before, kept, [caches[alias].get("k") for alias in entries]

    (said,), _ = on_stage(entries, look)
    assert said == ([1, 1, 2, None], [1, 1, 2, None], [None] * 4)


def test_memory_is_a_workers_own_and_a_server_is_all_workers() -> None:
    """As in production."""
    for kind, shared in (("locmem", False), ("redis", True), ("file", True)):
        said, _ = on_stage(
            {"default": entry(kind)},
            lambda run: run.of_worker[0]["default"].set("k", 1),
            lambda run: [mapping["default"].get("k") for mapping in run.of_worker],
        )
        assert said[1] == [1, 1 if shared else None], kind


def test_a_backend_takes_the_place_of_what_holds_copies() -> None:
    """TIMEOUT and the like stay; an alias for sessions alone, or a dummy, stays what it is."""
    entries = {
        "default": entry("locmem", TIMEOUT=7, KEY_PREFIX="p"),
        "sessions": entry("file"),
        "off": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
    }
    sessions = {"SESSION_ENGINE": "django.contrib.sessions.backends.cache", "SESSION_CACHE_ALIAS": "sessions"}
    with override_settings(**sessions):
        (notes,), told = on_stage(
            entries, lambda run: (cache.set("k", 1), cache.make_key("k"), run.notes)[1:], backend="redis"
        )
    assert notes[0] == "p:1:k"
    assert told.calls[0].timeout == 7.0
    assert [note.split(" was ")[1].split(" ")[0].rpartition(".")[2] for note in notes[1]] == [
        "RedisCache",
        "FileBasedCache",
        "DummyCache",
    ]


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_every_backend_can_be_taken(backend: str) -> None:
    """With two aliases that stay apart, and sessions among the copies."""
    with override_settings(SESSION_ENGINE="django.contrib.sessions.backends.cache"):
        said, told = on_stage(
            {"default": entry("redis", KEY_PREFIX="p"), "other": entry("locmem")},
            lambda _: (cache.set("k", 1, 15), cache.set("cart", 2), caches["other"].get("k"))[2],
            lambda _: (cache.get("k"), cache.get("cart")),
            lambda _: cache.get("k"),
            backend=backend,
            stores=["cart"],
            rtt_s="auto",
        )
    assert said == [None, (None, None) if backend == "dummy" else (1, 2), None]
    assert [call.store for call in told.calls] == [False, True, False, False, True, False]


def test_a_round_trip_takes_the_scenarios_time() -> None:
    """On a server each command does; no time passes before the run."""
    for kind, trips in (("locmem", 1), ("redis", 1), ("memcached", 1), ("db", 1)):
        (first, second), _ = on_stage(
            {"default": entry(kind)},
            lambda run: (cache.get("k"), run.current.clock.request_time())[1],
            lambda run: (cache.get("early"), run.current.clock.request_time()),
            before=lambda run: run.of_worker[0]["default"].set("early", 1),
            rtt_s=0.25,
        )
        assert first == pytest.approx(0.25 * trips), kind
        assert second == (1, pytest.approx(10 + 0.25 * trips)), kind


def test_an_instant_means_what_it_says() -> None:
    """A server's clock shows the project's own time: so EXPIREAT of django-redis is right."""
    said, _ = on_stage(
        {"default": entry("django-redis")},
        lambda run: (cache.set("k", 1, None), cache.expire_at("k", int(run.current.epoch_s) + 15)),
        lambda _: cache.ttl("k"),
        lambda _: cache.get("k"),
    )
    assert said[1:] == [5, None]


def test_a_call_is_told_once_with_its_keys() -> None:
    """The outermost call counts; what `get_or_set` computes is the project's own; `in` asks for a key."""

    def calls(_: Any) -> None:
        cache.get_or_set("a:1", lambda: cache.get("inner"))
        cache.get_or_set("a:2", 5)
        cache.get_or_set("a:2", 5)
        cache.set_many({"b:1": 1, "b:2": 2}, 30)
        cache.get_many(["b:1", "b:2", "b:3"])
        assert "b:1" in cache
        cache.incr("b:1", 4)
        cache.decr("b:1")
        cache.touch("b:1", 99)
        cache.add("b:1", 1)
        cache.incr_version("b:2")
        cache.delete_many(["b:1", "b:9"])
        cache.clear()

    for kind in ALL:
        _, told = on_stage({"default": entry(kind)}, calls)
        assert [(call.verb, call.pattern, call.hits, call.misses) for call in told.calls] == [
            ("get", "inner", 0, 1),
            ("get_or_set", "a:*", 0, 1),
            ("get_or_set", "a:*", 0, 1),
            ("get_or_set", "a:*", 1, 0),
            ("set_many", "b:*", 0, 0),
            ("get_many", "b:*", 2, 1),
            ("has_key", "b:*", 1, 0),
            ("incr", "b:*", 0, 0),
            ("decr", "b:*", 0, 0),
            ("touch", "b:*", 0, 0),
            ("add", "b:*", 0, 0),
            ("incr_version", "b:*", 0, 0),
            ("delete_many", "b:*", 0, 0),
            ("clear", "*", 0, 0),
        ], kind


def test_a_variants_timeouts_go_by_pattern() -> None:
    """Whatever the project says, a key that matches has the variant's timeout; set_many may be told apart."""

    def calls(_: Any) -> None:
        cache.set("page.1", 1, 600)
        cache.set_many({"page.2": 1, "row.2": 1}, timeout=600)
        cache.add("page.3", 1)
        cache.get_or_set("page.4", 1, 600)
        cache.set("page.5", 1)
        cache.set("page.5", 2, 0)  # which deletes it, in each variant

    for kind in ALL:
        said, told = on_stage(
            {"default": entry(kind, KEY_PREFIX="p")},
            calls,
            lambda _: sorted(cache.get_many(["page.1", "page.2", "page.3", "page.4", "page.5", "row.2"])),
            timeouts={"page.*": 5},
        )
        assert said[1] == ["row.2"], kind
        assert told.calls[0].timeout == 5.0


def test_what_is_no_cache_is_refused() -> None:
    """In one line that names the alias."""
    with pytest.raises(UserError, match=r"CACHES\['default'\]: it has no BACKEND"):
        on_stage({"default": {}})
    with pytest.raises(UserError, match=r"CACHES\['default'\].*is no cache class|CACHES\['default'\].*module"):
        on_stage({"default": {"BACKEND": "no.such.Cache"}})
