"""The cases: every call of Django's cache contract, on keys in every state, with every timeout of interest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache.backends.base import BaseCache

DAY_S = 86_400
TIMEOUTS: Mapping[str, float | None] = {
    "0.9 s": 0.9,
    "1.9 s": 1.9,
    "10 s": 10,
    "30 d + 1 s": 30 * DAY_S + 1,
    "0": 0,
    "None": None,
}
USUAL = "10 s"  # the ordinary timeout, used when two callers meet
LIVE_S = 1000  # the timeout of a live key, stored 10 s before the call
STORED_S = 90.75  # the call comes at 100.75, so that rounding down to seconds is seen
CALLED_S = 100.75
# The timeout with which a key of each state was stored. Its value is a number, so that it can be counted up.
STATES: Mapping[str, float | None] = {"live": LIVE_S, "expired": 5, "persistent": None}
Verb = Callable[[Any, str, float | None], Any]

# Calls that take a timeout: (cache, key, timeout).
WITH_TIMEOUT: Mapping[str, Verb] = {
    "set": lambda cache, key, timeout: cache.set(key, 7, timeout),
    "add": lambda cache, key, timeout: cache.add(key, 7, timeout),
    "touch": lambda cache, key, timeout: cache.touch(key, timeout),
    "get_or_set": lambda cache, key, timeout: cache.get_or_set(key, 7, timeout),
    "set_many": lambda cache, key, timeout: cache.set_many(dict.fromkeys(three(key), 7), timeout),
}
# Calls that take none.
WITHOUT_TIMEOUT: Mapping[str, Verb] = {
    "get": lambda cache, key, _: cache.get(key),
    "delete": lambda cache, key, _: cache.delete(key),
    "incr": lambda cache, key, _: cache.incr(key),
    "decr": lambda cache, key, _: cache.decr(key),
    "incr_version": lambda cache, key, _: cache.incr_version(key),
    "get_many": lambda cache, key, _: found(cache, three(key)),
    "delete_many": lambda cache, key, _: cache.delete_many(three(key)),
    "clear": lambda cache, _key, _: cache.clear(),
}
CALLS = {**WITH_TIMEOUT, **WITHOUT_TIMEOUT}
FIRST = 5  # the number in every prepared key


@dataclass(frozen=True)
class Case:
    """One call on a key in one state; `asked` names its timeout."""

    call: str
    state: str
    asked: str = ""

    @property
    def key(self) -> str:
        """The key of this case, used by no other."""
        return f"{self.call}-{self.state}-{'-'.join(self.asked.split())}"

    def prepare(self, cache: BaseCache) -> None:
        """Store the key (three for a call on many), at `STORED_S`."""
        for key in three(self.key) if self.call.endswith("_many") else [self.key]:
            cache.set(key, FIRST, STATES[self.state])

    def perform(self, cache: BaseCache) -> Any:
        """Make the call, at `CALLED_S`."""
        return CALLS[self.call](cache, self.key, TIMEOUTS.get(self.asked))

    def look(self, cache: BaseCache) -> Any:
        """Return the value after the call; after `incr_version`, that of the new version."""
        version = 2 if self.call == "incr_version" else None
        return cache.get(self.key, version=version)


def cases() -> Iterator[Case]:
    """Yield every case, in the order of the tables."""
    for call in WITH_TIMEOUT:
        for state in STATES:
            yield from (Case(call, state, asked) for asked in TIMEOUTS)
    for call in WITHOUT_TIMEOUT:
        yield from (Case(call, state) for state in STATES)


def three(key: str) -> list[str]:
    """Return the keys of a call on many."""
    return [key, f"{key}-2", f"{key}-3"]


def found(cache: Any, keys: Sequence[str]) -> list[Any]:
    """Return the values that `get_many` finds, in the order of *keys* (a database returns another order)."""
    values = cache.get_many(keys)
    return [values[key] for key in keys if key in values]
