"""A cache written from the catalogue's rules alone: with a backend's rules on it must do what that backend does.

It shares with Django's backends only `BaseCache`'s composite calls and the conversion of a timeout to an instant.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from math import floor, inf
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from cachewise.sim.backends import Backend, Place
from cachewise.sim.engine.virtual import CURRENT_RUN

Cull = Callable[["RuleBookCache", float], list[str]]


@dataclass(frozen=True)
class Rules:
    """The named rules by which Django's backends differ; the defaults are the plain cache one would expect."""

    dead_at_the_instant: bool = False  # at exactly t + timeout an entry has expired
    whole_seconds: bool = False  # the instant of expiry is floored to the second
    floored_now: bool = False  # add and has_key compare with the current second's beginning
    touch_revives: bool = False  # touch does not ask whether the entry has expired
    add_is_two_calls: bool = False  # has_key, then set
    incr_is_two_calls: bool = False  # get, then set, which gives the default timeout
    refusals_cull: bool = False  # add and touch make room before they look
    cull: Cull | None = None  # which entries go when one more is stored


class RuleBookCache(BaseCache):
    """One dict from key to (expiry, value), in order of last use."""

    rules = Rules()

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.entries: dict[str, tuple[float, Any]] = {}

    def now(self, *, floored: bool = False) -> float:
        """Return the virtual time."""
        now_s = CURRENT_RUN.get().clock.time()  # type: ignore[union-attr]
        return floor(now_s) if floored and self.rules.floored_now else now_s

    def live(self, key: str, *, floored: bool = False, strictly: bool = False) -> bool:
        """Return whether the entry is there and has not expired."""
        until_s = self.entries[key][0] if key in self.entries else -inf
        now_s = self.now(floored=floored)
        return until_s > now_s if self.rules.dead_at_the_instant or strictly else until_s >= now_s

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        key = self.make_key(key, version)
        if not self.live(key):
            self.entries.pop(key, None)
            return default
        if self.rules.cull is least_recent:
            self.entries[key] = self.entries.pop(key)
        return self.entries[key][1]

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        key = self.make_key(key, version)
        self.make_room()
        self.entries.pop(key, None)
        self.entries[key] = (self.expiry(timeout), value)

    def make_room(self) -> None:
        """Throw away what has to go before one more entry is stored."""
        for victim in self.rules.cull(self, self.now(floored=True)) if self.rules.cull else ():
            self.entries.pop(victim, None)

    def expiry(self, timeout: Any) -> float:
        """Return the instant at which an entry stored now expires."""
        until_s = self.get_backend_timeout(timeout)
        if until_s is None:
            return inf
        return floor(round(until_s, 6)) if self.rules.whole_seconds else until_s

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        if self.rules.refusals_cull:
            self.make_room()
        if self.live(self.make_key(key, version), floored=True):
            return False
        RuleBookCache.set(self, key, value, timeout, version)
        return True

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self.live(self.make_key(key, version), floored=True, strictly=self.rules.floored_now)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        key = self.make_key(key, version)
        if self.rules.refusals_cull:
            self.make_room()
        if not (key in self.entries if self.rules.touch_revives else self.live(key)):
            return False
        self.entries[key] = (self.expiry(timeout), self.entries[key][1])
        return True

    def delete(self, key: str, version: int | None = None) -> bool:
        return self.entries.pop(self.make_key(key, version), None) is not None

    def clear(self) -> None:
        self.entries.clear()


class OneCallIncr:
    """Adds one in a single call that keeps the timeout."""

    def incr(self: Any, key: str, delta: int = 1, version: int | None = None) -> int:
        key = self.make_key(key, version)
        if not self.live(key):
            raise ValueError(f"Key {key!r} not found")
        until_s, value = self.entries.pop(key)
        self.entries[key] = (until_s, value + delta)
        return int(value + delta)


class TwoCallAdd:
    """Looks whether the key is there, then sets it."""

    def add(self: Any, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        if self.has_key(key, version):
            return False
        self.set(key, value, timeout, version)
        return True


def least_recent(cache: RuleBookCache, _now_s: float) -> list[str]:
    """At the limit, a share of the entries goes: the least recently used ones."""
    count = len(cache.entries)
    return list(cache.entries)[: count // cache._cull_frequency] if count >= cache._max_entries else []


def at_random(cache: RuleBookCache, _now_s: float) -> list[str]:
    """At the limit, a share of the entries goes: a random sample, by the seed."""
    count = len(cache.entries)
    if count < cache._max_entries:
        return []
    by_file = {md5(key.encode(), usedforsecurity=False).hexdigest(): key for key in cache.entries}
    culling = CURRENT_RUN.get().culling  # type: ignore[union-attr]
    return [by_file[name] for name in culling.sample(sorted(by_file), int(count / cache._cull_frequency))]


def lowest_keys(cache: RuleBookCache, now_s: float) -> list[str]:
    """Above the limit the expired ones go, and if that is not enough a share of the rest: the lowest keys."""
    if len(cache.entries) <= cache._max_entries:
        return []
    expired = [key for key, (until_s, _) in cache.entries.items() if until_s < now_s]
    rest = sorted(set(cache.entries) - set(expired))
    many = len(rest) > cache._max_entries
    return expired + (rest[: len(rest) // cache._cull_frequency] if many else [])


RULES = {
    "shared": Rules(dead_at_the_instant=True, cull=least_recent),
    "file": Rules(add_is_two_calls=True, incr_is_two_calls=True, cull=at_random),
    "db": Rules(
        whole_seconds=True,
        floored_now=True,
        touch_revives=True,
        incr_is_two_calls=True,
        refusals_cull=True,
        cull=lowest_keys,
    ),
}


def rule_book(rules: Rules) -> Backend:
    """Return the rule book as a backend, shared by all workers."""
    primitives = ["get", "set", "delete", "has_key", "touch", "clear"]
    parts: list[type] = [RuleBookCache]
    if rules.add_is_two_calls:
        parts.insert(0, TwoCallAdd)
    else:
        primitives.append("add")
    if not rules.incr_is_two_calls:
        parts.insert(0, OneCallIncr)
        primitives.append("incr")
    cls = type("RuleBook", tuple(parts), {"rules": rules})

    @contextmanager
    def opened(servers: object, *, virtual: bool) -> Iterator[Place]:  # noqa: ARG001 - what every opener takes
        yield Place("")

    return Backend(
        "rule book",
        "rules",
        one_store=True,
        primitives=tuple(primitives),
        open=opened,
        cache_class=cls,
        entries=lambda cache: len(cache.entries),
    )
