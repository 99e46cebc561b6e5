"""The fleet: worker processes with threads, which take the workload's requests and run the strategy on them."""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from math import inf

import numpy as np

from ..contract import RollbackError, Row, Site, Strategy, child_number
from ..declared import strategy_title
from ..errors import StrategyError
from ..own.blame import in_background, where_written
from ..own.methods import check_methods
from ..verdict.records import ReadLog, Totals
from ..world.workload import Chunk, Workload
from .database import SimulatedDatabase
from .garbage import collect_garbage
from .scheduler import Engine, Task

MOST_LATE = 1_000_000  # calls of `site.spawn` after the last request's arrival
# Number, arrival_s, key, worker, and the row of the log where its record goes (-1: a write).
# A plain tuple, made by zip at C speed: one is made for every request.
Request = tuple[int, float, str, int, int]


class Worker:
    """A worker process: the site its requests see, its free threads, and the requests that wait for one."""

    def __init__(self, site: Site, threads: int | None) -> None:
        self.site = site
        self.limited = threads is not None
        self.free = threads or 0
        self.queue: deque[Request] = deque()


class Fleet:
    """Assigns arriving requests to workers, runs the strategy, and records the results."""

    def __init__(
        self, engine: Engine, strategy: Strategy, db: SimulatedDatabase, reads: ReadLog, warmup_s: float
    ) -> None:
        check_methods(strategy)
        self._engine = engine
        self._strategy = strategy
        self._db = db
        self._reads = reads
        self._warmup_s = warmup_s
        self._next: Request | None = None
        self._requests: Iterator[Request] = iter(())
        self.workers: list[Worker] = []
        self.progress: Callable[[int], None] = lambda _count: None
        self.rolls_back: Callable[[int], bool] | None = None  # of a write request's number
        self.costs = Totals()
        self._late = 0

    def take(self, workload: Workload) -> None:
        """Start *workload*: from now on the engine calls this fleet whenever a request arrives."""
        self._requests = chain.from_iterable(self._chunks(workload))
        self._engine.arrive = self._arrive
        self._draw()

    def spawn(self, worker: int, func: Callable[[], object], after_s: float) -> None:
        """Run *func* as background work of the current request, *after_s* seconds from now; it takes no thread."""
        engine, parent = self._engine, self._engine.current
        parent.spawned += 1
        number = child_number(parent.request, parent.spawned)
        arrival_s = parent.arrival_s  # it counts in the figures if its request does
        self._count_late()

        def background() -> None:
            task = engine.current
            if task.worker != worker:
                engine.enter_worker(task, worker)
            task.begin(number, arrival_s, engine.time())
            in_background(func, strategy_title(self._strategy), worker, engine.time)
            if task.transaction is not None:
                raise StrategyError(f"background work of {strategy_title(self._strategy)} left a transaction open")
            self._finish(task, None)

        engine.call_at(engine.request_time() + after_s, background)

    def _count_late(self) -> None:
        """Count the work spawned after the last arrival; refuse more than `MOST_LATE`: such work never ends."""
        if self._engine.next_arrival_s == inf:
            self._late += 1
            if self._late > MOST_LATE:
                raise self._engine.refused(
                    f"background work of {strategy_title(self._strategy)} goes on for ever: {MOST_LATE:,} times "
                    "site.spawn() since the last request arrived"
                )

    def _chunks(self, workload: Workload) -> Iterator[Iterator[Request]]:
        """Yield the requests of one chunk of the workload after the other, and clean up in between."""
        reads = writes = 0
        for chunk in workload.chunks():
            collect_garbage()
            self.progress(reads + writes)
            self.costs.requests += int((chunk.arrival_s >= self._warmup_s).sum())
            yield self._numbered(chunk, workload.key_names, reads, writes)
            written = int(chunk.is_write.sum())
            reads += len(chunk.is_write) - written
            writes += written
        self.progress(reads + writes)

    def _numbered(self, chunk: Chunk, names: list[str], reads: int, writes: int) -> Iterator[Request]:
        """Return the chunk's requests. Reads and writes have separate numbers, so that more writes shift no read."""
        is_read = ~chunk.is_write
        row = np.full(len(is_read), -1)
        row[is_read] = self._reads.extend(chunk.arrival_s[is_read], chunk.key_code[is_read], chunk.worker[is_read])
        number = np.where(is_read, reads - 1 + np.cumsum(is_read), -(writes + np.cumsum(chunk.is_write)))
        keys = map(names.__getitem__, chunk.key_code.tolist())
        columns = (number.tolist(), chunk.arrival_s.tolist(), keys, chunk.worker.tolist(), row.tolist())
        return zip(*columns, strict=True)

    def _draw(self) -> None:
        request = self._next = next(self._requests, None)
        self._engine.next_arrival_s = inf if request is None else request[1]

    def _arrive(self, task: Task) -> None:
        request = self._next
        if request is None:
            return
        following = self._next = next(self._requests, None)
        self._engine.next_arrival_s = inf if following is None else following[1]
        worker = self.workers[request[3]]
        if worker.limited:
            if not worker.free:
                worker.queue.append(request)
                return
            worker.free -= 1
        self._serve(task, request, worker)

    def _serve(self, task: Task, request: Request, worker: Worker) -> None:
        """Run one request to its end on *task*'s greenlet; time may pass in between."""
        engine = self._engine
        number, arrival_s, key, worker_number, place = request
        if task.worker != worker_number:
            engine.enter_worker(task, worker_number)
        task.begin(number, arrival_s, engine._now)
        try:
            if place < 0:
                self._write(task, worker.site, key)
            else:
                self._record(task, place, key, self._strategy.read(worker.site, key))
            if task.transaction is not None:
                raise self._broke_the_contract(_verb(place), "left a transaction open")
        except (Exception, SystemExit) as error:
            engine.end_if_strayed()
            what = f"{strategy_title(self._strategy)}.{_verb(place)}(site, {key!r:.60})"
            error.add_note(f"in {what} on worker {worker_number}, {engine.time():.6f} s into the run")
            raise
        self._finish(task, worker)

    def _write(self, task: Task, site: Site, key: str) -> None:
        """Let the strategy write. A request that is rolled back on purpose fails alone, as on a real site."""
        task.rolls_back = self.rolls_back is not None and self.rolls_back(task.request)
        try:
            self._strategy.write(site, key)
        except Exception as error:
            if not RollbackError.ended(error):
                raise

    def _record(self, task: Task, place: int, key: str, row: Row) -> None:
        log = self._reads
        log.start_s[place] = task.start_s
        log.end_s[place] = self._engine._now + task.debt_s
        if task.db_reads:
            log.hit[place] = False
        try:
            returned, log.version[place] = row.key, row.version
        except (AttributeError, TypeError, ValueError):
            problem = f"must return the Row it got from site.db or the cache, not {row!r:.60}"
            raise self._broke_the_contract("read", problem) from None
        if returned != key:
            raise self._broke_the_contract("read", f"returned the row of {returned!r:.60} for {key!r:.60}")

    def _finish(self, task: Task, worker: Worker | None) -> None:
        """Count what a request cost; release its thread and connection once its debt has passed."""
        task.serving = False
        self._engine.end_if_strayed()
        if task.arrival_s >= self._warmup_s:
            costs = self.costs
            costs.cache_calls += task.cache_calls
            costs.entries_culled += task.entries_culled
            if task.db_queries:
                costs.db_reads += task.db_reads
                costs.db_queries += task.db_queries
        thread_of = worker if worker is not None and worker.limited else None
        if thread_of is not None or task.connection is not None:
            self._release_later(task, thread_of)

    def _release_later(self, task: Task, worker: Worker | None) -> None:
        # The release is only an entry in the calendar: no greenlet has to sleep for it.
        connection, task.connection = task.connection, None

        def release() -> None:
            if connection is not None:
                self._db.release(connection)
            if worker is not None and worker.queue:
                self._serve(self._engine.current, worker.queue.popleft(), worker)
            elif worker is not None:
                worker.free += 1

        self._engine.call_at(self._engine.time() + task.debt_s, release)

    def _broke_the_contract(self, verb: str, problem: str) -> StrategyError:
        where = where_written(self._strategy, verb)
        return StrategyError(f"{where}{strategy_title(self._strategy)}.{verb}() {problem}")


def _verb(place: int) -> str:
    return "write" if place < 0 else "read"
