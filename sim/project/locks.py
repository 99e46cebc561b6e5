"""Locks of requests: a request that wants another request's lock is parked in virtual time; elsewhere locks are real.

Python's own `RLock`, `Condition`, `Event`, `Semaphore` and `Barrier` are written in Python on top of one lock, so it is
enough to replace that one (in `threads.py`). A request may also wait for a real thread that a request has started or
woken: such a wait is real, and no virtual time passes.
"""

import _thread
import threading
from _thread import get_ident
from collections import deque
from typing import TYPE_CHECKING, Any

from .work import NOBODY, REQUEST, RUN

if TYPE_CHECKING:
    from ..engine.scheduler import Engine, Task  # which imports Django: too early


class _Waiter:
    """A request that waits for a lock; `event` happens with True when it gets the lock, with False if in vain."""

    def __init__(self, task: "Task") -> None:
        self.thread = task.thread
        self.event = task.env.event()

    def answer(self, taken: bool) -> None:
        """Let the request go on, unless it already has its answer."""
        if not self.event.triggered:
            self.event.succeed(taken)


class Lock:
    """Replaces `threading.Lock`. Its holder is a request (`holder` is REQUEST) or a real thread (its ident).

    Code that waits for a lock that it holds itself waits for a signal, as in `threading.Condition`.
    """

    __slots__ = ("__weakref__", "_by", "_free_s", "_real", "_since_s", "_waiters", "_woken", "holder")

    def __init__(self) -> None:
        self._at_fork_reinit()

    def _at_fork_reinit(self) -> None:
        self._real = _thread.allocate_lock()
        self._waiters: deque[_Waiter] = deque()  # first come, first served
        self._by: Any = None  # the virtual thread that took it last
        self._since_s = 0.0  # when it was taken, in virtual time
        self._free_s = 0.0  # in virtual time: when the request that released it has come so far
        self._woken = False  # a request released it: the real thread that gets it then works for requests
        self.holder = NOBODY

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock, after a wait if needed, and return whether it was taken."""
        if timeout != -1:
            if not blocking:
                raise ValueError("can't specify a timeout for a non-blocking call")
            if timeout < 0:
                raise ValueError("timeout value must be a non-negative number")
        task = RUN.task()
        if task is None:
            if not self._real.acquire(blocking=False) and not (blocking and self._wait_outside(timeout)):
                return False
            self.holder = get_ident()
            return True
        if self._free_s > task.env.time() + task.debt_s and not self._wait_for_its_way(task, blocking, timeout):
            return False
        if not self._real.acquire(blocking=False):
            return blocking and timeout != 0 and self._wait(task, timeout)
        self._take(task.thread)
        self._since_s = task.env.time() + task.debt_s
        return True

    def release(self) -> None:
        """Release the lock: to the request that has waited longest, or to anyone."""
        task = RUN.task()
        if self._waiters:
            if RUN.engine is None or get_ident() != RUN.engine.thread:
                raise RUN.refused_signal()
            if task is not None:
                task.env.settle()  # the next request gets it only when this one has come so far
            while self._waiters:
                waiter = self._waiters.popleft()
                if not waiter.event.triggered:
                    self._take(waiter.thread)
                    waiter.answer(taken=True)
                    return
        if not self._real.locked():
            raise RuntimeError("release unlocked lock")
        self._free_s = 0.0 if task is None or not task.debt_s else task.env.time() + task.debt_s
        if self._free_s <= self._since_s:  # held for no time at all, it delays nobody
            self._free_s = 0.0
        self._woken = task is not None
        self.holder = NOBODY
        self._real.release()

    def locked(self) -> bool:
        """Return whether somebody holds it."""
        return self._real.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_error: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<{'locked' if self.locked() else 'unlocked'} threading.Lock object at {id(self):#x}>"

    acquire_lock, release_lock, locked_lock = acquire, release, locked

    def _take(self, thread: Any) -> None:
        self.holder, self._by = REQUEST, thread

    def _wait_for_its_way(self, task: "Task", blocking: bool, timeout: float) -> bool:
        """Wait until the request that released the lock has come so far; return False if this takes too long."""
        engine: Engine = task.env
        left_s = self._free_s - engine.time() - task.debt_s
        if not blocking or 0 <= timeout < left_s:
            if blocking:
                engine.sleep(timeout)
            return False
        engine.sleep(left_s)
        return True

    def _wait(self, task: "Task", timeout: float) -> bool:
        """Wait in a request: in real time for real threads, otherwise parked. Return whether it got the lock."""
        engine: Engine = task.env
        signal = self._by is task.thread or self.holder == engine.thread
        if (signal or self.holder != REQUEST) and RUN.wait_while_someone_works(self._taken_for_real, signal=signal):
            self._take(task.thread)
            return True
        engine.settle()
        if self._real.acquire(blocking=False):
            self._take(task.thread)
            return True
        waiter = _Waiter(task)
        self._waiters.append(waiter)
        if timeout >= 0:
            engine.call_at(engine.time() + timeout, lambda: waiter.answer(taken=False))
        try:
            taken: bool = engine.wait_for(waiter.event)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return taken

    def _taken_for_real(self, within_s: float) -> bool:
        return self._real.acquire(timeout=within_s)

    def _wait_outside(self, timeout: float) -> bool:
        """Wait outside of requests, in real time."""
        me = get_ident()
        if RUN.engine is not None and me == RUN.engine.thread and self.holder == REQUEST:
            raise RUN.engine.refused("code outside of requests waits for a lock that a request holds: it never ends")
        for_a_signal = self.holder == me
        RUN.blocked[me] = self
        try:
            taken = self._real.acquire(timeout=timeout)
            if taken and for_a_signal and self._woken:
                RUN.works(threading.current_thread())
        finally:
            del RUN.blocked[me]
        return taken
