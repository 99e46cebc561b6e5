"""A crew: processes on this machine or on a Dask cluster that do one task after another, through joblib."""

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self

from .duty import Answer, Task, do
from .interrupts import finish, interrupts_held
from .losses import CrewGoneError, NoClusterError, WorkerKilledError

if TYPE_CHECKING:
    from .cluster import Cluster
    from .local import Processes

PATIENCE_S = 10.0  # for a process that must end, and may have servers to stop


class Crew(Generic[Task, Answer]):
    """*jobs* processes, or those of a *cluster*, that call *func* (a module's function) with one task at a time.

    They are started when there is work and kept from round to round. They are gone after the ``with`` block, however it
    ends, and after ``kill -9`` of this process. On Linux they also end with the thread that started them.
    """

    def __init__(self, jobs: int, func: Callable[[Task], Answer], *, cluster: str | None = None) -> None:
        self._jobs = jobs
        self._func = func
        self._cluster = cluster
        self._backend: Processes | Cluster | None = None

    def __enter__(self) -> Self:
        """Connect to the cluster, if one was given.

        Raises:
            NoClusterError: if that fails.
        """
        if self._cluster is not None:
            self._backend = _cluster_at(self._cluster)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        finish(self._end)

    def work(self, tasks: Iterable[Task]) -> Iterator[tuple[int, Answer]]:
        """Yield each task's place and answer as tasks end. *tasks* is read a few tasks ahead, in another thread.

        An exception of a task is raised here unchanged. If a round ends before its last answer, its processes end, too,
        and their running tasks are ended; the next round has new processes.

        Raises:
            WorkerKilledError: if a process was killed: its task, and those of the others, are not done.
            CrewGoneError: if the cluster's scheduler is gone.
            NoClusterError: if the cluster cannot be reached, or has no worker.
        """
        answers: Any = None
        complete = False
        try:
            # Local processes are started here. A cluster may take long, so Ctrl-C is not held back for it.
            with interrupts_held() if self._cluster is None else nullcontext():
                answers = self._begin(tasks)
            for answer in answers:  # noqa: UP028 - `yield from` would close them, and joblib warn of that
                yield answer
            complete = True
        except Exception as error:
            explained = self._explained(error)
            if explained is error:
                raise
            raise explained from None
        finally:
            if not complete:
                finish(lambda: self._give_up(answers))

    def _begin(self, tasks: Iterable[Task]) -> Generator[tuple[int, Answer]]:
        from joblib import Parallel, delayed, parallel_config

        self._backend = self._backend or self._new_backend()
        with parallel_config(backend=self._backend):  # joblib settings of the script must not apply here
            parallel = Parallel(n_jobs=self._jobs, return_as="generator_unordered", batch_size=1)
        answers: Generator[tuple[int, Answer]]
        answers = parallel(delayed(do)(self._func, place, task) for place, task in enumerate(tasks))
        return answers

    def _new_backend(self) -> "Processes | Cluster":
        if self._cluster is not None:
            return _cluster_at(self._cluster)
        from .local import Processes

        return Processes(self._jobs, PATIENCE_S)

    def _explained(self, error: Exception) -> Exception:
        """Return the exception to raise for *error*: *error* itself if a task raised it."""
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        if isinstance(error, TerminatedWorkerError) or type(error).__name__ == "KilledWorker":  # loky's, and Dask's
            return WorkerKilledError("a worker process was killed in mid-run")
        if self._cluster is None or self._backend is None:
            return error
        if isinstance(error, CancelledError) or not self._backend.answers():  # Dask cancels all tasks then
            return CrewGoneError(f"the Dask scheduler at {self._cluster} went away in mid-run")
        return error

    def _give_up(self, answers: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib warns about answers that are not read
            if answers is not None:
                answers.close()
        self._end()

    def _end(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.end()


def _cluster_at(address: str) -> "Cluster":
    try:
        from .cluster import Cluster
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"dask", "distributed"}:
            raise
        raise NoClusterError("a cluster needs Dask: pip install 'cachewise[cluster]'") from None
    try:
        return Cluster(address)
    except (OSError, ValueError) as error:
        told = str(error).partition("\n")[0]
        raise NoClusterError(f"no Dask scheduler answers at {address} ({told})") from None
