"""The blank cache: no copy is ever found in it, while stores, counters and locks work.

It is used by the variant *no cache*, and when a read is evaluated for the judge. It needs no server. In an evaluation,
stores give the values that the read itself got from them.
"""

import pickle
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import inf
from types import FunctionType, MethodType, TracebackType
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache

from ...backends.caches import private_cache
from ...backends.simulated import NO_LIMIT
from ...engine.virtual import PRIVATE
from ...errors import UserError
from .births import Births, Place
from .direct import DIRECT
from .kinds import backend_of
from .stores import Stores, StoreValues, sessions_of_project

_MISSING: Any = object()
_LIBRARIES = ("django", "django_redis", "django_valkey")  # methods from these packages need a server


class NoBirths(Births):
    """The births of a blank cache, which keeps no copy."""

    unknown_s = inf  # only counters can be found

    def stored(self, place: Place, birth_s: float, timeout: float | None) -> None:
        """Ignore a copy: nobody will find it."""


class Blank(BaseCache):
    """A cache like *real*, or like *cls* with *params*, but without copies."""

    def __init__(self, cls: type, params: Mapping[str, Any], holds: Callable[[str], bool], real: Any = None) -> None:
        super().__init__({**params})
        self._cls, self._holds, self._real = cls, holds, real
        options = {"MAX_ENTRIES": NO_LIMIT}
        ours: dict[str, Any] = {"TIMEOUT": self.default_timeout, "KEY_FUNCTION": _as_it_is, "OPTIONS": options}
        self._kept: Any = private_cache(LocMemCache, f"{PRIVATE}{uuid.uuid4()}", ours)
        maker = real.make_key if real is not None and hasattr(real, "make_key") else self._own("make_key")
        if maker is not None:
            self.make_key = maker  # type: ignore[method-assign]

    def __getattr__(self, name: str) -> Any:
        """Return an extra attribute of *cls*: a method built from cache calls, or one of the real cache."""
        if name.startswith("__"):
            raise AttributeError(name)
        own = self._own(name)
        if own is not None:
            return own
        if self._real is None and hasattr(self._cls, name):
            raise UserError(f"cache.{name} is used here, so the read cannot be evaluated without a cache")
        return getattr(self._real, name)

    def _own(self, name: str) -> Any:
        definer = next((one for one in self._cls.__mro__ if name in vars(one)), None)
        if definer is None or definer.__module__.partition(".")[0] in _LIBRARIES:
            return None
        found = vars(definer)[name]
        return MethodType(found, self) if isinstance(found, FunctionType) else None

    def _in_real(self, key: Any) -> bool:
        return self._real is not None and self._holds(str(key))

    def give(self, made: str, value: Any) -> None:
        """Set the store at the stored key *made* to *value*."""
        self._kept.set(made, value, None)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return a store's value, or *default*."""
        if self._in_real(key):
            return self._real.get(key, default, version=version)
        if self._holds(str(key)):
            return self._kept.get(self.make_key(key, version=version), default)
        return default

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None, **more: Any) -> Any:
        """Set a store's value. Of a copy, keep only that it was stored, and its value if it is a counter."""
        if self._in_real(key):
            return self._real.set(key, value, timeout, version=version, **more)
        made = self.make_key(key, version=version)
        if more.get("nx"):
            return self._kept.add(made, self._worth(key, value), timeout)
        return self._kept.set(made, self._worth(key, value), timeout)

    def _worth(self, key: Any, value: Any) -> Any:
        return value if isinstance(value, (int, float)) or self._holds(str(key)) else None

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> Any:
        """Store a value if there is none yet, and return whether this was so: locks are built on it."""
        if self._in_real(key):
            return self._real.add(key, value, timeout, version=version)
        return self._kept.add(self.make_key(key, version=version), self._worth(key, value), timeout)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> Any:
        """Give a store, a counter or a lock another timeout."""
        if self._in_real(key):
            return self._real.touch(key, timeout, version=version)
        return self._kept.touch(self.make_key(key, version=version), timeout)

    def delete(self, key: Any, version: int | None = None) -> Any:
        """Delete a store, a counter or a lock."""
        if self._in_real(key):
            return self._real.delete(key, version=version)
        return self._kept.delete(self.make_key(key, version=version))

    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Return whether a store has this key."""
        return self.get(key, _MISSING, version=version) is not _MISSING

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> Any:
        """Add to a counter, which begins at 0: without the cache, its true start is unknown."""
        if self._in_real(key):
            return self._real.incr(key, delta, version=version)
        made = self.make_key(key, version=version)
        self._kept.add(made, 0, self.default_timeout)
        return self._kept.incr(made, delta)

    def incr_version(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Give a store another version; for a copy, return the version that it would have."""
        version = self.version if version is None else version
        if self._holds(str(key)):
            return int(super().incr_version(key, delta, version))
        return int(version + delta)

    def clear(self) -> None:
        """Delete everything, also stores."""
        self._kept.clear()
        if self._real is not None:
            self._real.clear()

    def close(self, **_kwargs: Any) -> None:
        """Do nothing: there is no connection."""


def _as_it_is(key: str, _prefix: str, _version: int) -> str:
    return key


class FreeLock:
    """A lock that nobody else wants."""

    def acquire(self, *_args: Any, **_kwargs: Any) -> bool:
        """Return True: it was free."""
        return True

    def release(self) -> None:
        """Do nothing: nobody waits."""

    def locked(self) -> bool:
        """Return False: nobody else holds it."""
        return False

    def owned(self) -> bool:
        """Return True: the caller holds it."""
        return True

    def extend(self, *_args: Any, **_kwargs: Any) -> bool:
        """Return True: it can be held longer."""
        return True

    reacquire = extend
    __enter__ = acquire

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Release it."""


def _about_nothing(name: str, answer: Callable[[], Any]) -> Callable[..., Any]:
    """Return the method *name* of a cache that finds no copies; for a store, the real cache answers."""

    def of_nothing(self: Blank, *args: Any, **kwargs: Any) -> Any:
        key = args[0] if args else kwargs.get("key", "")
        return getattr(self._real, name)(*args, **kwargs) if self._in_real(key) else answer()

    of_nothing.__name__ = name
    return of_nothing


def _lock(self: Blank, *args: Any, **kwargs: Any) -> Any:
    return FreeLock() if self._real is None else self._real.lock(*args, **kwargs)


_FURTHER: dict[str, Callable[..., Any]] = {
    **{name: _about_nothing(name, int) for name in ("ttl", "pttl", "delete_pattern")},
    **{name: _about_nothing(name, bool) for name in ("expire", "pexpire", "expire_at", "pexpire_at", "persist")},
    "keys": _about_nothing("keys", list),
    "iter_keys": _about_nothing("iter_keys", lambda: iter(())),
    **dict.fromkeys(("lock", "get_lock"), _lock),
}


def blank_class(cls: type) -> type[Blank]:
    """Return the class of a blank cache that has the methods of *cls*."""
    members: dict[str, Any] = {name: method for name, method in _FURTHER.items() if hasattr(cls, name)}
    return type(cls.__name__, (Blank,), {"__module__": cls.__module__, "__doc__": cls.__doc__, **members})


class Blanks:
    """Makes blank caches for evaluations, one for each alias of CACHES.

    Args:
        entries: the project's CACHES.
        patterns: those of `APP.store`.
    """

    def __init__(self, entries: Mapping[str, Mapping[str, Any]], patterns: Iterable[str] = ()) -> None:
        self._backends = {alias: backend_of(alias, entry) for alias, entry in entries.items()}
        self._classes = {alias: blank_class(one.load()) for alias, one in self._backends.items()}
        self._stores = Stores(patterns, sessions_of_project(), lambda: 0.0, lambda _count: None)

    def with_stores(self, values: StoreValues) -> dict[str, BaseCache]:
        """Return new blank caches without a server, whose stores have *values*: those that a read got."""
        DIRECT.evaluate()
        found: dict[str, Any] = {}
        for alias, one in self._backends.items():
            found[alias] = self._classes[alias](one.load(), one.params, partial(self._stores.holds, alias))
        for (alias, made), value in values.items():
            if alias in found and value is not None:
                found[alias].give(made, pickle.loads(value))
        return found


def before_the_run(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the entries of CACHES that the project gets while it is set up, by alias.

    These caches keep everything in this process's memory. A module that keeps the object (``cache = caches["default"]``
    at its top) uses the cache of the run through it, once there is one. The project's own class is not imported yet.
    """
    return {alias: Early(alias, entry) for alias, entry in entries.items()}


class Early:
    """The cache *alias* before the run; during a run, it stands for the run's cache."""

    def __init__(self, alias: str, entry: Mapping[str, Any]) -> None:
        cls = type(alias, (BaseCache,), dict.fromkeys(_FURTHER))
        self._alias = alias
        self._early = blank_class(cls)(cls, entry, lambda _key: True)

    def _cache(self) -> Any:
        now = caches[self._alias]
        return self._early if isinstance(now, Early) else now

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the current cache."""
        return getattr(self._cache(), name)

    def __contains__(self, key: Any) -> bool:
        """Return whether *key* is in the current cache."""
        return key in self._cache()
