"""The cache with a stopwatch: Django's own class, each call that reaches the store timed and counted."""

import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.utils.module_loading import import_string

from sim.latency import LatencyOf
from sim.wall.ledger import Ledger

PATH = f"{__name__}.Cache"  # what a worker's CACHES names as its BACKEND
Cache: Any = None  # set once in each worker process, before Django opens its caches


def install(backend: str, primitives: Sequence[str], ledger: Ledger, rtt: LatencyOf | None) -> None:
    """Let `PATH` stand for the class at *backend* with a stopwatch on its *primitives*, and *rtt* slept around each."""
    cls: type[Any] = import_string(backend)
    members = {name: _timed(getattr(cls, name), ledger, rtt) for name in primitives}
    globals()["Cache"] = type(cls.__name__, (cls,), members)


def _timed(method: Callable[..., Any], ledger: Ledger, rtt: LatencyOf | None) -> Callable[..., Any]:
    @wraps(method)
    def timed(*args: Any, **kwargs: Any) -> Any:
        request = ledger.request
        if request.in_cache:  # a part of the call around it: a cull that clears
            return method(*args, **kwargs)
        nth, request.cache_calls = request.cache_calls, request.cache_calls + 1
        half_s = 0.0 if rtt is None or request.hurried else rtt(request.number, nth) / 2
        began_s = ledger.now()
        request.in_cache = True
        try:
            _sleep(half_s)
            return method(*args, **kwargs)
        finally:
            _sleep(half_s)
            request.in_cache = False
            ledger.took("cache_rtt_s", began_s)

    return timed


def _sleep(seconds: float) -> None:
    if seconds > 0:  # even a sleep of no time gives up the processor
        time.sleep(seconds)
