"""In a crew's worker process: one task at a time, an orderly end of that task, and an end with the parent."""

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

ORPHAN_S = 0.5  # for a task to end, if the parent is gone and the kernel has not killed this process

_ONE_AT_A_TIME = threading.Lock()  # a Dask worker may have several threads
_under_way: list[object] = []
_told_to_end: list[int] = []  # the signal that told this process to end


def begin(parent: int, lifeline: Connection, patience_s: float, *, safe_path: bool = False) -> None:
    """Leave a terminal's signals to the *parent*, let SIGTERM end the current task, and end with the parent.

    The parent holds the other end of *lifeline*. When the parent closes it, this process must end within *patience_s*.
    """
    if not safe_path:  # it was only for the start of this process, not for its children
        os.environ.pop(SAFE_PATH, None)
    leave_to_parent()
    raise_what_is_swallowed()
    signal.signal(signal.SIGTERM, _end)
    # On Linux the kernel kills this process with its parent, even while code in C holds the GIL. On other systems, the
    # closed lifeline shows that the parent is gone. A living parent closes it to end this process.
    die_with_parent(parent)
    threading.Thread(target=_follow, args=(parent, lifeline, patience_s), daemon=True).start()


def do(func: Callable[[Task], Answer], place: int, task: Task) -> tuple[int, Answer]:
    """Return *place* and the result of *func* for *task*, while no other task runs in this process.

    Raises:
        WorkerKilledError: if this process was told to end, even if the task swallowed the signal's exception.
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
    """End the current task. The process goes on, refuses further tasks, and is ended in good order by loky.

    loky would take a process that exits by itself for a killed one. Then it would kill the others, with all that they
    have started, before they have cleaned up.
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
