"""Processes of this machine as a backend of joblib's: loky's, but no part of the pool that it shares with everybody."""

import multiprocessing
import os
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import Any

from joblib.externals.loky.backend import get_context, resource_tracker
from joblib.externals.loky.process_executor import ProcessPoolExecutor, ShutdownExecutorError
from joblib.parallel import ParallelBackendBase

from .children import SAFE_PATH, start_tracker
from .duty import begin

FORCE_S = 1.0  # after the patience: by then each process that Python still has a hold on has ended itself


class Processes(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """*jobs* processes, each started when there is something to do.

    joblib's own backend would take them from the pool of the whole program, in which a script may have something of
    its own under way, and would kill them at the first error, with all that they have started. They import nothing of
    the script (loky's way of starting them), and never run anything in this process, as joblib does for a single job.
    """

    supports_retrieve_callback = True

    def __init__(self, jobs: int, patience_s: float) -> None:
        super().__init__(nesting_level=0)
        # A process that has grown much is replaced, which is as it should be.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor", UserWarning)
        start_tracker()
        start_tracker(resource_tracker.ensure_running)  # loky has one of its own
        self._jobs = jobs
        self._patience_s = patience_s
        # The lifeline: its one end is here alone, and closed when this process says so, or is gone.
        self._kept, self._held = multiprocessing.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(
            jobs,
            context=get_context("loky"),
            initializer=partial(begin, safe_path=SAFE_PATH in os.environ),
            initargs=(os.getpid(), self._kept, patience_s),
            env={SAFE_PATH: "1"},
        )

    def effective_n_jobs(self, _n_jobs: int) -> int:
        """Return for how many joblib is to provide: never one, which it would run in this process."""
        return max(2, self._jobs)

    def submit(self, func: Callable[[], Any], callback: Callable[[Future[Any]], object] | None = None) -> Future[Any]:
        """Hand *func* to the next process that is free."""
        try:
            future: Future[Any] = self._executor.submit(func)
        except ShutdownExecutorError:  # joblib's other thread comes late: nobody waits for this any more
            return Future()
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """Return what came of it, or raise that."""
        return out.result()

    def end(self) -> None:
        """End all processes: what is under way is unwound; who does not hear is ended by force."""
        self._held.close()
        ending = Thread(target=self._executor.shutdown)
        ending.start()
        ending.join(self._patience_s + FORCE_S)
        if ending.is_alive():  # code in C that has hold of Python
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._executor.shutdown(kill_workers=True)
            ending.join()
        self._kept.close()
