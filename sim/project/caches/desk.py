"""The desk where the calls of a cache are noted: what each found, and what becomes of the copies and stores there."""

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
    """A call: who makes it of which cache, and its arguments, by place or by name."""

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
        """Put *value* in its place."""
        if place < len(self.args):
            self.args = (*self.args[:place], value, *self.args[place + 1 :])
        else:
            self.kwargs = {**self.kwargs, name: value}

    def call(self) -> Any:
        """Make the call."""
        return self._method(self.cache, *self.args, **self.kwargs)


@dataclass(slots=True)
class Noted:
    """A call under way: what will be told of it."""

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
    """Where the calls of one cache object are noted: its alias, its store, and who is told."""

    alias: str
    store: Any  # whatever names the store that the object keeps things in
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
        """Give a key the timeout that the variant has for it; *place* is the argument's."""
        timeout = self.timeouts.of(given.take(0, "key"), MISSING)
        if timeout is not MISSING and given.take(place, "timeout") != 0:  # that is a delete, whatever the variant
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
        """Note that a number was changed where it is, by *delta* to *value*: it keeps its birth and its end."""
        stored_key = made(given.cache, key, version)
        if self._is_store(noted, key):
            self.told(stored_key, value - delta)
        else:
            self._met(noted, given, stored_key)

    def _met(self, noted: Noted, given: Given, stored_key: str) -> None:
        """Note that the copy at *stored_key* is in what the request knows from now on."""
        copy = self.births.of((self.store, stored_key))
        birth_s = self.births.unknown_s if copy is None else copy.birth_s
        if birth_s < noted.oldest_s:
            noted.oldest_s = birth_s
            noted.timeout = math.nan if copy is None else copy.timeout
        given.task.oldest_s = min(given.task.oldest_s, birth_s)

    def told(self, stored_key: str, value: Any) -> None:
        """Note what the store at *stored_key* is now, whatever the request makes of its value."""
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
        """Note that the store is empty now, or has lost the keys that *goes* says."""
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
