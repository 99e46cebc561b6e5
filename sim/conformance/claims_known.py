"""Known surprises of Django's backends, call by call, each with its test."""

from pathlib import Path
from typing import Any

from django.core.cache.backends.base import BaseCache

from .claims import (
    ADDED_ONCE,
    ALL_COUNT,
    Claim,
    Seen,
    atomic,
    every,
    lives,
    other_application,
    returns,
    takes,
    told,
)
from .observe import Conformance
from .stage import Cue, Raised, Stage, outcome

TABLE = ("db", "postgres")
MEMCACHED = ("memcached", "PyLibMCCache")
LIVE = "live"
ABOUT_S = "10 s"
KEYS = 1000


def _overwriting_culls(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        for key in "abcc":
            cache.set(key, 1)
        return [key for key in "abc" if key in cache]

    kept = stage.ask(act, max_entries=3, cull_frequency=3)
    return Seen(kept == ["b", "c"], f"MAX_ENTRIES 3; a, b, c and c again are set: left are {', '.join(kept)}")


def _least_recent_goes(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        for key in "abc":
            cache.set(key, 1)
        cache.get("a")
        cache.set("d", 1)
        return [key for key in "abcd" if key in cache]

    kept = stage.ask(act, max_entries=3, cull_frequency=3)
    return Seen(kept == ["a", "c", "d"], f"a, b, c are set, a is read, d is set: left are {', '.join(kept)}")


def _random_ones_go(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        for number in range(9):
            cache.set(f"n{number}", number)
        cache.set("more", 1)
        return {number for number in range(9) if f"n{number}" not in cache}

    one, other = (stage.play([(0.75, act)], seed=seed, max_entries=9)[0].result for seed in (1, 2))
    return told(len(one) == len(other) == 3 and one != other, "3 of 9 go, with another seed other ones", one, other)


def _expired_then_lowest_go(stage: Stage, _found: Conformance) -> Seen:
    def fill(cache: BaseCache) -> Any:
        for key in "dcb":
            cache.set(key, 1)
        cache.set("a", 1)
        return cache.get("z"), sorted(cache.get_many("abcd"))

    def then(cache: BaseCache) -> Any:
        cache.set("e", 1)
        return sorted(cache.get_many("abcde"))

    cues: list[Cue] = [(0.75, lambda cache: cache.set("z", 1, 2)), (9.75, fill), (10.75, then)]
    _, (_, first), second = (one.result for one in stage.play(cues, max_entries=3, cull_frequency=2))
    words = f"an expired key makes room for {', '.join(first)}; then e is set: left are {', '.join(second)}"
    return Seen(first == list("abcd") and second == list("cde"), words)


def _lists_the_folder(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: Any) -> Any:
        listed = []
        real = cache._list_cache_files

        def counted() -> Any:
            listed.append(1)
            return real()

        cache._list_cache_files = counted
        for number in range(7):
            cache.set(f"n{number}", number)
        del cache._list_cache_files
        return len(listed)

    times = stage.ask(act, max_entries=300)
    return Seen(times == 7, f"{times} listings in 7 sets (none in a simulation without a limit)")


def _clears_all(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        other = other_application(cache)
        other.set("theirs", 1)
        there = other.get("theirs")
        cache.clear()
        return there, other.get("theirs")

    there, left = stage.ask(act)
    return told(there == 1 and left is None, "a key under another KEY_PREFIX is gone, too", there, left)


def _clears_files(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: Any) -> Any:
        for name in ("theirs.djcache", "theirs.txt"):
            (Path(cache._dir) / name).write_text("")
        cache.clear()
        return sorted(path.name for path in Path(cache._dir).iterdir())

    left = stage.ask(act)
    return told(left == ["theirs.txt"], "a foreign .djcache file goes, a foreign .txt stays", left)


def _no_limit_of_djangos(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        for number in range(KEYS):
            cache.set(f"n{number}", number)
        return len(cache.get_many([f"n{number}" for number in range(KEYS)]))

    kept = stage.ask(act)
    return Seen(kept == KEYS, f"{kept:,} of {KEYS:,} keys kept")


def _inserts_or_updates(stage: Stage, found: Conformance) -> Seen:
    absent = stage.play([(0.75, lambda cache: cache.add("k", 1))])[0].trips[3]
    expired = found.of("add", "expired", ABOUT_S).trips[3]
    return Seen((absent, expired) == ("insert", "update"), f"absent: {absent}; expired: {expired}")


def _revives(stage: Stage, _found: Conformance) -> Seen:
    cues: list[Cue] = [
        (0.75, lambda cache: cache.set("k", "old", 5)),
        (60.75, lambda cache: cache.touch("k", 10)),
        (61.75, lambda cache: cache.get("k")),
    ]
    _, touched, read = (one.result for one in stage.play(cues))
    words = "True; 55 s after its expiry the old row is served again"
    return told((touched, read) == (True, "old"), words, touched, read)


def _incr_outlives(stage: Stage, _found: Conformance) -> Seen:
    # A round trip is 1 s: EXISTS comes at 10.75, the key expires at 11.25, INCRBY comes at 11.75.
    cues: list[Cue] = [
        (0.75, lambda cache: cache.set("n", 41, 10)),
        (10.25, lambda cache: outcome(lambda: cache.incr("n"))),
        (90_000_000.5, lambda cache: cache.get("n")),
    ]
    _, counted, left = (one.result for one in stage.play(cues, cache_rtt_s=1))
    return told((counted, left) == (1, 1), "41 becomes 1, and is still there after 1,000 days", counted, left)


KNOWN = (
    Claim(("locmem",), "set culls at MAX_ENTRIES even when it overwrites", "LocMemCache._set", _overwriting_culls),
    Claim(("locmem",), "add is atomic in the process", "LocMemCache.add", ADDED_ONCE),
    Claim(
        ("locmem",),
        "incr is atomic and keeps the timeout",
        "LocMemCache.incr",
        every(ALL_COUNT, lives("incr", LIVE, "", "< 990")),
    ),
    Claim(
        ("locmem",),
        "touch on an expired key is False",
        "LocMemCache.touch",
        returns("touch", "expired", ABOUT_S, gives=False),
    ),
    Claim(("locmem",), "clear empties the whole LOCATION, any prefix", "LocMemCache.clear", _clears_all),
    Claim(("locmem",), "the cull takes the least recently used", "LocMemCache._cull", _least_recent_goes),
    Claim(
        ("locmem",), "keeps a sub-second timeout", "BaseCache.get_backend_timeout", lives("set", LIVE, "0.9 s", "< 0.9")
    ),
    Claim(("file",), "set lists the folder every time", "FileBasedCache._cull", _lists_the_folder),
    Claim(
        ("file",),
        "add is has_key, then set: two callers both get True",
        "FileBasedCache.add",
        every(takes("add", "expired", ABOUT_S, "has_key", "set"), atomic("add", "add")),
    ),
    Claim(
        ("file",),
        "incr is get, then set: not atomic, timeout reset to 300 s",
        "BaseCache.incr",
        every(
            takes("incr", LIVE, "", "get", "set"), atomic("incr", "incr", "delete"), lives("incr", LIVE, "", "≤ 300")
        ),
    ),
    Claim(
        ("file",),
        "touch on an expired key raises ValueError",
        "FileBasedCache.touch",
        returns("touch", "expired", ABOUT_S, gives=Raised("ValueError")),
    ),
    Claim(("file",), "clear removes all *.djcache", "FileBasedCache.clear", every(_clears_all, _clears_files)),
    Claim(("file",), "the cull takes a random sample", "FileBasedCache._cull", _random_ones_go),
    Claim(
        ("file",), "keeps a sub-second timeout", "BaseCache.get_backend_timeout", lives("set", LIVE, "0.9 s", "≤ 0.9")
    ),
    Claim(
        TABLE,
        "set is 5 statements",
        "DatabaseCache._base_set",
        takes("set", LIVE, ABOUT_S, "select", "begin", "select", "update", "commit"),
    ),
    Claim(TABLE, "add inserts, and updates an expired row", "DatabaseCache._base_set", _inserts_or_updates),
    Claim(
        TABLE,
        "incr is 6 statements, timeout reset to 300 s",
        "BaseCache.incr",
        every(
            takes("incr", LIVE, "", "select", "select", "begin", "select", "update", "commit"),
            lives("incr", LIVE, "", "≤ 299.25"),
        ),
    ),
    Claim(TABLE, "touch on an expired key is True and revives the old row", "DatabaseCache._base_set", _revives),
    Claim(
        TABLE,
        "clear is DELETE FROM, any prefix",
        "DatabaseCache.clear",
        every(takes("clear", LIVE, "", "delete"), _clears_all),
    ),
    Claim(TABLE, "the cull takes the expired, then the lowest keys", "DatabaseCache._cull", _expired_then_lowest_go),
    Claim(
        TABLE,
        "floors expiry to the second: 10 s set at x.75 live 9.25 s",
        "DatabaseCache._base_set",
        lives("set", LIVE, ABOUT_S, "≤ 9.25"),
    ),
    Claim(("redis",), "set is 1 round trip", "RedisCacheClient.set", takes("set", LIVE, ABOUT_S, "set")),
    Claim(
        ("redis",),
        "add is one SET NX EX",
        "RedisCacheClient.add",
        every(takes("add", "expired", ABOUT_S, "set"), ADDED_ONCE),
    ),
    Claim(
        ("redis",),
        "incr is EXISTS, then INCRBY: expiry in between leaves a persistent key",
        "RedisCacheClient.incr",
        every(takes("incr", LIVE, "", "exists", "incrby"), _incr_outlives),
    ),
    Claim(
        ("redis", *MEMCACHED),
        "touch on an expired key is False",
        "the server",
        returns("touch", "expired", ABOUT_S, gives=False),
    ),
    Claim(
        ("redis",),
        "clear is FLUSHDB, any prefix",
        "RedisCacheClient.clear",
        every(takes("clear", LIVE, "", "flushdb"), _clears_all),
    ),
    Claim(
        ("redis", "memcached"),
        "Django culls nothing: the server's memory limit decides",
        "the server",
        _no_limit_of_djangos,
    ),
    Claim(
        ("redis",),
        "a timeout of 0.9 deletes",
        "RedisCache.get_backend_timeout",
        every(takes("set", LIVE, "0.9 s", "del"), lives("set", LIVE, "0.9 s", "gone at once")),
    ),
    Claim(MEMCACHED, "set is 1 round trip", "BaseMemcachedCache.set", takes("set", LIVE, ABOUT_S, "set")),
    Claim(MEMCACHED, "add is atomic", "BaseMemcachedCache.add", ADDED_ONCE),
    Claim(
        MEMCACHED,
        "incr is atomic and keeps the timeout",
        "BaseMemcachedCache.incr",
        every(ALL_COUNT, lives("incr", LIVE, "", "< 989.25")),
    ),
    Claim(
        MEMCACHED,
        "a timeout of 0.9 expires at once",
        "BaseMemcachedCache.get_backend_timeout",
        lives("set", LIVE, "0.9 s", "gone at once"),
    ),
)
