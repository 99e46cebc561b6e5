"""The simulated cache: Django's own cache class, subclassed so that each round trip to its store takes time.

Only calls that touch the store wait. So composite calls (`get_or_set`, `incr_version`, `get_many`, the file backend's
`add`) run through Django's code, and other requests can come between their parts. On a server the wait sits in the
client instead (`cachewise.sim.backends.wire`).
"""

import inspect
import sys
from _thread import get_ident
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.filebased import FileBasedCache

from ..engine.scheduler import Engine
from ..errors import StrategyError
from ..world.latency import LatencyOf
from .culls import counted
from .keys import validating
from .places import Backend, Call

NO_LIMIT = sys.maxsize  # as MAX_ENTRIES


def simulated(
    cls: type[BaseCache],
    backend: Backend,
    engine: Engine,
    rtt: LatencyOf | None,
    log: list[Call] | None,
    move: Callable[[float], None] | None = None,
) -> type[BaseCache]:
    """Return *cls* with a round trip before each primitive of *backend*, and with async twins that refuse.

    *move* sets the clock of a server that the primitives contact directly.
    """
    members: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    nested = frozenset(backend.primitives) if backend.opaque else frozenset()
    for name in backend.primitives:
        method = _reaching(getattr(cls, name), cls, nested, engine, move)
        remote = _with_round_trip(method if log is None else _logged(method, engine, log), engine, rtt)
        members[name] = _unless_empty(name, method, remote) if name.endswith("_many") else remote
    for name, _method in inspect.getmembers(BaseCache, inspect.iscoroutinefunction):
        members[name] = _refused(name)
    if issubclass(cls, FileBasedCache):
        members["_list_cache_files"] = lambda self: sorted(cls._list_cache_files(self))  # type: ignore[attr-defined]
    if backend.refuses and cls.validate_key is BaseCache.validate_key:  # memcached's own refuses them itself
        members["validate_key"] = validating(cls, backend)
    if hasattr(cls, "_cull"):
        members["_cull"] = _culling_at_once(cls, backend, engine)
    return type(cls.__name__, (cls,), members)


def verbs_of(cls: type[BaseCache]) -> tuple[str, ...]:
    """Return the cache methods that *cls*, or a base class other than BaseCache, defines.

    `get_or_set` is left out: it calls the caller's load, which is not part of a round trip. The calls within it count.
    """
    return tuple(verb for verb in _VERBS if getattr(cls, verb, None) is not getattr(BaseCache, verb, None))


_VERBS = (
    *("get", "set", "add", "delete", "has_key", "touch", "clear", "incr", "decr"),
    *("get_many", "set_many", "delete_many", "incr_version", "decr_version"),
)


def _reaching(
    method: Callable[..., Any], cls: type, nested: frozenset[str], engine: Engine, move: Callable[[float], None] | None
) -> Callable[..., Any]:
    """Return *method* for an opaque class: calls of its own methods are part of the same round trip."""
    if not nested and move is None:
        return method

    @wraps(method)
    def reaching(self: Any, *args: Any, **kwargs: Any) -> Any:
        if move is not None:
            move(engine.time())
        shadowed = [verb for verb in nested if verb not in vars(self)]
        for verb in shadowed:
            setattr(self, verb, partial(getattr(cls, verb), self))
        try:
            return method(self, *args, **kwargs)
        finally:
            for verb in shadowed:
                delattr(self, verb)

    return reaching


def _with_round_trip(method: Callable[..., Any], engine: Engine, rtt: LatencyOf | None) -> Callable[..., Any]:
    """Return *method* with its effect half a round trip after the call; the other half becomes a debt."""

    @wraps(method)
    def at_once(self: BaseCache, *args: Any, **kwargs: Any) -> Any:
        if get_ident() != engine.thread:
            raise engine.astray(f"site.cache.{method.__name__}()")
        engine.current.cache_calls += 1
        return method(self, *args, **kwargs)

    if rtt is None:
        return at_once

    @wraps(method)
    def half_way(self: BaseCache, *args: Any, **kwargs: Any) -> Any:
        if get_ident() != engine.thread:
            raise engine.astray(f"site.cache.{method.__name__}()")
        task = engine.current
        nth = task.cache_calls
        task.cache_calls = nth + 1
        half_s = rtt(task.request, nth) * 0.5
        debt_s, task.debt_s = task.debt_s, half_s
        engine.wait(debt_s + half_s)
        return method(self, *args, **kwargs)

    return half_way


def _unless_empty(name: str, method: Callable[..., Any], remote: Callable[..., Any]) -> Callable[..., Any]:
    """Return *remote*, except without keys: then *method* itself is called, because Django sends nothing."""
    named = "data" if name == "set_many" else "keys"  # Django's name for the keys, if they are passed by name

    @wraps(method)
    def batch(self: BaseCache, *args: Any, **kwargs: Any) -> Any:
        keys = args[0] if args else kwargs.get(named, True)  # a class may use another name for them
        return (remote if keys else method)(self, *args, **kwargs)

    return batch


def _logged(method: Callable[..., Any], engine: Engine, log: list[Call]) -> Callable[..., Any]:
    @wraps(method)
    def logged(self: BaseCache, *args: Any, **kwargs: Any) -> Any:
        result: Any = None
        try:
            result = method(self, *args, **kwargs)
        except Exception as error:
            result = error
            raise
        finally:
            worker = engine.current.worker
            if worker >= 0:  # without a worker: the check of the caches after the run
                log.append(Call(engine.time(), worker, method.__name__, args, kwargs, result))
        return result

    return logged


def _culling_at_once(cls: Any, backend: Backend, engine: Engine) -> Callable[..., None]:
    """Return *cls*'s `_cull`, which adds the number of removed live entries to the request's costs."""

    def add(entries: float) -> None:
        engine.current.entries_culled += entries

    culling = counted(cls, backend.culled, add)

    def cull(self: Any, *args: Any) -> None:
        if self._max_entries != NO_LIMIT:  # otherwise the file backend would list its folder in vain
            culling(self, *args)

    return cull


def _refused(name: str) -> Callable[..., Any]:
    def refuse(_self: BaseCache, *_args: Any, **_kwargs: Any) -> Any:
        raise StrategyError(f"cache.{name}(): an async call cannot wait in virtual time; use cache.{name[1:]}()")

    return refuse
