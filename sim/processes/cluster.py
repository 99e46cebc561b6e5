"""A Dask cluster as a joblib backend."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from distributed import Client
from joblib._dask import DaskDistributedBackend  # what backend="dask" is; it has no public name

from .losses import NoClusterError

CONNECT_S = 10
FAREWELL_S = 5
LOGGERS = ("distributed.client", "distributed.core", "distributed.comm", "distributed.utils")


class Cluster(DaskDistributedBackend):  # type: ignore[misc]  # joblib has no types
    """The workers of the scheduler at *address*.

    Raises:
        OSError, ValueError: if no scheduler answers there.
    """

    def __init__(self, address: str) -> None:
        for name in LOGGERS:  # we report a lost connection in one line ourselves
            logging.getLogger(name).setLevel(logging.CRITICAL)
        super().__init__(client=Client(address, timeout=CONNECT_S, set_as_default=False))
        self.nesting_level = 0

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return the number of jobs for joblib: never one, because joblib would run that in this process.

        Raises:
            NoClusterError: if no worker comes.
        """
        try:
            return max(2, int(super().effective_n_jobs(n_jobs)))
        except TimeoutError:
            at = self.client.scheduler.address
            raise NoClusterError(f"the Dask scheduler at {at} has no worker; start one: dask worker {at}") from None

    def submit(self, func: Callable[[], Any], callback: Callable[[Any], object]) -> Future[Any]:
        """Send *func* to the cluster, and tell joblib if Dask gives it up; otherwise joblib would wait for ever."""
        future: Future[Any] = super().submit(func, callback)
        future.add_done_callback(lambda done: callback(done.exception()) if done.exception() is not None else None)
        return future

    def answers(self) -> bool:
        """Return whether the scheduler is still there."""
        return bool(self.client.status == "running")

    def end(self) -> None:
        """Disconnect from the cluster, which drops its remaining tasks."""
        self.client.close(timeout=FAREWELL_S)
