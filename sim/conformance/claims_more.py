"""Surprises that no list had: they were seen while the backends were tested."""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import BaseCache

from .cases import TIMEOUTS
from .claims import ALL_COUNT, Claim, Seen, crowded, every, lives, returns, takes, told
from .crowds import seen_half_done
from .meetings import Meeting, met
from .observe import Conformance
from .stage import Cue, Raised, Stage, outcome
from .twins import Twin, hand_moved_cache, real_cache

DAYS_30 = list(TIMEOUTS)[3]
YEAR_S = 365 * 86_400
ON_REDIS = ("redis", "django-redis")
COUNTERS = "LocMemCache.incr, BaseCache.incr, RedisCacheClient.incr, DefaultClient.decr"
KEEPING = ("locmem", "redis", "memcached", "django-redis")  # here, incr is one call that keeps the timeout


def _around_a_clear(stage: Stage, _found: Conformance) -> Seen:
    cues: list[Cue] = [
        (10.25, lambda cache: cache.set("before", 1)),
        (10.5, lambda cache: cache.clear()),
        (10.75, lambda cache: cache.set("after", 1)),
        (10.75, lambda cache: (cache.get("before"), cache.get("after"))),
        (12.5, lambda cache: (cache.get("before"), cache.get("after"))),
    ]
    *_, at_once, later = (one.result for one in stage.play(cues))
    words = "within the same second, entries set before are gone and those set after stay"
    return told(at_once == later == (None, 1), words, at_once, later)


def _past_2038(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        cache.set("10_years", 1, 10 * YEAR_S)
        cache.set("15_years", 1, 15 * YEAR_S)
        return cache.get("10_years"), cache.get("15_years")

    seen = stage.ask(act)
    return told(seen == (1, None), "stored for 10 years it is there, for 15 years it is gone at once", *seen)


def _counts_down(expected: Any) -> Callable[[Stage, Conformance], Seen]:
    """Return a check of the result of counting down by 3 from 1."""

    def check(stage: Stage, _found: Conformance) -> Seen:
        def act(cache: BaseCache) -> Any:
            cache.set("n", 1)
            return cache.decr("n", 3)

        seen = stage.ask(act)
        return Seen(seen == expected, f"1 - 3 = {seen}")

    return check


def _counts_up(value: Any, expected: Any) -> Callable[[Stage, Conformance], Seen]:
    """Return a check of the result of `incr` on *value*."""

    def check(stage: Stage, _found: Conformance) -> Seen:
        def act(cache: BaseCache) -> Any:
            cache.set("n", value)
            return outcome(lambda: cache.incr("n"))

        seen = stage.ask(act)
        words = f"raises {seen.name}" if isinstance(seen, Raised) else f"{value} becomes {seen}"
        return Seen(seen == expected, words)

    return check


def _fraction_trips(stage: Stage, _found: Conformance) -> Seen:
    cues: list[Cue] = [(0.75, lambda cache: cache.set("n", 1.5)), (1.75, lambda cache: cache.incr("n"))]
    trips = stage.play(cues)[1].trips
    return Seen(trips == ("eval", "exists", "ttl", "get", "set"), f"{len(trips)}: {', '.join(trips)}")


def _counts_a_version(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        cache.set("n", 10)
        cache.set("n", 20, version=2)
        return cache.incr("n", version=2), cache.get("n"), cache.get("n", version=2)

    seen = stage.ask(act)
    return told(seen == (21, 10, 21), "version 2 is counted up, version 1 is left alone", *seen)


def _zero_add(stage: Stage, _found: Conformance) -> Seen:
    def zero(cache: Any, key: str) -> Any:
        return cache.add(key, 7, 0)

    meeting = Meeting("add", "add", zero, (zero,), there=False)
    times = met(stage, [meeting])[meeting]
    words = "with another caller, the second add is refused because of an entry that should never have lived"
    return told(times > 0, words, times)


def _moves_rounded(stage: Stage, _found: Conformance) -> Seen:
    def store(cache: BaseCache) -> None:
        for key in "ab":
            cache.set(key, 1, 10)

    def look(cache: BaseCache) -> Any:
        return cache.get("a", version=2), cache.get("b", version=2)

    cues: list[Cue] = [
        (0.75, store),
        (10.125, lambda cache: cache.incr_version("a")),  # 0.625 s left: rounded to 1 s
        (10.5, lambda cache: cache.incr_version("b")),  # 0.25 s left: rounded to none
        (10.5, look),
        (11.0, look),
    ]
    *_, moved, later = (one.result for one in stage.play(cues))
    words = "with 0.625 s left an entry gets 1 s, with 0.25 s left it is lost, though incr_version returns 2"
    return told((moved, later) == ((1, None), (1, None)), words, moved, later)


def _options_raise(stage: Stage, _found: Conformance) -> Seen:
    def body(cache: Any) -> Any:
        limited = type(cache)(cache._servers, {"OPTIONS": {"MAX_ENTRIES": 1000}})
        return outcome(lambda: limited.get("k"))

    with real_cache(stage.backend, stage.servers) as within:
        seen = within(body)
    return Seen(seen == Raised("TypeError"), f"raises {seen.name}" if isinstance(seen, Raised) else str(seen))


def _async_incr(stage: Stage, _found: Conformance) -> Seen:
    def count(cache: Any) -> None:
        for key in "ab":
            cache.set(key, 1, 10)
        cache.incr("a")
        Twin(cache).incr("b")

    with hand_moved_cache(stage.backend, stage.servers) as (within, clock):
        within(count)
        clock.move(20.0)
        seen = within(lambda cache: (cache.get("a"), cache.get("b")))
    words = "stored for 10 s: 20 s later what incr counted is gone, what aincr counted is there"
    return told(seen == (None, 2), words, *seen)


MORE = (
    Claim(
        KEEPING,
        "aincr is not incr: a get and a set, which resets the timeout to 300 s",
        "BaseCache.aincr",
        _async_incr,
    ),
    Claim(
        ON_REDIS,
        "touch(None) on a persistent key is False",
        "PERSIST of the server",
        returns("touch", "persistent", "None", gives=False),
    ),
    Claim(
        ON_REDIS,
        "touch with a timeout makes a persistent key expire",
        "EXPIRE of the server",
        every(returns("touch", "persistent", "10 s", gives=True), lives("touch", "persistent", "10 s", "< 10.001")),
    ),
    Claim(
        ("redis", "memcached", "django-redis"),
        "incr on a persistent key leaves it persistent",
        "the server",
        lives("incr", "persistent", "", "for ever"),
    ),
    Claim(
        ("locmem", "file", "db", "postgres"),
        "delete of an expired key is True: it is not checked for expiry",
        "LocMemCache._delete, FileBasedCache._delete, DatabaseCache._base_delete_many",
        returns("delete", "expired", "", gives=True),
    ),
    Claim(
        ("redis", "memcached", "django-redis"),
        "delete of an expired key is False",
        "the server",
        returns("delete", "expired", "", gives=False),
    ),
    Claim(
        ("redis", "django-redis"),
        "an entry is there for all of the millisecond in which it expires",
        "the server",
        lives("set", "live", "10 s", "< 10.001"),
    ),
    Claim(
        ("db", "postgres"),
        "add of a live key sends an INSERT, which fails and is rolled back",
        "DatabaseCache._base_set",
        takes("add", "live", "10 s", "select", "begin", "select", "insert", "rollback"),
    ),
    Claim(
        ("redis",),
        "a timeout of 1.9 is 1",
        "RedisCache.get_backend_timeout",
        lives("set", "live", "1.9 s", "< 1.001"),
    ),
    Claim(
        ("memcached",),
        "a timeout of 1.9, set at x.75, is 0.25 s",
        "BaseMemcachedCache.get_backend_timeout, then the server's clock of whole seconds",
        lives("set", "live", "1.9 s", "< 0.25"),
    ),
    Claim(
        ("memcached",),
        "30 days + 1 s is sent as an absolute time, by the application's clock, and kept",
        "BaseMemcachedCache.get_backend_timeout",
        lives("set", "live", DAYS_30, "< 2592000.25"),
    ),
    Claim(
        ("memcached",),
        "an entry that would expire past 2038 is lost at once (the day is always 2026-01-01)",
        "the server's 32 bits",
        _past_2038,
    ),
    Claim(
        ("memcached",),
        "clear removes only entries set before it, also within one second",
        "the server",
        _around_a_clear,
    ),
    Claim(("memcached",), "decr stops at 0", "the server", _counts_down(0)),
    Claim(("locmem", "file", "db", "postgres", *ON_REDIS), "decr goes below 0", COUNTERS, _counts_down(-2)),
    Claim(
        ("memcached",), "incr of a negative number raises", "the server", _counts_up(-5, Raised("MemcacheClientError"))
    ),
    Claim(
        ("locmem", "file", "db", "postgres"),
        "incr of a fraction counts",
        "LocMemCache.incr, BaseCache.incr",
        _counts_up(1.5, 2.5),
    ),
    Claim(("redis",), "incr of a fraction raises", "the server", _counts_up(1.5, Raised("ResponseError"))),
    Claim(("memcached",), "incr of a fraction raises", "the server", _counts_up(1.5, Raised("MemcacheClientError"))),
    Claim(
        ("django-redis",),
        "incr of a fraction counts, but by get and set",
        "DefaultClient._incr",
        every(_counts_up(1.5, 2.5), _fraction_trips),
    ),
    Claim(
        ("locmem", "file", "db", "postgres", "memcached", *ON_REDIS),
        "incr(key, version=2) counts that version alone",
        "BaseCache.make_key",
        _counts_a_version,
    ),
    Claim(
        ("redis",),
        "add with a timeout of 0 is SET NX, then DEL: not atomic",
        "RedisCacheClient.add",
        every(takes("add", "expired", "0", "set", "del"), _zero_add),
    ),
    Claim(
        ("redis", "memcached"),
        "MAX_ENTRIES in OPTIONS is passed to the client: every call raises",
        "RedisCacheClient.__init__, BaseMemcachedCache._cache",
        _options_raise,
    ),
    Claim(
        ("PyLibMCCache",),
        "touch with a timeout of 0.9 raises: -1 is sent, which libmemcached refuses there",
        "PyLibMCCache.touch",
        every(
            returns("touch", "live", "0.9 s", gives=Raised("AllocationError")),
            lives("touch", "live", "0.9 s", "< 989.25"),
        ),
    ),
    Claim(
        ("django-redis",),
        "a timeout of 0.9 is kept: it sends milliseconds",
        "DefaultClient.set",
        lives("set", "live", "0.9 s", "< 0.901"),
    ),
    Claim(
        ("django-redis",),
        "incr is one script: no count is lost",
        "DefaultClient._incr",
        every(takes("incr", "live", "", "eval"), ALL_COUNT),
    ),
    Claim(
        ("memcached",),
        "set_many is one send, but not one instant: the server does one command after the other",
        "BaseMemcachedCache.set_many",
        crowded(seen_half_done, gives=True, words="a concurrent reader finds some keys new and others old"),
    ),
    Claim(
        ON_REDIS,
        "set_many is one MULTI: all or nothing",
        "RedisCacheClient.set_many, DefaultClient.set_many",
        every(
            takes("set_many", "live", "10 s", "multi"),
            crowded(seen_half_done, gives=False, words="no concurrent reader finds some keys new and others old"),
        ),
    ),
    Claim(
        ("django-redis",),
        "incr_version keeps the timeout",
        "DefaultClient.incr_version",
        lives("incr_version", "live", "", "< 990.001"),
    ),
    Claim(
        ("django-redis",),
        "incr_version rounds the rest of the timeout to the second",
        "DefaultClient.ttl",
        _moves_rounded,
    ),
    Claim(
        ("django-redis",),
        "set returns True, set_many None, delete_many a number: not what Django's backends return",
        "DefaultClient.set, set_many, delete_many",
        every(
            returns("set", "live", "10 s", gives=True),
            returns("set_many", "live", "10 s", gives=None),
            returns("delete_many", "live", "", gives=3),
        ),
    ),
)
