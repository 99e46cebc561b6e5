"""The current request, and the real threads that work for requests: a lock needs both to wait in the right way."""

import threading
import time
from _thread import get_ident
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ..errors import StrategyError

if TYPE_CHECKING:
    from ..engine.scheduler import Engine, Task  # it imports Django, too early here

REQUEST, NOBODY = 0, -1  # holder of a lock that no real thread holds
PATIENCE_S = 60.0  # real time that a request waits for a real thread
_LOOK_S = 0.002  # real time between two checks whether a real thread still works
ADVICE = "do that in the request itself, or hand it to a Celery task"
_monotonic = time.monotonic  # the real one, before a stand-in replaces it


class _Held(Protocol):
    """A lock that a real thread waits for."""

    holder: int

    def locked(self) -> bool: ...


def _wakes(lock: _Held) -> bool:
    return not lock.locked() or lock.holder == NOBODY


class Work:
    """This process's run, if any, and the real threads that work for its requests."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.at_work: dict[int, threading.Thread] = {}  # by ident: threads that a request has started or woken
        self.starting: set[threading.Thread] = set()  # those that have no ident yet
        self.blocked: dict[int, _Held | None] = {}  # by ident: the lock it waits for; None: a long sleep

    def task(self) -> "Task | None":
        """Return the current request's task; None outside of requests and in real threads."""
        engine = self.engine
        if engine is None or get_ident() != engine.thread:
            return None
        task = engine.current
        return task if task.serving and task.thread is not None else None

    def works(self, thread: threading.Thread) -> None:
        """Remember that *thread* works for requests."""
        if thread.ident is not None:
            self.at_work[thread.ident] = thread

    def someone_works(self) -> bool:
        """Return whether a real thread may still do the work that a request waits for.

        A thread that waits for a lock does not work, unless the lock is free again or another real thread holds it.
        """
        if self.starting or any(lock is not None and _wakes(lock) for lock in [*self.blocked.values()]):
            return True
        for ident, thread in [*self.at_work.items()]:
            if not thread.is_alive():
                self.at_work.pop(ident, None)
            elif not self._rests(ident):
                return True
        return False

    def wait_while_someone_works(self, done: Callable[[float], bool], *, signal: bool = True) -> bool:
        """Wait in real time until *done* (called with seconds to wait) is true, or no real thread works any more.

        Without *signal*, a real thread will surely do it, whether or not it works for requests.

        Raises:
            StrategyError: if it takes too long.
        """
        until_s = _monotonic() + PATIENCE_S
        while self.someone_works() or not signal:
            if done(_LOOK_S):
                return True
            if _monotonic() > until_s:
                raise self._refused(f"a request has waited {PATIENCE_S:g} s of real time for {self._names()}: {ADVICE}")
        return done(0)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """In the block, this real thread does no work that a request waits for."""
        self.blocked[get_ident()] = None
        try:
            yield
        finally:
            del self.blocked[get_ident()]

    def refused_signal(self) -> StrategyError:
        """Return the error for a real thread that releases a lock for which a request is parked in virtual time."""
        name = threading.current_thread().name
        return self._refused(f"a request waits for the thread {name!r}, which no request has started: {ADVICE}")

    def _rests(self, ident: int) -> bool:
        if ident not in self.blocked:
            return False
        lock = self.blocked.get(ident)
        own = (REQUEST, ident, self.engine.thread if self.engine is not None else ident)
        return lock is None or (lock.locked() and lock.holder in own)

    def _names(self) -> str:
        threads = [*self.starting, *self.at_work.values()]
        names = sorted({repr(thread.name) for thread in threads if thread.is_alive()})
        return "the thread " + " or ".join(names) if names else "a thread"

    def _refused(self, told: str) -> StrategyError:
        return StrategyError(told) if self.engine is None else self.engine.refused(told)


RUN = Work()
