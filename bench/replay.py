"""The lower limit: the cache calls of a run, replayed in a bare loop on an ordinary LocMemCache.

The clock is replayed, too, answer by answer and at C speed. So entries expire exactly as they did in the run, and the
store has the same content at every call.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from django.core.cache.backends import base, locmem
from django.core.cache.backends.locmem import LocMemCache

from bench.case import BACKEND, SEED, STRATEGY
from cachewise import Scenario, run
from cachewise.sim.backends import Call, Limits, backend_named, params_of

Operation = tuple[Callable[..., Any], tuple[Any, ...]]


class Recording:
    """The cache calls of one run, ready to be replayed any number of times."""

    def __init__(self, scenario: Scenario) -> None:
        log: list[Call] = []
        run(scenario, STRATEGY, backend=BACKEND, seed=SEED, log=log)
        self._params = params_of(backend_named(BACKEND), Limits(scenario.max_entries, scenario.cull_frequency))
        self._calls = [(call.method, call.args) for call in log]
        self._clock_answers_s = self._checked(log)

    def __len__(self) -> int:
        return len(self._calls)

    @contextmanager
    def ready(self) -> Iterator[list[Operation]]:
        """Yield the calls, bound to an empty cache, with a clock that answers as it did in the run."""
        with clocks(SimpleNamespace(time=iter(self._clock_answers_s).__next__)), private_cache(self._params) as cache:
            yield [(getattr(cache, method), args) for method, args in self._calls]

    def _checked(self, log: list[Call]) -> list[float]:
        """Replay *log* once, check every result, and return the answers of the clock."""
        answers_s: list[float] = []
        clock = SimpleNamespace()
        with clocks(clock), private_cache(self._params) as cache:
            for call in log:
                if call.kwargs:
                    raise RuntimeError(f"cache.{call.method} was called with keywords, which the bare loop leaves out")
                clock.time = lambda at_s=call.at_s: answers_s.append(at_s) or at_s
                result = getattr(cache, call.method)(*call.args)
                if result != call.result:
                    raise RuntimeError(f"replayed, cache.{call.method}{call.args} gave {result!r}, not {call.result!r}")
        return answers_s


def replay(operations: list[Operation]) -> None:
    """Make the calls."""
    for method, args in operations:
        method(*args)


@contextmanager
def clocks(clock: Any) -> Iterator[None]:
    """Let LocMem see *clock* in place of the `time` module."""
    before = base.time, locmem.time
    base.time = locmem.time = clock
    try:
        yield
    finally:
        base.time, locmem.time = before


@contextmanager
def private_cache(params: Mapping[str, Any]) -> Iterator[LocMemCache]:
    """Yield an empty LocMemCache, of Django's own class; its store is removed afterwards."""
    location = "cachewise-bench"
    try:
        yield LocMemCache(location, params)
    finally:
        for stores in (locmem._caches, locmem._expire_info, locmem._locks):
            stores.pop(location, None)
