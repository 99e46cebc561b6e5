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

from sim.conformance.stage import Raised, Stage, outcome
from sim.conformance.twins import Within, real_caches
from sim.interrupts import interrupts_held

THREADS = 4
COUNTS = 1000  # by each thread
ROUNDS, KEYS = 4, 250  # of keys to add; more at once than MAX_ENTRIES would be culled
TURNS = 1000  # of set_many, where nobody sees it half done
MANY, LENGTH = 60, 500  # its keys and their values: more than a server takes from one connection at a stretch
TIMEOUT_S = 1000
TOGETHER_S = 10.0  # so long may it take until all threads are there
SWITCH_S = 1e-6  # as often as Python can


def lost_counts(callers: Sequence[Within]) -> int | Raised:
    """Return how many counts are missing after all have called `incr` on one key, or what one of them raised."""

    def count(cache: BaseCache) -> list[Any]:
        return [outcome(lambda: cache.incr("n")) for _ in range(COUNTS)]

    callers[0](lambda cache: cache.set("n", 0, None))
    counted = [one for mine in _at_once(callers, [count] * len(callers)) for one in mine]
    raised = [one for one in counted if isinstance(one, Raised)]
    return raised[0] if raised else len(counted) - int(callers[0](lambda cache: cache.get("n", 0)))


def double_adds(callers: Sequence[Within]) -> int:
    """Return how many keys were not added by exactly one of all, each of whom calls `add` for every key."""
    return sum(_double_adds(callers, turn) for turn in range(ROUNDS))


def _double_adds(callers: Sequence[Within], turn: int) -> int:
    def add(cache: BaseCache) -> list[bool]:
        return [outcome(lambda key=f"k{turn}-{nth}": cache.add(key, 1, None)) is True for nth in range(KEYS)]  # type: ignore[misc]

    added = _at_once(callers, [add] * len(callers))
    callers[0](lambda cache: cache.clear())
    return sum(sum(answers) != 1 for answers in zip(*added, strict=True))


def seen_half_done(callers: Sequence[Within]) -> bool:
    """Return whether one who reads beside another's `set_many` has found some of its keys new and others old."""
    keys = [f"k{nth}" for nth in range(MANY)]
    over = Event()

    def write(cache: BaseCache) -> None:
        try:
            for turn in range(TURNS):
                _set(cache, keys, turn)
                if over.is_set():
                    return
        finally:
            over.set()

    def read(cache: BaseCache) -> bool:
        while not over.is_set():
            if len(set(cache.get_many((keys[0], keys[-1])).values())) > 1:
                over.set()
                return True
        return False

    callers[0](lambda cache: _set(cache, keys, 0))
    return bool(_at_once(callers[:2], [read, write])[0])


def _set(cache: BaseCache, keys: Sequence[str], turn: int) -> None:
    cache.set_many(dict.fromkeys(keys, str(turn).zfill(LENGTH)), TIMEOUT_S)


def crowd(stage: Stage, body: Callable[[Sequence[Within]], Any]) -> Any:
    """Return what *body* returns for `THREADS` callers on the stage's backend."""
    with real_caches(stage.backend, stage.servers, THREADS) as callers:
        return body(callers)


def _at_once(callers: Sequence[Within], bodies: Sequence[Callable[[BaseCache], Any]]) -> list[Any]:
    """Return what *bodies* return, each called in a thread of its own by one of *callers*, all begun together."""
    start = Barrier(len(bodies), timeout=TOGETHER_S)

    def begin(body: Callable[[BaseCache], Any], cache: BaseCache) -> Any:
        start.wait()
        return body(cache)

    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with ThreadPoolExecutor(len(bodies)) as pool:
            with interrupts_held():  # cut in two, it would leave threads behind that wait for the others
                parts = zip(callers, bodies, strict=True)
                running = [pool.submit(caller, partial(begin, body)) for caller, body in parts]
            return [one.result() for one in running]
    finally:
        sys.setswitchinterval(before_s)
