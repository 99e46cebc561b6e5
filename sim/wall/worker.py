"""A worker process of a real run: it sets Django up on private places and serves requests at their times in threads."""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any, NamedTuple

import django
from django.conf import Settings as ProjectSettings
from django.conf import global_settings, settings
from django.core.signals import request_finished, request_started
from django.test.signals import clear_cache_handlers

from ..backends import backend_named, params_of
from ..backends.entries import is_own
from ..backends.simulated import verbs_of
from ..backends.trial import TRIAL_KEY, ending, only_ours_for_good, quiet_threads, usable
from ..backends.wire import wire_this_process, wired
from ..contract import RollbackError, Row
from ..declared import strategy_title
from ..errors import CodeError, ForbiddenError, StrategyError, UserError, words_of
from ..own.blame import said_plainly
from ..processes.children import follow_parent
from ..processes.interrupts import leave_to_parent
from ..processes.parcels import Parcel
from ..verdict.result import Run
from ..world.latency import Latency, latency_of
from ..world.rollbacks import rollbacks
from ..world.seeds import streams
from ..world.workload import Workload, build_workload
from . import timed
from .issued import Issued
from .ledger import Ledger, Read, Records, Request
from .places import TABLE_ALIAS, CachePlace, CacheTableRouter, limits_of
from .rows import Settings

if TYPE_CHECKING:
    from .site import DjangoSite

ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Job:
    """The data for a worker process. `pauses` names the scenario's latencies that are slept."""

    run: Run
    worker: int
    threads: int
    place: CachePlace
    rows: Settings
    pauses: tuple[str, ...]
    issued: Issued


class Arrival(NamedTuple):
    """A request of this worker, with its number in the simulation; writes are below zero."""

    number: int
    arrival_s: float
    key: str


def work(sent: Parcel[Job], pipe: Connection) -> None:
    """Answer the harness's questions, one by one, until it closes the pipe: the process's main function."""
    leave_to_parent()
    follow_parent(lambda: os._exit(143))
    worker: Any = None
    while True:
        try:
            verb, args = pipe.recv()
        except (EOFError, OSError):  # OSError if the harness was killed before it read an answer
            return
        try:
            with said_plainly():
                worker = worker or Worker(sent.opened())
                answer = ForkingPickler.dumps((True, getattr(worker, verb)(*args)))
        except BaseException as error:  # noqa: BLE001 - the harness raises it
            answer = ForkingPickler.dumps((False, _said(error, worker)))
        try:
            pipe.send_bytes(answer)
        except OSError:
            return


def _said(error: BaseException, worker: Any) -> str | CodeError:
    """Return what the harness should raise for an error in this process."""
    if isinstance(error, UserError):
        return error if isinstance(error, CodeError) else str(error)
    which = "a worker" if worker is None else f"worker {worker.job.worker}"
    return f"{which}: {type(error).__name__}: {words_of(error)}"


class Worker:
    """A worker process's side of the run."""

    def __init__(self, job: Job) -> None:
        self.job = job
        quiet_threads()
        self._ledger = Ledger()
        self._refused: list[ForbiddenError] = []
        self._turn = threading.Lock()
        self._configure()
        self._backend = backend_named(job.run.backend)  # a user's class may need settings when it is imported
        scenario, seeds = job.run.scenario, streams(job.run.seed)
        self._pauses = {name: latency_of(name, spec_of(job.run, name), seeds[name]) for name in job.pauses}
        self._stopwatch = timed.Stopwatch(self._ledger, self._pauses.get("cache_rtt_s"))
        self._rolls_back = rollbacks(scenario.rollback_ratio, seeds["rollbacks"])
        self._workload = build_workload(scenario, job.run.seed)
        self._arrivals = iter(list(arrivals(self._workload, job.worker)))
        self._site = self._set_up()

    def _configure(self) -> None:
        """Set Django up, except its caches."""
        databases, routers = {"default": self.job.rows}, []
        if self.job.place.database is not None:
            databases[TABLE_ALIAS] = dict(self.job.place.database)
            routers = [f"{CacheTableRouter.__module__}.{CacheTableRouter.__qualname__}"]
        ours = {"USE_TZ": True, "DATABASES": databases, "DATABASE_ROUTERS": routers, "LOGGING_CONFIG": None}
        settings.configure(_project(self.job.run.backend), **ours, CACHES=global_settings.CACHES, INSTALLED_APPS=[])
        django.setup()

    def _set_up(self) -> "DjangoSite":
        """Put the timed cache in place; if its client has a wire, the stopwatch is on it."""
        place, backend, job = self.job.place, self._backend, self.job
        wiring = None if place.foreign else backend.wire
        params = wired(params_of(backend, limits_of(job.run.scenario)), wiring, virtual=False)
        settings.CACHES = {"default": {**params, "BACKEND": timed.PATH, "LOCATION": place.location}}
        clear_cache_handlers(setting="CACHES")  # a user's class may have used a cache when it was imported
        wire_this_process(self._stopwatch)
        cls = backend.load()
        primitives = backend.primitives or verbs_of(cls)
        self._stopwatch.install(cls, [*primitives, *backend.verbs], backend.culled, wired=wiring is not None)
        if is_own(backend.name):
            self._refused = only_ours_for_good(backend.name, lambda path: path == place.socket)
        from .database import DjangoDatabase
        from .site import DjangoSite

        site = DjangoSite(DjangoDatabase(self._ledger, self._pauses, job.issued), self._ledger, job.run.seed)
        with usable(backend):
            if type(site.cache) is not timed.Cache:
                raise UserError(f"worker {job.worker}: Django's default cache is not the one to measure")
        return site

    def clock(self) -> tuple[str, float]:
        """Return the name of this process's clock, and its present time."""
        return time.get_clock_info("monotonic").implementation, time.monotonic()

    def prepare(self) -> None:
        """Make the rows, and empty the cache."""
        from django.db import connection

        from .model import Stored

        with connection.schema_editor() as editor:
            editor.create_model(Stored)
        sizes = zip(self._workload.key_names, self._workload.key_bytes, strict=True)
        Stored.objects.bulk_create((Stored(key=key, payload=bytes(size)) for key, size in sizes), ROWS_AT_ONCE)
        connection.close()
        for verb, args in (("set", (TRIAL_KEY, 1, 1)), ("get", (TRIAL_KEY,)), ("clear", ())):
            with usable(self._backend), ending(self._refused):
                getattr(self._site.cache, verb)(*args)

    def play(self, began_s: float) -> Records:
        """Serve this worker's requests; the run begins at *began_s* on the monotonic clock."""
        self._ledger.begin(began_s)
        with ThreadPoolExecutor(self.job.threads) as threads:
            served = [threads.submit(Context().run, self._serve) for _ in range(self.job.threads)]
        for one in served:
            one.result()  # raises the error that ended a thread too early
        self._site.drain()
        self._end_if_refused()
        return self._ledger.records

    def _end_if_refused(self) -> None:
        """End the run if something was refused, even if the refusal was caught.

        The cache class tried to connect to another server, or the strategy's own thread used the site.
        """
        for refused in (self._refused, self._ledger.refused):
            if refused:
                raise refused[0]

    def entries(self) -> float:
        """Return how many entries this worker's cache adds to those of the run."""
        return 0 if self._backend.one_store and self.job.worker > 0 else self._backend.entries(self._site.cache)

    def versions(self) -> dict[str, int]:
        """Return the version in the table of every row that was ever written."""
        from .model import Stored

        return dict(Stored.objects.filter(version__gt=0).values_list("key", "version"))

    def left_wrong(self, versions: Mapping[str, int]) -> set[str]:
        """Read every key that was ever written once more; return those with another version than in *versions*.

        A key that is not in *versions* was never committed: its version is 0.
        """
        written = [*versions, *(key for key in self.job.issued.written() if key not in versions)]
        found = {key for key in written if self._look(key).version != versions.get(key, 0)}
        self._end_if_refused()
        return found

    def _look(self, key: str) -> Row:
        """Read *key* after the traffic."""
        strategy = self.job.run.strategy
        try:
            return strategy.read(self._site, key)
        except Exception as error:
            error.add_note(f"in {strategy_title(strategy)}.read(site, {key!r:.60}) after the traffic")
            raise

    def _serve(self) -> None:
        """Serve requests in order of arrival; each thread takes the next one in turn."""
        from django.db import connections

        self._ledger.request = Request()
        self._open()
        for arrival in iter(self._next, None):
            self._end_if_refused()
            self._wait_for(arrival.arrival_s)
            self._answer(arrival)
        connections.close_all()

    def _open(self) -> None:
        """Read and write once in advance, so that the first request does not pay for a thread's start-up."""
        from django.db import transaction
        from django.db.models import F

        from .model import Stored

        nobody = Stored.objects.filter(key="")
        with suppress(Exception):  # the error comes again in a request, and is counted there
            with transaction.atomic():
                nobody.update(version=F("version") + 1)
            nobody.first()
            self._site.cache.get(TRIAL_KEY)
        request_finished.send(sender=Worker)  # closes the same connections as at each request's end

    def _next(self) -> Arrival | None:
        with self._turn:
            return next(self._arrivals, None)

    def _wait_for(self, arrival_s: float) -> None:
        delay_s = arrival_s - self._ledger.now()
        if delay_s > 0:  # otherwise it waited for a free thread: the generator was not late
            time.sleep(delay_s)
            if arrival_s >= self.job.run.scenario.warmup_s:
                self._ledger.records.late_s.append(self._ledger.now() - arrival_s)

    def _answer(self, arrival: Arrival) -> None:
        measured = arrival.arrival_s >= self.job.run.scenario.warmup_s
        request = Request(arrival.number, arrival.arrival_s, self._ledger.now(), measured, hurried=False)
        request.rolls_back = arrival.number < 0 and self._rolls_back is not None and self._rolls_back(arrival.number)
        self._ledger.request = request
        request_started.send(sender=Worker)
        try:
            self._run(request, arrival.key)
        except ForbiddenError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a request that fails is counted; the site goes on
            if RollbackError.ended(error):
                self._ledger.rolled_back(request)
            else:
                self._ledger.failed(request, error)
                _drop_connections()
        finally:
            request_finished.send(sender=Worker)
            self._ledger.finish(request)

    def _run(self, request: Request, key: str) -> None:
        from django.db import connection

        strategy = self.job.run.strategy
        row = (strategy.write if request.number < 0 else strategy.read)(self._site, key)
        end_s = self._ledger.now()
        if connection.in_atomic_block:
            raise StrategyError(f"{strategy_title(strategy)} left a transaction open")
        if request.number >= 0:
            self._record(request, key, row, end_s)

    def _record(self, request: Request, key: str, row: Row, end_s: float) -> None:
        if row.key != key:
            raise StrategyError(f"read() returned the row of {row.key!r:.60} for {key!r:.60}")
        if request.measured:
            read = Read(request.arrival_s, request.start_s, end_s, key, request.db_reads == 0, row.version)
            self._ledger.records.reads.append(read)


def _project(backend: str) -> Any:
    """Return further settings for a user's cache class: those of the project, if there is one."""
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    return ProjectSettings(module) if module and is_own(backend) else global_settings


def spec_of(run: Run, name: str) -> Latency:
    """Return one of the scenario's latencies, with "auto" resolved for its backend."""
    if name == "cache_rtt_s":
        return backend_named(run.backend).rtt_s(run.scenario.cache_rtt_s)
    spec: Latency = getattr(run.scenario, name)
    return spec


def arrivals(workload: Workload, worker: int) -> Iterator[Arrival]:
    """Yield the requests of one worker in order of arrival, with the numbers they have in the simulation."""
    names, reads, writes = workload.key_names, count(), count(-1, -1)
    for chunk in workload.chunks():
        columns = (chunk.is_write, chunk.arrival_s, chunk.key_code, chunk.worker)
        for is_write, arrival_s, code, own in zip(*(column.tolist() for column in columns), strict=True):
            number = next(writes if is_write else reads)
            if own == worker:
                yield Arrival(number, arrival_s, names[code])


def _drop_connections() -> None:
    """Close and forget this thread's connections, also if a failed request has left a transaction open."""
    from django.db import connections

    for open_one in connections.all(initialized_only=True):
        open_one.close()
        del connections[open_one.alias]
