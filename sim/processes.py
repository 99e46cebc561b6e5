"""Processes started here: they end with this one, however it ends, and none outlives what it was started for."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess


def follow_parent(end: Callable[[], object]) -> None:
    """In a process that was started: call *end*, in a thread, when the parent is gone: killed, it could not say so."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            end()

    threading.Thread(target=follow, daemon=True).start()


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
