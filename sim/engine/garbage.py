"""Python's garbage collection: between the chunks of a run and after it, never in the middle of a request."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


@contextmanager
def collected_by_hand() -> Iterator[None]:
    """Switch the automatic garbage collection off; `collect_garbage` is called between chunks instead."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collect_garbage() -> None:
    """Collect the last chunk's garbage, without the old generation: it holds the libraries, so a look at it is slow."""
    gc.collect(1)


class _Broom:
    """Collects a run's objects when the run is over: they refer to each other in cycles.

    The automatic collection would be too late: it counts objects, and a run has few but large ones (the tables of its
    latencies). Objects from before the first active run are skipped (frozen). If other code has frozen objects, they
    stay frozen.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs = 0
        self._froze = False

    @contextmanager
    def after_run(self) -> Iterator[None]:
        """Collect at the end of the block."""
        with self._lock:
            self._runs += 1
            if self._runs == 1 and gc.get_freeze_count() == 0:
                gc.freeze()
                self._froze = True
        try:
            yield
        finally:
            gc.collect()
            with self._lock:
                self._runs -= 1
                if self._runs == 0 and self._froze:
                    gc.unfreeze()
                    self._froze = False


cleared_away = _Broom().after_run
