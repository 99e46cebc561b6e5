"""To the project's code a request is a thread: within a request, `threading` works with virtual threads.

Call `install` before Django and the project are imported. Outside of requests, and in real threads (such as a Sentry
transport started at set-up), everything is real. Python's own pure-Python parts do most of the work:
`_threading_local.local` asks for the current thread; `_PyRLock`, `Condition` and so on ask for its ident and are built
on one lock.
"""

import _thread
import _threading_local
import itertools
import queue
import threading
from contextvars import Context, copy_context
from math import inf
from typing import TYPE_CHECKING, Any

from .imports import replace_by_name
from .locks import Lock
from .work import ADVICE, RUN

if TYPE_CHECKING:
    from ..engine.scheduler import Engine, Task  # it imports Django, too early here

_IDENTS = itertools.count(1)  # idents of real threads are addresses, which are larger
_POLL_S = 0.001  # of virtual time, between polls of a real thread that waits for another request
# Python's frozen modules use locks during imports; `threading` is changed separately.
_KEEP = ("threading", "_thread", "_threading_local", "importlib", "_frozen_importlib", "greenlet", "cachewise")


class VirtualThread(threading.Thread):
    """A web worker's thread, as a request's code sees it: it serves one request after the other.

    Its ident is the same in each run, and no real thread has it. It keeps its `threading.local` values and its context
    variables from request to request.
    """

    def __init__(self, name: str, context: Context | None = None) -> None:
        super().__init__(name=name, daemon=True)
        self._ident = next(_IDENTS)
        self._native_id = self._ident
        self._started.set()  # type: ignore[attr-defined]
        self.context = copy_context() if context is None else context.copy()

    def enter(self, task: "Task") -> None:
        """Let this thread serve *task*; called on the greenlet of *task*."""
        task.thread = self
        task.greenlet.gr_context = self.context

    def is_alive(self) -> bool:
        """Return True: it serves as long as its worker does."""
        return True

    def start(self) -> None:
        """Refuse, as Python does for a thread that has started."""
        raise RuntimeError("threads can only be started once")

    def join(self, timeout: float | None = None) -> None:
        """Refuse: the request would wait for ever, because a web worker's thread does not end."""
        raise RuntimeError(f"cannot join the web worker's thread {self.name!r}, which never ends (timeout={timeout!r})")


def get_ident() -> int:
    """Stand in for `threading.get_ident`."""
    task = RUN.task()
    return _thread.get_ident() if task is None else task.thread.ident


def get_native_id() -> int:
    """Stand in for `threading.get_native_id`."""
    task = RUN.task()
    return _REAL["get_native_id"]() if task is None else task.thread.ident  # type: ignore[no-any-return]


def current_thread() -> threading.Thread:
    """Stand in for `threading.current_thread`."""
    task = RUN.task()
    return _REAL["current_thread"]() if task is None else task.thread  # type: ignore[no-any-return]


def install() -> None:
    """Put the stand-ins in place, permanently, in `threading` and in modules that imported the names already."""
    if _REAL:
        return
    stand_ins = {
        "get_ident": get_ident,
        "get_native_id": get_native_id,
        "current_thread": current_thread,
        "Lock": Lock,
        "_allocate_lock": Lock,
        "RLock": threading._PyRLock,  # type: ignore[attr-defined]
        "local": _threading_local.local,
    }
    real: Any = threading
    _REAL.update({name: getattr(real, name) for name in stand_ins}, start=real.Thread.start, join=real.Thread.join)
    for name, value in stand_ins.items():
        setattr(real, name, value)
    real.Thread.start, real.Thread.join = _start, _join
    queue.SimpleQueue = queue._PySimpleQueue  # type: ignore[attr-defined,misc]  # the other one waits in C
    _threading_local.current_thread = current_thread  # type: ignore[attr-defined]
    named = {id(_REAL[name]): value for name, value in stand_ins.items()}
    named[id(_thread.RLock)] = threading._PyRLock  # type: ignore[attr-defined]
    replace_by_name(named, _KEEP)


def serve(engine: "Engine") -> None:
    """Connect this process's threads to a run's engine: its current task is the current request.

    From now on real threads may not use the project's caches and databases.
    """
    from .astray import refuse_in_threads  # which imports Django

    RUN.engine = engine
    refuse_in_threads(engine)


def _start(self: threading.Thread) -> None:
    task = RUN.task()
    works = task is not None or _thread.get_ident() in RUN.at_work
    if works:
        _remember(self)
    try:
        _REAL["start"](self)
    except BaseException:
        RUN.starting.discard(self)
        raise


def _remember(thread: threading.Thread) -> None:
    """Remember a thread that works for requests."""
    engine: Any = RUN.engine
    if isinstance(thread, threading.Timer):
        raise engine.refused(
            f"a threading.Timer waits {thread.interval:g} s of real time, not of the run's virtual time: {ADVICE}"
        )
    if thread not in engine.threads:
        engine.threads.append(thread)
    RUN.starting.add(thread)
    run = thread.run

    def working() -> None:
        RUN.works(thread)
        RUN.starting.discard(thread)
        try:
            run()
        finally:
            RUN.at_work.pop(_thread.get_ident(), None)

    thread.run = working  # type: ignore[method-assign]


def _join(self: threading.Thread, timeout: float | None = None) -> None:
    task = RUN.task()
    if task is None or not self.is_alive():
        _REAL["join"](self, timeout)
        return

    def ended(within_s: float) -> bool:
        _REAL["join"](self, within_s)
        return not self.is_alive()

    RUN.works(self)
    engine: Engine = task.env
    until_s = None if timeout is None else engine.request_time() + max(timeout, 0.0)
    while not RUN.wait_while_someone_works(ended):
        # It waits for another request, or for itself.
        left_s = inf if until_s is None else until_s - engine.request_time()
        if left_s <= 0:
            return
        engine.sleep(min(_POLL_S, left_s))


_REAL: dict[str, Any] = {}
