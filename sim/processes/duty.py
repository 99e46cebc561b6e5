"""In a process of a crew: one task at a time, an end that unwinds it, and no life after the parent's."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TypeVar

from .children import SAFE_PATH
from .deaths import die_with_parent
from .interrupts import Terminated, leave_to_parent, raise_what_is_swallowed
from .losses import WorkerKilledError

Task = TypeVar("Task")
Answer = TypeVar("Answer")

ORPHAN_S = 0.5  # what a task has for its end where the parent is gone and no kernel has ended this process

_ONE_AT_A_TIME = threading.Lock()  # a worker of Dask's may have several threads
_under_way: list[object] = []
_told_to_end: list[int] = []  # the signal that did


def begin(parent: int, lifeline: Connection, patience_s: float, *, safe_path: bool = False) -> None:
    """Leave a terminal's signals to the *parent*, and let SIGTERM unwind what is under way; end when the parent does.

    The parent holds the other end of *lifeline*: when it closes that, this process is to end within *patience_s*.
    """
    if not safe_path:  # it was for the start of this process alone, not for what that starts
        os.environ.pop(SAFE_PATH, None)
    leave_to_parent()
    raise_what_is_swallowed()
    signal.signal(signal.SIGTERM, _end)
    # The kernel ends this process with its parent, even while code in C has hold of Python. Where it does not do such
    # things, the closed lifeline says that the parent is gone; it also says that a living one wants no more.
    die_with_parent(parent)
    threading.Thread(target=_follow, args=(parent, lifeline, patience_s), daemon=True).start()


def do(func: Callable[[Task], Answer], place: int, task: Task) -> tuple[int, Answer]:
    """Return *place* and what *func* makes of *task*, while nothing else is under way in this process.

    Raises:
        WorkerKilledError: if this process was told to end, whatever became of the exception.
    """
    with _ONE_AT_A_TIME:
        try:
            _under_way.append(task)
            if not _told_to_end:
                return place, func(task)
        finally:
            _under_way.clear()
            if _told_to_end:
                raise WorkerKilledError(f"told to end by signal {_told_to_end[0]}")
    raise AssertionError  # for mypy, which does not know that one of the two happens


def _end(number: int, _frame: object) -> None:
    """Unwind the task under way. Its process goes on to the next, which is refused: loky ends it, and in order.

    It would take a process that ends by itself for one that was killed, and kill the others, with all that they have
    started, before they have put anything away.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _told_to_end.append(number)
    if _under_way:
        raise Terminated(128 + number)


def _follow(parent: int, lifeline: Connection, patience_s: float) -> None:
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(patience_s if os.getppid() == parent else ORPHAN_S)
    os.kill(os.getpid(), signal.SIGKILL)
