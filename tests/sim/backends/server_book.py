"""The rule book of the servers: what Redis and memcached do with their clocks, and the clients with timeouts.

A round trip is a command of the store here, as it is at the socket; what the cache makes of commands is written from
the rules alone. It shares with Django's backends only `BaseCache`'s composite calls.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import floor, inf
from typing import Any, Literal

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from cachewise.sim.backends import Backend, Place
from cachewise.sim.engine.virtual import CURRENT_RUN

DAYS_30_S = 30 * 86_400
NoTime = Literal["stores it dead", "adds nothing", "adds, then removes it"]


@dataclass(frozen=True)
class ServerRules:
    """The named rules by which servers and their clients differ from a cache that keeps time exactly."""

    tick_ms: float = 0.001  # the server's clock moves in steps; libfaketime's finest is a microsecond
    dead_at_the_instant: bool = False  # at exactly t + timeout, by that clock, an entry has expired
    whole_seconds: bool = False  # the client cuts a timeout to whole seconds
    absolute_beyond_30_days: bool = False  # a longer timeout is sent as an instant, by the client's clock when it sends
    incr_is_two_calls: bool = False  # looks, then counts what is there by then
    incr_version_keeps: bool = False  # moves what is left of the timeout along, rounded to the second
    no_time: NoTime = "adds, then removes it"  # what becomes of a timeout that is cut to 0
    reclaims: bool = False  # dead entries make room whenever it likes: how many are left at the end is its own affair


class ServerBook(BaseCache):
    """One dict from key to (expiry in milliseconds, value). The commands come first, Django's calls after them."""

    rules = ServerRules()

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.entries: dict[str, tuple[float, Any]] = {}

    # The commands: each is one round trip.

    def fetch(self, key: str) -> Any:
        return self.entries[key][1] if self.live(key) else None

    def store(self, key: str, value: Any, ttl_ms: float, *, until_ms: float | None = None, new: bool = False) -> bool:
        if new and self.live(key):
            return False
        self.entries[key] = (self.now_ms() + ttl_ms if until_ms is None else until_ms, value)
        return True

    def remove(self, key: str) -> bool:
        was_live = self.live(key)
        self.entries.pop(key, None)
        return was_live

    def exists(self, key: str) -> bool:
        return self.live(key)

    def left_ms(self, key: str) -> float:
        return self.entries[key][0] - self.now_ms() if self.live(key) else -inf

    def count(self, key: str, delta: int, *, make: bool) -> int | None:
        if not self.live(key):
            if not make:
                return None
            self.entries[key] = (inf, 0)
        until_ms, value = self.entries[key]
        self.entries[key] = (until_ms, value + delta)
        return int(value + delta)

    def expire(self, key: str, ttl_ms: float) -> bool:
        if not self.live(key):
            return False
        self.entries[key] = (self.now_ms() + ttl_ms, self.entries[key][1])
        return True

    def flush(self) -> None:
        self.entries.clear()

    # The server's clock.

    def now_ms(self) -> float:
        """Return the server's time."""
        micros = floor(CURRENT_RUN.get().clock.time() * 1e6 + 0.5)  # type: ignore[union-attr]
        tick = round(self.rules.tick_ms * 1000)
        return micros // tick * tick / 1000

    def live(self, key: str) -> bool:
        """Return whether the entry is there; one that has expired goes when it is asked for."""
        until_ms = self.entries[key][0] if key in self.entries else -inf
        now_ms = self.now_ms()
        alive = until_ms > now_ms if self.rules.dead_at_the_instant else until_ms >= now_ms
        if not alive:
            self.entries.pop(key, None)
        return alive

    # Django's calls.

    def ttl_ms(self, timeout: Any) -> float:
        """Return a timeout as it is sent."""
        timeout = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        if timeout is None:
            return inf
        return int(timeout) * 1000 if self.rules.whole_seconds else int(timeout * 1000)

    def put(self, key: str, value: Any, ttl_ms: float, *, new: bool = False) -> Any:
        """Store a value; where its time is up already, do what the rules say."""
        if ttl_ms > 0 or self.rules.no_time == "stores it dead":
            return self.store(key, value, ttl_ms or -inf, until_ms=self.sent_until_ms(ttl_ms), new=new)
        if not new:
            return self.remove(key)
        if self.rules.no_time == "adds nothing":
            return not self.exists(key)
        return self.store(key, value, inf, new=True) and self.remove(key)

    def sent_until_ms(self, ttl_ms: float) -> float | None:
        """Return the instant of expiry, if that is what the client sends."""
        if self.rules.absolute_beyond_30_days and DAYS_30_S * 1000 < ttl_ms < inf:
            return floor(CURRENT_RUN.get().clock.time()) * 1000 + ttl_ms  # type: ignore[union-attr]
        return None

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        value = self.fetch(self.make_key(key, version))
        return default if value is None else value

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self.put(self.make_key(key, version), value, self.ttl_ms(timeout))

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self.put(self.make_key(key, version), value, self.ttl_ms(timeout), new=True))

    def delete(self, key: str, version: int | None = None) -> bool:
        return self.remove(self.make_key(key, version))

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self.exists(self.make_key(key, version))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self.expire(self.make_key(key, version), self.ttl_ms(timeout))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        key = self.make_key(key, version)
        two = self.rules.incr_is_two_calls
        counted = None if two and not self.exists(key) else self.count(key, delta, make=two)
        if counted is None:
            raise ValueError(f"Key {key!r} not found")
        return counted

    def incr_version(self, key: str, delta: int = 1, version: int | None = None) -> int:
        if not self.rules.incr_version_keeps:
            return int(super().incr_version(key, delta, version))  # type: ignore[misc]
        version = self.version if version is None else version
        old, new = (self.make_key(key, number) for number in (version, version + delta))
        value = self.fetch(old)
        left_ms = self.left_ms(old) if self.exists(old) else 0
        if value is None:
            raise ValueError(f"Key {key!r} not found")
        self.put(new, value, inf if left_ms == inf else (left_ms + 500) // 1000 * 1000)
        self.remove(old)
        return version + delta

    def clear(self) -> None:
        self.flush()


REDIS = ServerRules(tick_ms=1, whole_seconds=True, incr_is_two_calls=True)
SERVER_RULES = {
    "redis": REDIS,
    "memcached": ServerRules(
        tick_ms=1000,
        dead_at_the_instant=True,
        whole_seconds=True,
        absolute_beyond_30_days=True,
        no_time="stores it dead",
        reclaims=True,
    ),
    "django-redis": ServerRules(tick_ms=1, incr_version_keeps=True, no_time="adds nothing"),
}
COMMANDS = ("fetch", "store", "remove", "exists", "left_ms", "count", "expire", "flush")


def server_book(rules: ServerRules) -> Backend:
    """Return the servers' rule book as a backend."""
    cls = type("ServerBook", (ServerBook,), {"rules": rules})

    @contextmanager
    def opened(servers: object, *, virtual: bool) -> Iterator[Place]:  # noqa: ARG001 - what every opener takes
        yield Place("")

    return Backend(
        "server book",
        "rules",
        one_store=True,
        primitives=COMMANDS,
        open=opened,
        cache_class=cls,
        has_limits=False,
        entries=lambda cache: len(cache.entries),
    )
