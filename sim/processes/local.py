"""Processes of this machine as a joblib backend: loky's, but not from the pool that the whole program shares."""

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

FORCE_S = 1.0  # after the patience; a process that still runs Python code has ended itself by then


class Processes(ParallelBackendBase):  # type: ignore[misc]  # joblib has no types
    """*jobs* processes, each started when there is something to do.

    joblib's own backend would take them from the pool of the whole program, in which a script may have its own tasks.
    At the first error it would kill them, with all that they have started. These processes import nothing of the script
    (loky starts them so). Even a single job never runs in this process, as it would with joblib.
    """

    supports_retrieve_callback = True

    def __init__(self, jobs: int, patience_s: float) -> None:
        super().__init__(nesting_level=0)
        # loky replaces a process whose memory has grown much; that is fine.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor", UserWarning)
        start_tracker()
        start_tracker(resource_tracker.ensure_running)  # loky has one of its own
        self._jobs = jobs
        self._patience_s = patience_s
        # The lifeline: only this process has this end. It is closed on purpose, or when this process is gone.
        self._kept, self._held = multiprocessing.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(
            jobs,
            context=get_context("loky"),
            initializer=partial(begin, safe_path=SAFE_PATH in os.environ),
            initargs=(os.getpid(), self._kept, patience_s),
            env={SAFE_PATH: "1"},
        )

    def effective_n_jobs(self, _n_jobs: int) -> int:
        """Return the number of jobs for joblib: never one, because joblib would run that in this process."""
        return max(2, self._jobs)

    def submit(self, func: Callable[[], Any], callback: Callable[[Future[Any]], object] | None = None) -> Future[Any]:
        """Give *func* to the next free process."""
        try:
            future: Future[Any] = self._executor.submit(func)
        except ShutdownExecutorError:  # joblib's other thread is late: the answer is no longer needed
            return Future()
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        """Return the task's result, or raise its exception."""
        return out.result()

    def end(self) -> None:
        """End all processes and their running tasks; kill those that do not react."""
        self._held.close()
        ending = Thread(target=self._executor.shutdown)
        ending.start()
        ending.join(self._patience_s + FORCE_S)
        if ending.is_alive():  # C code that holds the GIL
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._executor.shutdown(kill_workers=True)
            ending.join()
        self._kept.close()
