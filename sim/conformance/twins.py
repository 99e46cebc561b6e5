"""The async twins (`aget` and so on): each call and its twin on equal keys, outside the engine, on the real clock."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync
from django.core.cache.backends.base import BaseCache

from ..backends import Backend, Place, backend_named
from ..daemons.server import Server
from ..daemons.session import Servers
from ..engine.virtual import CURRENT_RUN, EPOCH_S, Clock, CurrentRun, virtualise
from ..processes.interrupts import interrupts_held
from .cases import CALLS, FIRST, WITH_TIMEOUT, found, three
from .stage import outcome

STATES: Mapping[str, float | None] = {"live": 1000, "expired": -10, "persistent": None}
TIMEOUTS = (10, 0, None)  # other timeouts would need a wait

Pair = tuple[str, str, float | None]  # (call, key's state, timeout)
Within = Callable[[Callable[[BaseCache], Any]], Any]


class Twin:
    """A cache whose calls are the async ones; each waits for its end."""

    def __init__(self, cache: BaseCache) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Callable[..., Any]:
        # Not asyncio.run: this brings work for threads back to this thread, which has the database's connection.
        call = async_to_sync(getattr(self._cache, f"a{name}"))

        def whole(*args: Any, **kwargs: Any) -> Any:
            with interrupts_held():  # an interrupt would leave a thread for which Python's exit waits
                return call(*args, **kwargs)

        return whole


class RealClock:
    """The real clock."""

    @staticmethod
    def time() -> float:
        """Return seconds since 1970."""
        return time.time()


class HandClock:
    """A clock that stands still until it is moved; a server's clock moves with it."""

    def __init__(self, server: Server | None) -> None:
        self._server = server
        self._now_s = 0.0

    def time(self) -> float:
        """Return the seconds to which it was moved."""
        return self._now_s

    def move(self, time_s: float) -> None:
        """Set it to *time_s* seconds."""
        self._now_s = time_s
        if self._server is not None:
            self._server.move(time_s)


def twins(backend: str, servers: Servers) -> tuple[int, list[str]]:
    """Return how many pairs of calls were made, and the calls whose results or effects differ in one of them."""
    pairs = [
        (call, state, timeout)
        for call in CALLS
        for state in STATES
        for timeout in (TIMEOUTS if call in WITH_TIMEOUT else TIMEOUTS[:1])
    ]
    with real_cache(backend, servers) as within:
        unlike = [pair[0] for pair in pairs if within(partial(_differ, pair=pair))]
    return len(pairs), list(dict.fromkeys(unlike))


@contextmanager
def real_cache(backend: str, servers: Servers) -> Iterator[Within]:
    """Give a function that calls another with a cache of *backend* on the real clock, outside the engine."""
    with real_caches(backend, servers, 1) as (within,):
        yield within


@contextmanager
def real_caches(backend: str, servers: Servers, count: int) -> Iterator[list[Within]]:
    """Give *count* such functions, each for its own thread, with its own cache, on one store."""
    known = backend_named(backend)
    with known.open(servers, virtual=False) as place, ExitStack() as stack:
        yield [stack.enter_context(_outside(known, place, RealClock(), 0)) for _ in range(count)]


@contextmanager
def hand_moved_cache(backend: str, servers: Servers) -> Iterator[tuple[Within, HandClock]]:
    """Give such a function with a cache whose clock is moved by hand."""
    known = backend_named(backend)
    with known.open(servers, virtual=True) as place:
        epoch_s = 0 if place.server is None else place.server.begin()
        clock = HandClock(place.server)
        with _outside(known, place, clock, epoch_s) as within:
            yield within, clock


@contextmanager
def _outside(backend: Backend, place: Place, clock: Clock, epoch_s: float) -> Iterator[Within]:
    virtualise()
    make: Any = backend.load(virtual=True)
    cache = make(place.location, dict(backend.params))
    context = copy_context()
    context.run(CURRENT_RUN.set, CurrentRun(clock, random.Random(1), place.database_alias, epoch_s=EPOCH_S + epoch_s))
    try:
        yield lambda body: context.run(body, cache)
    finally:
        context.run(cache.clear)
        cache.close()


def _differ(cache: BaseCache, pair: Pair) -> bool:
    return bool(_made(cache, cache, pair) != _made(cache, Twin(cache), pair))


def _made(cache: BaseCache, calls: Any, pair: Pair) -> Any:
    """Return the call's result on keys in its state, and its effects."""
    call, state, timeout = pair
    for key in three("k"):
        outcome(partial(cache.set, key, FIRST, STATES[state]))
    outcome(lambda: cache.delete("k", version=2))
    returned = outcome(lambda: CALLS[call](calls, "k", timeout))
    return returned, outcome(lambda: cache.get("k", version=2)), outcome(lambda: found(cache, three("k")))
