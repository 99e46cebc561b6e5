"""Child processes: they end with this process, however it ends, and when their work is over."""

import io
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any

MAIN = "__main__"
SAFE_PATH = "PYTHONSAFEPATH"  # as `python -P`


def follow_parent(end: Callable[[], object]) -> None:
    """In a child process: call *end*, in a thread, when the parent is gone (a killed parent cannot tell it)."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            end()

    threading.Thread(target=follow, daemon=True).start()


def start_tracker(start: Callable[[], object] = resource_tracker.ensure_running) -> None:
    """Start multiprocessing's resource tracker so that it survives a closed terminal, as it survives Ctrl-C.

    Python would start it with the first child; then it would die with the children before they have released what it
    tracks. While Python starts it, it also unblocks Ctrl-C, which would then reach children that are just starting. A
    module in the current folder, such as a project's `numpy.py`, does not hide a module that the tracker imports.
    """
    with safe_path():
        _start_unheard(start)


def _start_unheard(start: Callable[[], object]) -> None:
    if not hasattr(signal, "SIGHUP"):
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # children inherit the mask
    try:
        start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def safe_path() -> Iterator[None]:
    """In the block, start Python processes so that they do not look for modules in the current folder first."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


def end_all(processes: Sequence[BaseProcess], patience_s: float) -> None:
    """Tell *processes* to end, and end those by force that have not after *patience_s* seconds."""
    for process in processes:
        process.terminate()
    deadline_s = time.monotonic() + patience_s
    for process in processes:
        process.join(max(0.0, deadline_s - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def can_travel(things: object) -> bool:
    """Return whether *things* can be sent to another process: no class among them is defined in the script or notebook.

    Nor may a class be defined inside a function, because no name leads to it.
    """
    try:
        _Traveller(io.BytesIO(), pickle.HIGHEST_PROTOCOL).dump(things)
    except Exception:  # noqa: BLE001 - any error: it cannot be sent
        return False
    return True


class _Traveller(pickle.Pickler):
    """Pickles everything except what the script itself defines."""

    def persistent_id(self, one: Any) -> None:
        """Refuse a class, a function or an instance of the script's (`pickle` defines the method's name)."""
        if getattr(one, "__module__", None) == MAIN:
            raise pickle.PicklingError(f"{one!r} is the script's own")
