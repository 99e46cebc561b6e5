"""The cache with a stopwatch: Django's own class, which times calls to the store and counts their round trips."""

import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from ..backends.culls import Removed, counted
from ..world.latency import LatencyOf
from .ledger import Ledger

PATH = f"{__name__}.Cache"  # the BACKEND in a worker's CACHES
Cache: Any = None  # set once in each worker process, before Django opens its caches


class Stopwatch:
    """Counts and times round trips; below a server's client it is the wire (see `cachewise.sim.backends.wire`)."""

    def __init__(self, ledger: Ledger, rtt: LatencyOf | None) -> None:
        self._ledger = ledger
        self._rtt = rtt

    def cross(self, _describe: Callable[[], tuple[str, ...]]) -> None:
        """Count a round trip, and sleep half of its added latency; the other half is slept at the call's end."""
        request = self._ledger.request
        nth, request.cache_calls = request.cache_calls, request.cache_calls + 1
        if self._rtt is not None and not request.hurried:
            half_s = self._rtt(request.number, nth) / 2
            request.owed_s += half_s
            time.sleep(half_s)

    def opened(self, _hang_up: Callable[[], object]) -> None:
        """Do nothing: the client closes a new connection itself, as on a site."""

    def install(self, cls: type[Any], primitives: Sequence[str], culled: Removed, *, wired: bool) -> None:
        """Make `PATH` the cache class *cls* with its *primitives* timed, and its culls counted by *culled*.

        Without a wire below it, each call counts as one round trip.
        """
        members = {name: self._timed(getattr(cls, name), wired) for name in primitives if hasattr(cls, name)}
        if hasattr(cls, "_cull"):
            members["_cull"] = counted(cls, culled, self._culled)
        globals()["Cache"] = type(cls.__name__, (cls,), members)

    def _culled(self, entries: float) -> None:
        self._ledger.request.entries_culled += entries

    def _timed(self, method: Callable[..., Any], wired: bool) -> Callable[..., Any]:
        @wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:
            request = self._ledger.request
            if request.in_cache:  # part of the outer call, such as a cull that clears
                return method(*args, **kwargs)
            began_s, before = self._ledger.now(), request.cache_calls
            request.in_cache = True
            try:
                if not wired:
                    self.cross(lambda: (method.__name__,))
                return method(*args, **kwargs)
            finally:
                half_s, request.owed_s, request.in_cache = request.owed_s, 0.0, False
                if half_s:
                    time.sleep(half_s)
                self._ledger.called(began_s, 2 * half_s, request.cache_calls - before)

        return timed
