"""Processes started here: they end with this one, however it ends, and none outlives what it was started for."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess


def follow_parent(end: Callable[[], object]) -> None:
    """In a process that was started: call *end*, in a thread, when the parent is gone: killed, it could not say so."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            end()

    threading.Thread(target=follow, daemon=True).start()


def start_tracker() -> None:
    """Start the process that looks after what others share, so that it survives a closed terminal, as it does Ctrl-C.

    It would be started with the first of the processes, and die with them before they have let go of what it knows of.
    """
    if not hasattr(signal, "SIGHUP"):
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # which a process inherits
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
