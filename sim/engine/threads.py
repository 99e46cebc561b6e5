"""Threads that a request starts: no virtual time passes there, so one that uses the site ends the run.

Django's own names (`from django.core.cache import cache`) give such a thread the run's cache, too, which refuses its
calls. Otherwise the thread would use the project's real cache, without an error.
"""

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache

from ..errors import StrategyError
from .scheduler import Engine, StrayedError
from .virtual import CURRENT_RUN

GRACE_S = 2.0  # real time, for threads that are still at work when the traffic is over


@contextmanager
def threads_watched(engine: Engine) -> Iterator[None]:
    """Remember in a ``with`` block which threads the requests start.

    A thread that used the site ends with an error, which the run reports. So the thread itself prints nothing, even if
    it ends long after the run.
    """
    with _LOCK:
        _begin()
    try:
        yield
    finally:
        with _LOCK:
            _end(alive=any(thread.is_alive() for thread in engine.threads))


def wait_for_threads(engine: Engine) -> list[str]:
    """Wait a little for the threads that requests have started; return a note on those that still run.

    Raises:
        StrategyError: if one of them has used the site.
    """
    deadline_s = time.monotonic() + GRACE_S
    for thread in engine.threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
        engine.end_if_strayed()
    engine.end()
    left = sum(thread.is_alive() for thread in engine.threads)
    if not left:
        return []
    threads = "1 thread" if left == 1 else f"{left:,} threads"
    told = f"{threads} that requests have started went on after the run: their work is not in these figures"
    return [f"{told}; {engine.advice}"]


def _begin() -> None:
    if not _under_way:
        if threading.Thread.start is not _remembering:  # if a Ctrl-C kept the last run from restoring it
            _real_start[:] = [threading.Thread.start]
        threading.Thread.start = _remembering  # type: ignore[method-assign]
    if threading.excepthook is not _quiet:
        _last_words.append(threading.excepthook)
        threading.excepthook = _quiet
    _under_way.append(True)


def _end(*, alive: bool) -> None:
    _under_way.pop()
    if not _under_way:
        threading.Thread.start = _real_start[0]  # type: ignore[method-assign]
        if not alive and threading.excepthook is _quiet:
            threading.excepthook = _last_words.pop()


def _remembering(self: threading.Thread) -> None:
    current = CURRENT_RUN.get()
    if current is not None and current.engine is not None and current.engine.serves_here():
        if isinstance(self, threading.Timer):
            raise current.engine.refused(
                f"a threading.Timer waits {self.interval:g} s of real time, not of the run's virtual time: "
                f"{current.engine.advice.replace('after_s=0', f'after_s={self.interval:g}')}"
            )
        current.engine.threads.append(self)
        found: _RunsCache | None = _RunsCache(caches["default"])
    else:
        found = _CACHES.get(threading.current_thread())  # of the thread that starts this one
    if found is not None:
        _CACHES[self] = found
        self.run = partial(_with_default, found, self.run)  # type: ignore[method-assign]
    _real_start[0](self)


def _with_default(cache: Any, work: Callable[[], None]) -> None:
    """Do a thread's *work* with *cache* as its default cache, which Django keeps separately for each thread."""
    caches["default"] = cache
    work()


class _RunsCache:
    """A run's cache as a thread sees it. It holds no reference to the run, so a long thread keeps no memory of it."""

    def __init__(self, cache: BaseCache) -> None:
        self._cache = weakref.ref(cache)

    def __getattr__(self, name: str) -> Any:
        cache = self._cache()
        if cache is None:
            raise StrategyError(f"cache.{name} in a thread that a strategy has started, after its run")
        return getattr(cache, name)


_CACHES: "weakref.WeakKeyDictionary[threading.Thread, _RunsCache]" = weakref.WeakKeyDictionary()


def _quiet(args: Any) -> None:
    if not (isinstance(args.exc_value, StrayedError) and args.exc_value.told):
        _last_words[-1](args)


_LOCK = threading.Lock()
_under_way: list[bool] = []
_real_start: list[Any] = [threading.Thread.start]
_last_words: list[Any] = []  # the hook for errors of threads before ours
