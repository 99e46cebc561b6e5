"""Processes started here: they end with this one, however it ends, and none outlives what it was started for."""

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
    """In a process that was started: call *end*, in a thread, when the parent is gone: killed, it could not say so."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            end()

    threading.Thread(target=follow, daemon=True).start()


def start_tracker(start: Callable[[], object] = resource_tracker.ensure_running) -> None:
    """Start the process that looks after what others share, so that it survives a closed terminal, as it does Ctrl-C.

    It would be started with the first of the processes, and die with them before they have let go of what it knows of.
    Starting it, Python also unblocks Ctrl-C, which would then reach processes that are only starting. No module in the
    current folder, such as a project's `numpy.py`, is taken for one that it imports.
    """
    with safe_path():
        _start_unheard(start)


def _start_unheard(start: Callable[[], object]) -> None:
    if not hasattr(signal, "SIGHUP"):
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # which a process inherits
    try:
        start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def safe_path() -> Iterator[None]:
    """Start processes of Python meanwhile that do not look for modules in the current folder first."""
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
    """Return whether another process can be sent *things*: none of a class that the script or notebook itself defines.

    Nor of one that is found under no name, as it was made inside a function.
    """
    try:
        _Traveller(io.BytesIO(), pickle.HIGHEST_PROTOCOL).dump(things)
    except Exception:  # noqa: BLE001 - whatever it is: it does not get there
        return False
    return True


class _Traveller(pickle.Pickler):
    """Pickles, but for what is defined in the script."""

    def persistent_id(self, one: Any) -> None:
        """Refuse a class, a function or an instance of the script's; the name is the pickler's."""
        if getattr(one, "__module__", None) == MAIN:
            raise pickle.PicklingError(f"{one!r} is the script's own")
