"""Real threads at once on the real clock. The engine never switches within one call of a store; real threads do.

As in Django, every thread has its own cache object, on one store.
"""

import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event, Lock
from types import FrameType
from typing import Any

from django.core.cache.backends.base import BaseCache

from ..processes.interrupts import interrupts_held
from .stage import Raised, Stage, outcome
from .twins import Within, real_caches

THREADS = 4
COUNTS = 250  # by each thread
ROUNDS, KEYS = 4, 100  # of keys to add; more keys than MAX_ENTRIES would be culled
TURNS = 60  # of set_many, to see that no reader finds it half done
MANY, LENGTH = 1000, 500  # its keys (for servers only) and values: far more than a server reads from a client at once
TIMEOUT_S = 1000
TOGETHER_S = 60.0  # the time for all threads to be ready
PAUSED_RATIO = 0.004  # of Python's steps: often enough that one is between a check and the act that follows
PAUSE_S = 1e-6  # at least; the system may wake a thread later

_TRACING = Lock()  # Python refuses two threads that call sys.settrace at once


def lost_counts(callers: Sequence[Within]) -> int | Raised:
    """Return how many counts are missing after all have called `incr` on one key, or what one of them raised."""

    def count(cache: BaseCache) -> list[Any]:
        return [outcome(lambda: cache.incr("n")) for _ in range(COUNTS)]

    callers[0](lambda cache: cache.set("n", 0, None))
    counted = [one for mine in _by_turns(callers, count) for one in mine]
    raised = [one for one in counted if isinstance(one, Raised)]
    return raised[0] if raised else len(counted) - int(callers[0](lambda cache: cache.get("n", 0)))


def double_adds(callers: Sequence[Within]) -> int:
    """Return how many keys were not added by exactly one caller, if each calls `add` for every key."""
    return sum(_double_adds(callers, turn) for turn in range(ROUNDS))


def _double_adds(callers: Sequence[Within], turn: int) -> int:
    def add(cache: BaseCache) -> list[bool]:
        return [outcome(lambda key=f"k{turn}-{nth}": cache.add(key, 1, None)) is True for nth in range(KEYS)]  # type: ignore[misc]

    added = _by_turns(callers, add)
    callers[0](lambda cache: cache.clear())
    return sum(sum(answers) != 1 for answers in zip(*added, strict=True))


def seen_half_done(callers: Sequence[Within]) -> bool:
    """Return whether a reader during another's `set_many` has found some of its keys new and others old."""
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


def _by_turns(callers: Sequence[Within], body: Callable[[BaseCache], Any]) -> list[Any]:
    """Return what *body* returns for each of *callers*, all at once; they pause in the middle of calls.

    Without the pauses, threads on a busy machine may run one after the other, and a race would not be seen.
    """
    return _at_once(callers, [partial(_politely, random.Random(nth), body) for nth, _caller in enumerate(callers)])


def _politely(chance: random.Random, body: Callable[[BaseCache], Any], cache: BaseCache) -> Any:
    """Return what *body* returns; before some of its steps, even within a line, the other threads go first."""

    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode" and chance.random() < PAUSED_RATIO:
            time.sleep(PAUSE_S)
        return trace

    before = sys.gettrace()
    with _TRACING:
        sys.settrace(trace)
    try:
        return body(cache)
    finally:
        with _TRACING:
            sys.settrace(before)


def _at_once(callers: Sequence[Within], bodies: Sequence[Callable[[BaseCache], Any]]) -> list[Any]:
    """Return what *bodies* return; each is called in its own thread by one of *callers*, all at the same time."""
    start = Barrier(len(bodies), timeout=TOGETHER_S)

    def begin(body: Callable[[BaseCache], Any], cache: BaseCache) -> Any:
        start.wait()
        return body(cache)

    with ThreadPoolExecutor(len(bodies)) as pool:
        with interrupts_held():  # an interrupt would leave threads that wait for the others
            parts = zip(callers, bodies, strict=True)
            running = [pool.submit(caller, partial(begin, body)) for caller, body in parts]
        return [one.result() for one in running]
