"""The desk records a cache's calls: what each found, and what happens to the cache's copies and stores."""

import math
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from ...engine.scheduler import Engine, Task
from ..watch import CacheCall, Watch
from .births import Births
from .patterns import Timeouts, pattern_of
from .sites import Sites
from .stores import Stores

MISSING: Any = object()


class Given:
    """A call: the cache, the method, and its arguments by place or by name."""

    __slots__ = ("_method", "args", "cache", "kwargs", "task")

    def __init__(
        self, task: Task, cache: Any, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.task, self.cache, self.args, self.kwargs = task, cache, args, kwargs
        self._method = method

    @property
    def verb(self) -> str:
        """The name of the method."""
        return self._method.__name__

    def take(self, place: int, name: str, default: Any = None) -> Any:
        """Return the argument at *place*, or called *name*."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name, default)

    def put(self, place: int, name: str, value: Any) -> None:
        """Replace this argument by *value*."""
        if place < len(self.args):
            self.args = (*self.args[:place], value, *self.args[place + 1 :])
        else:
            self.kwargs = {**self.kwargs, name: value}

    def call(self) -> Any:
        """Make the call."""
        return self._method(self.cache, *self.args, **self.kwargs)


@dataclass(slots=True)
class Noted:
    """A call in progress, with the facts that will be recorded."""

    verb: str
    whole: bool = True
    key: str | None = None
    timeout: float | None = math.nan
    hits: int = 0
    misses: int = 0
    oldest_s: float = math.inf
    stores: int = 0
    keys: int = 0


@dataclass
class Desk:
    """Records the calls of one cache object: its alias, its store, and the watch to tell."""

    alias: str
    store: Any  # any value that identifies the store behind the object
    engine: Engine
    watch: Watch
    births: Births
    stores: Stores
    sites: Sites
    timeouts: Timeouts
    under_way: dict[Task, Noted] = field(default_factory=dict)

    def tell(self, noted: Noted) -> None:
        """Tell the watch of a call that has returned."""
        if self.engine.serves_here():
            pattern = "*" if noted.key is None else pattern_of(noted.key)
            site, store = self.sites.of(sys._getframe(2)), 0 < noted.stores == noted.keys
            timeout, hits, misses = noted.timeout, noted.hits, noted.misses
            self.watch.cache_call(
                CacheCall(site, self.alias, noted.verb, pattern, timeout, hits, misses, noted.oldest_s, store)
            )

    def retime(self, given: Given, place: int) -> None:
        """Replace the timeout by the variant's timeout for the key; *place* is the argument's place."""
        timeout = self.timeouts.of(given.take(0, "key"), MISSING)
        if timeout is not MISSING and given.take(place, "timeout") != 0:  # 0 is a delete, in a variant too
            given.put(place, "timeout", timeout)

    def looked_up(self, noted: Noted, given: Given, key: Any, version: Any, value: Any) -> None:
        """Note that *key* was looked for, and whether it was there (`MISSING`: it was not)."""
        key, stored_key, hit = str(key), made(given.cache, key, version), value is not MISSING
        noted.hits += hit
        noted.misses += not hit
        if self._is_store(noted, key):
            self.told(stored_key, value)
            if not hit:
                self.stores.missed((self.store, stored_key))
        elif not hit:
            self.births.ended((self.store, stored_key))
        else:
            self._met(noted, given, stored_key)

    def counted(self, noted: Noted, given: Given, key: str, version: Any, value: int, delta: int) -> None:
        """Note that a counter was changed in place, by *delta* to *value*; its birth and end stay."""
        stored_key = made(given.cache, key, version)
        if self._is_store(noted, key):
            self.told(stored_key, value - delta)
        else:
            self._met(noted, given, stored_key)

    def _met(self, noted: Noted, given: Given, stored_key: str) -> None:
        """Note that the request has seen the copy at *stored_key*: its later copies are at least as old."""
        copy = self.births.of((self.store, stored_key))
        birth_s = self.births.unknown_s if copy is None else copy.birth_s
        if birth_s < noted.oldest_s:
            noted.oldest_s = birth_s
            noted.timeout = math.nan if copy is None else copy.timeout
        given.task.oldest_s = min(given.task.oldest_s, birth_s)

    def told(self, stored_key: str, value: Any) -> None:
        """Note the current value of the store at *stored_key*, before the request can change it."""
        if self.engine.serves_here():
            self.watch.store_read(self.alias, stored_key, None if value is MISSING else pickle.dumps(value))

    def stored(self, noted: Noted, given: Given, key: Any, version: Any, timeout: Any) -> None:
        """Note that *key* was stored."""
        key, stored_key, seconds = str(key), made(given.cache, key, version), _seconds(given.cache, timeout)
        noted.timeout = seconds
        if self._is_store(noted, key):
            self.stores.stored((self.store, stored_key), self.alias, key, seconds)
        elif seconds is not None and seconds <= 0:
            self.births.ended((self.store, stored_key))
        else:
            self.births.stored((self.store, stored_key), given.task.oldest_s, seconds)

    def touched(self, noted: Noted, given: Given, key: Any, version: Any, timeout: Any) -> None:
        """Note that *key* got another timeout."""
        key, stored_key, seconds = str(key), made(given.cache, key, version), _seconds(given.cache, timeout)
        noted.timeout = seconds
        if self._is_store(noted, key):
            self.stores.stored((self.store, stored_key), self.alias, key, seconds)
        else:
            self.births.touched((self.store, stored_key), seconds)

    def gone(self, noted: Noted, given: Given, key: Any, version: Any) -> None:
        """Note that *key* was deleted."""
        key, stored_key = str(key), made(given.cache, key, version)
        if self._is_store(noted, key):
            self.stores.ended((self.store, stored_key))
        else:
            self.births.ended((self.store, stored_key))

    def cleared(self, goes: Callable[[str], bool] = lambda _key: True) -> None:
        """Note that the store is empty now, or has lost the keys for which *goes* returns True."""
        self.births.ended_where(self.store, goes)
        self.stores.cleared(self.store, goes)

    def _is_store(self, noted: Noted, key: str) -> bool:
        noted.key = noted.key or key
        noted.keys += 1
        found = self.stores.holds(self.alias, key)
        noted.stores += found
        return found


def made(cache: Any, key: Any, version: Any) -> str:
    """Return *key* as *cache* stores it."""
    maker = getattr(cache, "make_key", None) or cache.client.make_key
    return str(maker(key, version=version))


def _seconds(cache: Any, timeout: Any) -> float | None:
    if timeout is DEFAULT_TIMEOUT or not (timeout is None or isinstance(timeout, (int, float))):
        timeout = getattr(cache, "default_timeout", None)
    return None if timeout is None else float(timeout)
