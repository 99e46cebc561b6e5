"""One run: a pure function of (scenario, strategy, backend, seed)."""

import math
import os
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import Context, copy_context
from functools import partial
from pathlib import Path
from typing import Any

from django.core.cache import caches as django_caches

from .backends import (
    Caches,
    Call,
    Limits,
    backend_named,
    open_caches,
    refusals_in_a_line,
    require_keys,
    require_verbs,
)
from .contract import Strategy
from .daemons.session import Servers
from .daemons.session import servers as private_servers
from .declared import check_declared
from .engine.database import DatabaseLatencies, SimulatedDatabase
from .engine.fleet import Fleet, Worker
from .engine.garbage import cleared_away
from .engine.request_time import globals_of, request_time
from .engine.scheduler import Engine
from .engine.site import OmniscientCache, SimulatedSite
from .engine.threads import threads_watched, wait_for_threads
from .engine.virtual import CURRENT_RUN, CurrentRun
from .errors import UserError
from .processes.interrupts import interrupts_first, nothing_swallowed
from .verdict.reads_file import ReadsFile, reads_file
from .verdict.records import ReadLog, as_array
from .verdict.reduction import Reduction
from .verdict.result import Evidence, Leftovers, Result, Run
from .verdict.tally import Load, Tally
from .verdict.truth import judge_reads
from .verdict.writes import WriteLog
from .world.latency import LatencyOf, latency_of
from .world.rollbacks import rollbacks
from .world.scenario import LATENCIES, Scenario
from .world.seeds import DEFAULT_SEED, streams
from .world.workload import Workload, build_workload

LONGEST_TIMEOUT_S = 100_000_000_000  # 3,000 years: the db backend writes expiry as a date


def run(
    scenario: Scenario,
    strategy: Strategy,
    *,
    backend: str = "shared",
    seed: int = DEFAULT_SEED,
    servers: Servers | None = None,
    log: list[Call] | None = None,
    progress: Callable[[int], None] | None = None,
    keep_reads: str | os.PathLike[str] | None = None,
) -> Result:
    """Run *scenario* under *strategy* and return what happened, every read judged.

    Args:
        scenario: the workload and its world.
        strategy: an instance from `cachewise.strategies`, or anything that keeps `cachewise.Strategy`.
        backend: one of `cachewise.sim.backends.BACKENDS`.
        seed: a whole number; the same arguments give the same bytes.
        servers: private servers to reuse (``with cachewise.servers() as s:``); without them a run that needs a server
            starts its own and stops it before it returns.
        log: a list to which every call that reaches a cache's store is appended (see `cachewise.sim.backends.Call`).
        progress: called from time to time with the number of requests that have arrived.
        keep_reads: a Parquet file for the judged reads. With more than 5 million of them (`MOST_KEPT_READS`), the
            result holds exact counts, and quantiles within 0.05%; its `reads` are then read from this file.

    Raises:
        UserError: for bad input. Exceptions of the strategy are passed on unchanged.
    """
    check(scenario, strategy, seed)
    began_s = time.perf_counter()
    with nothing_swallowed(), cleared_away():
        this, workload = Run(scenario, strategy, backend, seed), build_workload(scenario, seed)
        if keep_reads is None:
            result = _played(this, workload, servers, log, progress, None)
        else:
            path = Path(keep_reads)
            with reads_file(path, workload.key_names) as keeper:
                result = _played(this, workload, servers, log, progress, keeper)
                result.keep_reads(keeper)
            result.reads_file = path
    result.wall_s = time.perf_counter() - began_s
    return result


def _played(
    this: Run,
    workload: Workload,
    servers: Servers | None,
    log: list[Call] | None,
    progress: Callable[[int], None] | None,
    keeper: ReadsFile | None,
) -> Result:
    scenario, strategy, backend, seed = this.scenario, this.strategy, this.backend, this.seed
    engine = Engine()
    latencies = _latencies(scenario, backend, seed)
    limits = Limits(scenario.max_entries, scenario.cull_frequency)
    where = backend_named(backend)
    require_verbs(where, strategy)
    require_keys(where, [strategy], workload)
    with (
        interrupts_first(),
        nullcontext(servers) if servers is not None else private_servers() as ours,
        open_caches(where, engine, latencies["cache_rtt_s"], limits, scenario.workers or 1, ours, log) as caches,
    ):
        db = _database(engine, scenario, workload, latencies)
        surely = workload.reads.surely_from(scenario.warmup_s)
        reads = ReadLog(scenario.warmup_s, surely=surely, numbered=keeper is not None)
        tally = Tally(Load(scenario.warmup_s, workload.end_s - scenario.warmup_s))
        reads.let_go = Reduction(tally, db.log.history, db.may_commit, db.query_started_s, keeper).let_go
        fleet = Fleet(engine, strategy, db, reads, scenario.warmup_s)
        fleet.progress = progress or fleet.progress
        fleet.rolls_back = rollbacks(scenario.rollback_ratio, streams(seed)["rollbacks"])
        _staff(fleet, engine, caches, db, scenario, seed)
        fleet.take(workload)
        with request_time(*globals_of(strategy)), threads_watched(engine), refusals_in_a_line(backend):
            engine.play()
            leftovers = Leftovers(caches.entries(), _keys_left_wrong(engine, fleet, db, strategy))
            notes = [*caches.notes, *wait_for_threads(engine)]
    if reads.lets_go:
        reads.let_all_go()
    result = Result(this, workload, _evidence(reads, tally, db, fleet, leftovers))
    result.notes[:0] = notes
    return result


def _evidence(reads: ReadLog, tally: Tally, db: SimulatedDatabase, fleet: Fleet, leftovers: Leftovers) -> Evidence:
    columns = None if reads.lets_go else reads.take_columns()
    writes_gone = db.log.counts is not None
    return Evidence(
        reads=columns or tally,
        writes=db.log.counts or db.log.columns(),
        key_names=list(db.key_codes),
        query_started_s=as_array(db.query_started_s),
        peak_in_flight=db.peak_in_flight,
        costs=fleet.costs,
        leftovers=leftovers,
        verdicts=judge_reads(columns, db.log.history()) if columns and writes_gone else None,
    )


def check(scenario: Scenario, strategy: Strategy, seed: int) -> None:
    """Check the arguments of a run.

    Raises:
        UserError: if one of them is not valid.
    """
    if not isinstance(scenario, Scenario):
        raise UserError(f"run() takes a cachewise.Scenario first, not {type(scenario).__name__}")
    if isinstance(strategy, type) or not all(callable(getattr(strategy, verb, None)) for verb in ("read", "write")):
        raise UserError(f"run() takes a strategy such as TtlOnly(timeout=60) second, not {strategy!r:.60}")
    check_declared(strategy)
    timeout = getattr(strategy, "timeout", None)
    if timeout is not None and not (isinstance(timeout, (int, float)) and 0 <= timeout <= LONGEST_TIMEOUT_S):
        raise UserError(
            f"{type(strategy).__name__}: timeout={timeout!r:.40} must be seconds, 0 to {LONGEST_TIMEOUT_S:g}, or None"
        )
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UserError(f"seed={seed!r:.40} must be a whole number, 0 or more")


def _latencies(scenario: Scenario, backend: str, seed: int) -> dict[str, LatencyOf | None]:
    rtt = backend_named(backend).rtt_s(scenario.cache_rtt_s)
    seeds = streams(seed)
    specs = {name: getattr(scenario, name) for name in LATENCIES} | {"cache_rtt_s": rtt}
    return {name: latency_of(name, spec, seeds[name]) for name, spec in specs.items()}


def _database(
    engine: Engine, scenario: Scenario, workload: Workload, latencies: dict[str, LatencyOf | None]
) -> SimulatedDatabase:
    key_codes = {name: code for code, name in enumerate(workload.key_names)}
    payloads = {size: bytes(size) for size in {*workload.key_bytes, scenario.value_bytes}}
    sizes = workload.key_bytes

    def payload_of(key: str) -> bytes:
        code = key_codes.get(key, -1)
        return payloads[sizes[code] if 0 <= code < len(sizes) else scenario.value_bytes]

    steps = DatabaseLatencies(
        send=latencies["db_send_s"],
        read=latencies["db_read_s"],
        write=latencies["db_write_s"],
        commit=latencies["db_commit_s"],
        render=latencies["render_s"],
        tail=latencies["transaction_tail_s"],
    )
    log = WriteLog(scenario.warmup_s, surely=workload.writes.surely_from(0))
    return SimulatedDatabase(engine, steps, key_codes, payload_of, scenario.db_connections, log)


def _staff(fleet: Fleet, engine: Engine, caches: Caches, db: SimulatedDatabase, scenario: Scenario, seed: int) -> None:
    """Give the fleet its workers, and each worker its site and its context variables."""
    ideal = OmniscientCache(db)
    culling = random.Random(f"{seed}/culling")
    current = CurrentRun(engine, culling, caches.database_alias, engine, caches.epoch_s)
    engine.contexts = [_context(current, cache) for cache in caches.of_worker]
    for number, cache in enumerate(caches.of_worker):
        site = SimulatedSite(engine, cache, db, ideal, partial(fleet.spawn, number), seed)
        fleet.workers.append(Worker(site, scenario.threads))


def _context(current: CurrentRun, cache: Any) -> Context:
    """Return context variables in which Django's cache modules see *current*, and `caches["default"]` is *cache*."""
    context = copy_context()
    context.run(CURRENT_RUN.set, current)
    context.run(django_caches.__setitem__, "default", cache)
    return context


def _keys_left_wrong(engine: Engine, fleet: Fleet, db: SimulatedDatabase, strategy: Strategy) -> int:
    """Return how many keys are still wrong in the cache when the last request has ended.

    Every key that was written is read once more in every worker. A row that is older than the committed one is
    outdated; a newer one was rolled back.
    """
    wrong: set[str] = set()
    engine.freeze()
    db.measured_from_s = math.inf  # these reads are not traffic
    for worker, context in zip(fleet.workers, engine.contexts, strict=True):
        for key in db.written_keys():
            engine.current.sleeps = 0  # all these reads are one task: its sleeps must not add up
            if context.run(strategy.read, worker.site, key).version != db.committed(key).version:
                wrong.add(key)
    return len(wrong)
