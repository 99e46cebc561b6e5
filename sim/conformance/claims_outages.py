"""Known surprises beyond single calls: limits, outages, transactions, several servers, signals."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

from django.core.cache.backends.base import BaseCache

from ..contract import Bound, Costs, Row, Site
from ..daemons.memcached import MEMORY_MB
from ..daemons.session import servers
from ..engine.virtual import CURRENT_RUN, CurrentRun
from ..runner import run
from ..world.scenario import Scenario
from .claims import Claim, Seen, told
from .observe import Conformance
from .stage import Cue, Raised, Stage, outcome
from .twins import real_cache

TABLE = ("db", "postgres")
NODES_KEYS = 40
KEYS = 1000
LARGE = bytes(16_000)
PATIENCE_S = 0.5  # a client's timeout for a node that does not answer
DEAD_S = 1.0  # then the client tries that node again


@dataclass(frozen=True)
class _Filler:
    """A strategy that caches each row for ever."""

    name: ClassVar[str] = "filler"
    costs: ClassVar[Costs] = Costs(on_hit=1, added_by_miss=1, on_write=0)
    stale_at_most: ClassVar[Bound] = "none"

    def read(self, site: Site, key: str) -> Row:
        row = cast("Row | None", site.cache.get(key))
        if row is None:
            row = site.db.read(key)
            site.cache.set(key, row, None)
        return row

    def write(self, site: Site, key: str) -> None:
        site.db.write(key)


def _three_hundred(_stage: Stage, _found: Conformance) -> Seen:
    limit = BaseCache({})._max_entries
    busy = Scenario(
        "limits", keys=2000, read_popularity="zipf:0.9", reads_per_s=500, writes_per_s=0, duration_s=60, warmup_s=30
    )
    hits = [
        float(run(replace(busy, max_entries=most), _Filler(), backend="locmem", seed=1).summary["hit_ratio"])
        for most in (limit, 3000)
    ]
    words = f"MAX_ENTRIES is {limit}: of 2,000 keys at zipf 0.9 {hits[0]:.0%} hit, with 3,000 {hits[1]:.0%}"
    return Seen(limit == 300 and hits[0] < 0.6 and hits[1] > 0.95, words)


def _silent_after_an_error(stage: Stage, _found: Conformance) -> Seen:
    def cut(cache: Any) -> Any:
        for client in cache._cache.clients.values():
            client.sock.shutdown(2)
        return outcome(lambda: cache.get("k"))

    def ask(cache: Any) -> Any:
        return outcome(lambda: cache.delete("k")), outcome(lambda: cache.set("k", 2)), outcome(lambda: cache.get("k"))

    cues: list[Cue] = [(0.75, lambda cache: cache.set("k", 1)), (1.75, cut), (2.25, ask), (3.0, ask)]
    _, first, soon, later = (one.result for one in stage.play(cues))
    name = first.name if isinstance(first, Raised) else "nothing"
    words = f"the first call raises {name}; 0.5 s later delete, set, get give {soon}, after 1.25 s {later}"
    return Seen(name != "nothing" and soon == (False, None, None) and later == (True, None, 2), words)


def _two_nodes(stage: Stage) -> tuple[Any, Any]:
    """Return the session's two servers of a kind: one on virtual time, one on the real clock."""
    return stage.servers.start(stage.backend, virtual=True), stage.servers.start(stage.backend, virtual=False)


def _frozen_and_back(stage: Stage, _found: Conformance) -> Seen:
    from django.core.cache.backends.memcached import PyMemcacheCache

    keys = [f"n{number}" for number in range(NODES_KEYS)]
    one, other = _two_nodes(stage)
    cache: Any = PyMemcacheCache([one.location, other.location], {"OPTIONS": {"retry_attempts": 0}})
    cache.set_many(dict.fromkeys(keys, "old"))
    _, client = cache._cache.clients.values()
    client.close()  # the new connection waits longer for the healthy node
    client.timeout = client.connect_timeout = PATIENCE_S
    os.kill(other._process.pid, signal.SIGSTOP)
    try:
        raised = sum(_set_again(cache, key) for key in keys)
    finally:
        os.kill(other._process.pid, signal.SIGCONT)
    cache._cache.dead_timeout = DEAD_S  # set only now: the client tries the node again when it answers
    time.sleep(1.2 * DEAD_S)
    old = sum(cache.get(key) == "old" for key in keys)
    cache.clear()
    cache.close()
    # The number of keys depends on the servers' addresses.
    words = (
        "a set raises, all keys are set on the other node; back, it answers its share of the keys with the old values"
    )
    return told(0 < old < NODES_KEYS and raised > 0, words, old, raised)


def _set_again(cache: Any, key: str) -> bool:
    """Set a key's new value; return whether the first attempt raised."""
    raised = isinstance(outcome(lambda: cache.set(key, "new")), Raised)
    if raised:
        cache.set(key, "new")
    return raised


def _clears_all_servers(stage: Stage, _found: Conformance) -> Seen:
    from django.core.cache.backends.memcached import PyMemcacheCache

    one, other = _two_nodes(stage)
    caches = [PyMemcacheCache(server.location, {}) for server in (one, other)]
    for cache in caches:
        cache.set("k", 1)
    both = PyMemcacheCache([one.location, other.location], {})
    both.clear()
    left = [cache.get("k") for cache in caches]
    for cache in (*caches, both):
        cache.close()
    return told(left == [None, None], "a key on each of two servers: both are gone", *left)


def _reads_a_replica(stage: Stage, _found: Conformance) -> Seen:
    from django.core.cache.backends.redis import RedisCache

    one, other = _two_nodes(stage)
    cache: Any = RedisCache([one.location, other.location], {})
    cache.set("k", 1)
    read = cache.get("k")
    first: Any = RedisCache(one.location, {})
    written = first.get("k")
    cache.clear()
    for each in (*cache._cache._pools.values(), *first._cache._pools.values()):
        each.disconnect()  # Django leaves this to the end of the process
    words = "the new value is on the first server; the get asks the other: None"
    return told((written, read) == (1, None), words, written, read)


def _evicts(stage: Stage, _found: Conformance) -> Seen:
    def fill(cache: Any) -> Any:
        for number in range(KEYS):
            cache.set(f"n{number}", bytes(1000))
        return len(cache.get_many([f"n{number}" for number in range(KEYS)]))

    def body(cache: Any) -> Any:
        server = cache._cache.get_client(None, write=True)
        server.config_set("maxmemory", server.info("memory")["used_memory"] + 200_000)
        try:
            full = outcome(lambda: fill(cache))
            server.config_set("maxmemory-policy", "allkeys-lru")
            return full, fill(cache)
        finally:
            server.config_set("maxmemory", 0)
            server.config_set("maxmemory-policy", "noeviction")

    with real_cache(stage.backend, stage.servers) as within:
        full, kept = within(body)
    words = "with maxmemory a set raises OutOfMemoryError; with allkeys-lru, some of 1,000 keys of 1 kB are gone"
    return told(full == Raised("OutOfMemoryError") and 0 < kept < KEYS, words, full, kept)


def _evicts_by_size(stage: Stage, _found: Conformance) -> Seen:
    def body(cache: Any) -> Any:
        cache.set_many({"cold": LARGE, "read": LARGE, "small": b""})
        (client,) = cache._cache.clients.values()
        client.raw_command("cache_memlimit 8")  # MB
        try:
            for number in range(KEYS):
                cache.set(f"n{number}", LARGE)
                cache.get("read")
        finally:
            client.raw_command(f"cache_memlimit {MEMORY_MB}")
        return sorted(cache.get_many(["cold", "read", "small"]))

    # On its own server: a server keeps the memory that it has once used.
    with servers() as own, real_cache(stage.backend, own) as within:
        left = within(body)
    words = f"16 MB are set into 8: of a cold key, one read meanwhile, and a small cold one, left are {', '.join(left)}"
    return Seen(left == ["read", "small"], words)


def _rolls_back(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: BaseCache) -> Any:
        from django.db import transaction

        alias = cast("CurrentRun", CURRENT_RUN.get()).database_alias
        cache.set("k", "before")
        with transaction.atomic(using=alias):
            cache.set("k", "inside")
            inside = cache.get("k")
            transaction.set_rollback(True, using=alias)
        return inside, cache.get("k")

    inside, after = stage.ask(act)
    return Seen((inside, after) == ("inside", "before"), f"set inside, then rolled back: the value is {after!r} again")


def _add_refuses(stage: Stage, _found: Conformance) -> Seen:
    # Stored at 0.25 for 9.75 s: it expires at the very second 10.
    cues: list[Cue] = [
        (0.25, lambda cache: cache.set_many(dict.fromkeys("abc", "old"), 9.75)),
        (10.0, lambda cache: (cache.get("a"), cache.has_key("a"))),
        (10.75, lambda cache: (cache.add("b", "new"), cache.get("b"))),
        (11.0, lambda cache: cache.add("c", "new")),
    ]
    _, at_it, soon, later = (one.result for one in stage.play(cues))
    words = f"at its second get {at_it[0]!r}, has_key {at_it[1]}; 0.75 s later add {soon[0]}, get {soon[1]}"
    return Seen((at_it, soon, later) == (("old", False), (False, None), True), f"{words}; 1 s later add {later}")


class _Intruder:
    """The real clock. At the first request for the time, another caller acts before the answer."""

    def __init__(self, enter: Callable[[], object]) -> None:
        self._enter: Callable[[], object] | None = enter

    def time(self) -> float:
        enter, self._enter = self._enter, None
        if enter is not None:
            enter()
        return time.time()


def _get_destroys(stage: Stage, _found: Conformance) -> Seen:
    def body(cache: BaseCache) -> Any:
        cache.set("k", "old", -10)
        current = cast("CurrentRun", CURRENT_RUN.get())
        # A get reads the entry, then asks for the time; at this moment the fresh value is set.
        CURRENT_RUN.set(replace(current, clock=_Intruder(lambda: cache.set("k", "fresh", 1000))))
        read = cache.get("k")
        return read, cache.get("k")

    with real_cache(stage.backend, stage.servers) as within:
        read, left = within(body)
    return told((read, left) == (None, None), "a fresh value set between its look and its delete is gone", read, left)


def _reconnects(stage: Stage, _found: Conformance) -> Seen:
    def act(cache: Any) -> Any:
        import django.core.cache  # noqa: F401 - it connects the receiver
        from django.core.signals import request_finished

        cache.get("k")
        connected = any(client.sock is not None for client in cache._cache.clients.values())
        cache.close()
        left = any(client.sock is not None for client in cache._cache.clients.values())
        # By name: django-valkey, once imported, replaces Django's receiver by its own.
        receivers = [receiver() for _, receiver, *_ in request_finished.receivers]
        heard = any(getattr(one, "__name__", "") in ("close_caches", "close_async_caches") for one in receivers)
        return connected, left, heard

    connected, left, heard = stage.ask(act)
    words = f"a socket after a get: {connected}, after close: {left}; request_finished closes caches: {heard}"
    return Seen((connected, left, heard) == (True, False, True), words)


OUTAGES = (
    Claim(("locmem",), "MAX_ENTRIES is 300 unless set, and culls silently", "BaseCache.__init__", _three_hundred),
    Claim(
        ("memcached",),
        "after a socket error delete gives False and set None for a second, with no exception",
        "HashClient._safely_run_func",
        _silent_after_an_error,
    ),
    Claim(
        ("memcached",), "a frozen node that comes back serves old values", "HashClient._retry_dead", _frozen_and_back
    ),
    Claim(("memcached",), "clear is flush_all on all servers", "HashClient.flush_all", _clears_all_servers),
    Claim(
        ("memcached",),
        "with full memory, the least recently used entry of a size is dropped silently",
        "the server's slab classes",
        _evicts_by_size,
    ),
    Claim(("memcached",), "disconnects on request_finished", "BaseMemcachedCache.close", _reconnects),
    Claim(TABLE, "writes join the caller's transaction and roll back with it", "DatabaseCache._base_set", _rolls_back),
    Claim(
        TABLE,
        "add refuses for up to a second after expiry; at its second get hits, has_key is False",
        "DatabaseCache._base_set, has_key",
        _add_refuses,
    ),
    Claim(
        ("file",),
        "get of an expired entry deletes by key, even a fresh value",
        "FileBasedCache._is_expired",
        _get_destroys,
    ),
    Claim(
        TABLE,
        "get of an expired entry deletes by key, even a fresh value",
        "DatabaseCache.get_many",
        _get_destroys,
    ),
    Claim(("redis",), "the server's maxmemory decides what goes", "the server's maxmemory-policy", _evicts),
    Claim(
        ("redis",),
        "several LOCATIONs: writes go to the first, reads to a random other",
        "RedisCacheClient._get_connection_pool_index",
        _reads_a_replica,
    ),
)
