"""Threads that a request starts: no virtual time passes there, so one that uses the site ends the run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import StrategyError
from .scheduler import Engine
from .virtual import CURRENT_RUN

GRACE_S = 2.0  # real time, for threads that are still at work when the traffic is over


@contextmanager
def threads_watched() -> Iterator[None]:
    """Remember, for the length of a ``with`` block, which threads the requests start.

    A thread that used the site ends with an error. The run tells it, so that the thread has nothing to print.
    """
    with _LOCK:
        _begin()
    try:
        yield
    finally:
        with _LOCK:
            _end()


def wait_for_threads(engine: Engine) -> list[str]:
    """Wait a little for the threads that requests have started, and return a note on those that go on.

    Raises:
        StrategyError: if one of them has used the site.
    """
    deadline_s = time.monotonic() + GRACE_S
    for thread in engine.threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
        engine.end_if_strayed()
    left = sum(thread.is_alive() for thread in engine.threads)
    if not left:
        return []
    threads = "1 thread" if left == 1 else f"{left:,} threads"
    told = f"{threads} that the strategy has started went on after the run: what they do is not in these figures"
    return [f"{told}. For background work there is `site.spawn(func, after_s=0)`"]


def _begin() -> None:
    if not _under_way:
        _before.extend((threading.Thread.start, threading.excepthook))
        start, last_words = _before

        def remembering(self: threading.Thread) -> None:
            current = CURRENT_RUN.get()
            if current is not None and current.engine is not None and current.engine.serves_here():
                current.engine.threads.append(self)
            start(self)

        def quiet(args: Any) -> None:
            if not isinstance(args.exc_value, StrategyError):
                last_words(args)

        threading.Thread.start, threading.excepthook = remembering, quiet  # type: ignore[method-assign]
    _under_way.append(True)


def _end() -> None:
    _under_way.pop()
    if not _under_way:
        threading.Thread.start, threading.excepthook = _before  # type: ignore[method-assign]
        _before.clear()


_LOCK = threading.Lock()
_under_way: list[bool] = []
_before: list[Any] = []  # what was there
