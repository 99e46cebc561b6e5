"""Real threads at once on the real clock: for what the engine never lets happen, a switch within one call of a store.

As in Django, every thread has a cache object of its own, on one store.
"""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event
from typing import Any

from django.core.cache.backends.base import BaseCache

from sim.conformance.stage import Stage, outcome
from sim.conformance.twins import Within, real_caches

THREADS = 4
COUNTS = 1000  # by each thread
ROUNDS, KEYS = 4, 250  # of keys to add; more at once than MAX_ENTRIES would be culled
TURNS, MANY = 500, 60  # of set_many, and its keys: more commands than a memcached serves one connection at a stretch
SWITCH_S = 1e-6  # as often as Python can


def lost_counts(callers: Sequence[Within]) -> int:
    """Return how many counts are missing after all have called `incr` on one key."""

    def count(cache: BaseCache) -> None:
        for _ in range(COUNTS):
            outcome(lambda: cache.incr("n"))

    callers[0](lambda cache: cache.set("n", 0, None))
    _at_once(callers, [count] * len(callers))
    return len(callers) * COUNTS - int(callers[0](lambda cache: cache.get("n", 0)))


def double_adds(callers: Sequence[Within]) -> int:
    """Return how many keys were not added by exactly one of all, each of whom calls `add` for every key."""
    return sum(_double_adds(callers, turn) for turn in range(ROUNDS))


def _double_adds(callers: Sequence[Within], turn: int) -> int:
    def add(cache: BaseCache) -> list[bool]:
        return [cache.add(f"k{turn}-{nth}", 1, None) for nth in range(KEYS)]

    added = _at_once(callers, [add] * len(callers))
    callers[0](lambda cache: cache.clear())
    return sum(sum(answers) != 1 for answers in zip(*added, strict=True))


def seen_half_done(callers: Sequence[Within]) -> bool:
    """Return whether one who reads beside another's `set_many` has found some of its keys new and others old."""
    keys = [f"k{nth}" for nth in range(MANY)]
    over = Event()

    def write(cache: BaseCache) -> None:
        for turn in range(TURNS):
            cache.set_many(dict.fromkeys(keys, turn), None)
            if over.is_set():
                return
        over.set()

    def read(cache: BaseCache) -> bool:
        while not over.is_set():
            if len(set(cache.get_many((keys[0], keys[-1])).values())) > 1:
                over.set()
                return True
        return False

    callers[0](lambda cache: cache.set_many(dict.fromkeys(keys, -1), None))
    return bool(_at_once(callers, [read, write])[0])


def crowd(stage: Stage, body: Callable[[Sequence[Within]], Any]) -> Any:
    """Return what *body* returns for `THREADS` callers on the stage's backend."""
    with real_caches(stage.backend, stage.servers, THREADS) as callers:
        return body(callers)


def _at_once(callers: Sequence[Within], bodies: Sequence[Callable[[BaseCache], Any]]) -> list[Any]:
    """Return what *bodies* return, each called in a thread of its own by one of *callers*, all begun together."""
    start = Barrier(len(bodies))

    def begin(body: Callable[[BaseCache], Any], cache: BaseCache) -> Any:
        start.wait()
        return body(cache)

    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with ThreadPoolExecutor(len(bodies)) as pool:
            parts = zip(callers, bodies, strict=False)
            running = [pool.submit(caller, partial(begin, body)) for caller, body in parts]
            return [one.result() for one in running]
    finally:
        sys.setswitchinterval(before_s)
