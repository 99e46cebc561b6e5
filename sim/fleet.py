"""The fleet: worker processes with threads, which take the workload's requests and run the strategy on them."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from sim.contract import Site, Strategy
from sim.database import SimulatedDatabase
from sim.engine import Engine, Task, collect_garbage
from sim.errors import StrategyError
from sim.records import ReadChunk, ReadLog
from sim.workload import Chunk, Workload


class Request(NamedTuple):
    """One request: a read if it has a `place` in a chunk of the log, else a write."""

    number: int
    arrival_s: float
    key: str
    worker: int
    chunk: ReadChunk
    place: int


@dataclass
class Costs:
    """What the measured requests (those that arrived after the warm-up) cost, their background work included."""

    requests: int = 0
    cache_calls: int = 0
    db_reads: int = 0
    db_queries: int = 0


class Worker:
    """A worker process: the site its requests see, its free threads (None: no limit), and who waits for one."""

    def __init__(self, site: Site, threads: int | None) -> None:
        self.site = site
        self.free = threads
        self.queue: deque[Request] = deque()


class Fleet:
    """Assigns arriving requests to workers, runs the strategy, and records what came of it."""

    def __init__(
        self, engine: Engine, strategy: Strategy, db: SimulatedDatabase, reads: ReadLog, warmup_s: float
    ) -> None:
        self._engine = engine
        self._strategy = strategy
        self._db = db
        self._reads = reads
        self._warmup_s = warmup_s
        self._several = False
        self.workers: list[Worker] = []
        self.progress: Callable[[int], None] = lambda _count: None
        self.costs = Costs()

    def take(self, workload: Workload) -> None:
        """Start on *workload*: from now on the engine calls in whenever a request arrives."""
        self._several = len(self.workers) > 1
        self._requests = self._in_order(workload)
        self._engine.arrive = self._arrive
        self._draw()

    def spawn(self, worker: int, func: Callable[[], object]) -> None:
        """Run *func* as background work of the current request; it takes no thread."""
        engine, parent = self._engine, self._engine.current
        parent.spawned += 1
        number = parent.request * 1_000_003 + parent.spawned + (1 << 62)  # no other request has that number
        arrival_s = parent.arrival_s  # measured if its request is

        def background() -> None:
            task = engine.current
            engine.enter_worker(task, worker)
            task.begin(number, arrival_s, engine.time())
            func()
            self._count_costs(task)
            self._end(task, None)

        engine.call_at(engine.time() + parent.debt_s, background)

    def _in_order(self, workload: Workload) -> Iterator[Request]:
        names = workload.key_names
        reads_before = writes_before = 0
        for chunk in workload.chunks():
            collect_garbage()
            self.progress(reads_before + writes_before)
            log = self._open_log(chunk)
            read, write = 0, 0
            columns = (chunk.arrival_s, chunk.key_code, chunk.worker, chunk.is_write)
            for arrival_s, code, worker, is_write in zip(*(column.tolist() for column in columns), strict=True):
                # Reads and writes are numbered apart, so that more writes shift no read's latencies.
                if is_write:
                    write += 1
                    yield Request(-(writes_before + write), arrival_s, names[code], worker, log, -1)
                else:
                    yield Request(reads_before + read, arrival_s, names[code], worker, log, read)
                    read += 1
            reads_before += read
            writes_before += write
        self.progress(reads_before + writes_before)

    def _open_log(self, chunk: Chunk) -> ReadChunk:
        reads = ~chunk.is_write
        return self._reads.open_chunk(chunk.arrival_s[reads], chunk.key_code[reads], chunk.worker[reads])

    def _draw(self) -> None:
        self._next = next(self._requests, None)
        self._engine.next_arrival_s = inf if self._next is None else self._next.arrival_s

    def _arrive(self, task: Task) -> None:
        request = self._next
        self._draw()
        worker = self.workers[request.worker]
        if worker.free is not None:
            if not worker.free:
                worker.queue.append(request)
                return
            worker.free -= 1
        self._serve(task, request, worker)

    def _serve(self, task: Task, request: Request, worker: Worker) -> None:
        """Run one request to its end on *task*'s greenlet; time may pass in between."""
        engine = self._engine
        number, arrival_s, key, _worker, chunk, place = request
        if task.worker != request.worker:
            engine.enter_worker(task, request.worker)
        task.begin(number, arrival_s, engine.time())
        if place < 0:
            self._strategy.write(worker.site, key)
        else:
            row = self._strategy.read(worker.site, key)
            chunk.start_s[place] = task.start_s
            chunk.end_s[place] = engine.time() + task.debt_s
            chunk.hit[place] = not task.db_reads
            try:
                chunk.version[place] = row.version
            except (AttributeError, TypeError):
                raise self._not_a_row(row) from None
        if arrival_s >= self._warmup_s:
            self.costs.requests += 1
        self._count_costs(task)
        self._end(task, worker)

    def _count_costs(self, task: Task) -> None:
        if task.arrival_s >= self._warmup_s:
            costs = self.costs
            costs.cache_calls += task.cache_calls
            costs.db_reads += task.db_reads
            costs.db_queries += task.db_queries

    def _end(self, task: Task, worker: Worker | None) -> None:
        """Release the thread and the connection once the request's debt has passed; nobody waits for that."""
        connection, task.connection = task.connection, None
        has_thread = worker is not None and worker.free is not None
        if not has_thread and connection is None:
            return

        def release() -> None:
            if connection is not None:
                self._db.release(connection)
            if has_thread:
                self._free_thread(worker)

        self._engine.call_at(self._engine.time() + task.debt_s, release)

    def _free_thread(self, worker: Worker) -> None:
        if worker.queue:
            self._serve(self._engine.current, worker.queue.popleft(), worker)
        else:
            worker.free += 1

    def _not_a_row(self, row: object) -> StrategyError:
        name = type(self._strategy).__name__
        return StrategyError(f"{name}.read() must return the Row it got from site.db or the cache, not {row!r:.60}")
