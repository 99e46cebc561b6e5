"""Time as the code of a request sees it: `time.sleep` lets virtual time pass, and `time.time` returns it.

During runs, Python's own functions are replaced by stand-ins: in the `time` module, and in modules that have imported
one by name. A stand-in checks whether a request of a run called it. If not, it calls the real function, so other
threads, callbacks and the rest of this process are not affected.
"""

import inspect
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, wraps
from threading import Lock
from types import FrameType
from typing import Any

from django.utils import timezone

from .scheduler import Engine
from .virtual import CURRENT_RUN, uses_time_zones

# These modules wait for servers in Python, so they need the real time. So do Python's own modules.
_WAIT_FOR_REAL = frozenset({*sys.stdlib_module_names, "psycopg", "psycopg_pool"})


@contextmanager
def request_time(*namespaces: dict[str, Any]) -> Iterator[None]:
    """Put the stand-ins in place for the length of a ``with`` block.

    Besides the imported modules, *namespaces* are searched, too: a file can be run without becoming a module.
    """
    with _LOCK:
        _begin(namespaces)
    try:
        yield
    finally:
        with _LOCK:
            _end()


def globals_of(strategy: Any) -> list[dict[str, Any]]:
    """Return the global names that a strategy's methods see."""
    methods = (inspect.unwrap(getattr(strategy, verb)) for verb in ("read", "write"))
    return [method.__globals__ for method in methods if hasattr(method, "__globals__")]


def _begin(namespaces: tuple[dict[str, Any], ...]) -> None:
    if not _under_way:
        for module, name, real, stand_in in _STAND_INS:
            if getattr(module, name) is real:  # otherwise other code has replaced it
                setattr(module, name, stand_in)
    _under_way.append(True)
    for module_name, module in list(sys.modules.items()):
        names = getattr(module, "__dict__", None)
        if names is not None and not _keeps_real_time(module_name) and _seen.get(module_name) is not module:
            if module_name != "__main__":  # in a notebook, it goes on importing
                _seen[module_name] = module
            _replace_in(names)
    for names in namespaces:
        _replace_in(names)


def _end() -> None:
    _under_way.pop()
    if not _under_way:
        for module, name, real, stand_in in _STAND_INS:
            if getattr(module, name) is stand_in:
                setattr(module, name, real)


def _replace_in(names: dict[str, Any]) -> None:
    """Replace functions that were imported by name, and leave that so: outside a run a stand-in calls the real one."""
    for name, value in list(names.items()):
        stand_in = _STAND_IN_FOR.get(id(value))
        if stand_in is not None:
            names[name] = stand_in


@cache
def _keeps_real_time(module: str) -> bool:
    """Return whether *module* needs the real time even within a request, as our code does when it deals with servers.

    The engine and `own` are exceptions: they call functions that a strategy passed to them.
    """
    calls_theirs = module.startswith(("cachewise.sim.engine.", "cachewise.sim.own."))
    return (module.startswith("cachewise.sim.") and not calls_theirs) or module.partition(".")[0] in _WAIT_FOR_REAL


def _engine_of(caller: FrameType) -> Engine | None:
    """Return the engine of the request that *caller* belongs to, or None if *caller* needs real time."""
    current = CURRENT_RUN.get()
    engine = None if current is None else current.engine
    if engine is None or not engine.serves_here() or _keeps_real_time(caller.f_globals.get("__name__", "")):
        return None
    return engine  # type: ignore[no-any-return]


def _stand_in(real: Callable[..., Any], virtual: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls *real*, or within a request *virtual*, with the engine as its first argument."""

    @wraps(real)
    def asking(*args: Any, **kwargs: Any) -> Any:
        engine = _engine_of(sys._getframe(1))
        return real(*args, **kwargs) if engine is None else virtual(engine, *args, **kwargs)

    return asking


def _sleep(engine: Engine, seconds: float) -> None:
    if not isinstance(seconds, (int, float)) and not hasattr(seconds, "__index__"):
        raise TypeError(f"{type(seconds).__name__!r} object cannot be interpreted as an integer")
    if not seconds >= 0:
        raise ValueError("sleep length must be non-negative")
    engine.sleep(float(seconds))


def _now(engine: Engine) -> datetime:
    return datetime.fromtimestamp(engine.request_time(), tz=UTC if uses_time_zones() else None)


def _nanoseconds(engine: Engine) -> int:
    return round(engine.request_time() * 1e9)


_REPLACED: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (time, "time", Engine.request_time),
    (time, "monotonic", Engine.request_time),
    (time, "perf_counter", Engine.request_time),
    (time, "time_ns", _nanoseconds),
    (time, "monotonic_ns", _nanoseconds),
    (time, "perf_counter_ns", _nanoseconds),
    (time, "sleep", _sleep),
    (timezone, "now", _now),
)
_STAND_INS = tuple(
    (module, name, getattr(module, name), _stand_in(getattr(module, name), virtual))
    for module, name, virtual in _REPLACED
)
_STAND_IN_FOR = {id(real): stand_in for _module, _name, real, stand_in in _STAND_INS}
_LOCK = Lock()
_under_way: list[bool] = []
_seen: dict[str, Any] = {}  # the modules that were searched
