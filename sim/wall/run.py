"""One real run: the scenario's traffic on real processes, threads, cache and database; every read is judged."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import ceil

from ..backends import Place, backend_named, require_keys
from ..contract import Strategy
from ..daemons import Servers
from ..daemons.clock import second_began_s
from ..daemons.programs import FAKETIME, FAKETIME_THREADS, HISTOGRAM, Library, require_all
from ..errors import UserError
from ..experiment import strategy_label
from ..runner import check
from ..verdict.result import Run
from ..world.workload import build_workload
from .crew import Crew, crew
from .issued import Issued
from .outcome import Ending, WallResult
from .places import cache_place, check_backend
from .rows import ROWS
from .worker import Job

LEAD_S = 1.0  # from the start signal to the first instant of the run: all workers get it and open connections
THREADS = 8  # for each worker if the scenario sets no limit; a real site always has one
PATIENCE, PATIENCE_S = 3, 60.0  # the traffic may take so many times its length, plus so many seconds
MOST_THREADS = 256  # in all; each has its own database connection
# These latencies stand for the application, so they are slept, because there is none. Cache and database are real and
# take their own time.
PAUSES = ("db_read_s", "render_s", "transaction_tail_s")


@dataclass(frozen=True)
class Around:
    """The surroundings of a real run: the database for the rows, and the scenario's latencies that are slept."""

    database: str = "sqlite"  # a key of ROWS
    pauses: tuple[str, ...] = PAUSES
    foreign: str | None = None  # the URL of a server that was not started here, and may be flushed


def run_for_real(run: Run, servers: Servers, around: Around | None = None) -> WallResult:
    """Do for real what `cachewise.run` simulates, and return the result.

    Raises:
        UserError: if it cannot run for real, or a server dies during the run.
    """
    around = around or Around()
    check_real(run, around)
    began_s = time.perf_counter()
    workload = build_workload(run.scenario, run.seed)
    require_keys(backend_named(run.backend), [run.strategy], workload)
    with servers.dying(), _crew_of(run, workload.key_names, servers, around) as (workers, place):
        ending = _play(workers, place, workload.end_s)
        servers.require_alive()
    result = WallResult(run, workload, ending, _notes(run, around), around.pauses)
    result.wall_s = time.perf_counter() - began_s
    return result


def check_real(run: Run, around: Around) -> None:
    """Refuse a run that is impossible for real.

    Raises:
        UserError: with the reason.
    """
    check(run.scenario, run.strategy, run.seed)
    if not can_be_real(run.strategy):
        raise UserError(f"strategy {strategy_label(run.strategy)!r} uses site.ideal, which runs in the simulation only")
    if run.scenario.db_connections is not None:
        raise UserError(
            f"db_connections={run.scenario.db_connections:,}: a real run has a connection for every thread; "
            "leave it out (--set db_connections=none), or --set threads lower"
        )
    workers, threads = run.scenario.workers or 1, run.scenario.threads or THREADS
    if workers * threads > MOST_THREADS:
        raise UserError(
            f"{workers:,} workers of {threads:,} threads: a real run starts at most {MOST_THREADS} threads in all; "
            "--set workers and threads lower"
        )
    backend = backend_named(run.backend)
    check_backend(backend, run.scenario, around.foreign)
    needs = [one for one in backend.needs if one not in (FAKETIME, FAKETIME_THREADS)]
    if around.foreign is not None:
        needs = [one for one in needs if isinstance(one, Library)]
    require_all([HISTOGRAM, *needs, *ROWS[around.database].needs])


def can_be_real(strategy: Strategy) -> bool:
    """Return whether *strategy* works without the ideal cache, which cannot exist for real."""
    return "ideal" not in getattr(strategy, "needs", ())


@contextmanager
def _crew_of(run: Run, keys: Sequence[str], servers: Servers, around: Around) -> Iterator[tuple[Crew, Place]]:
    """Start the run's processes on private places; everything but the servers is removed afterwards."""
    with ExitStack() as stack:
        told, place = stack.enter_context(cache_place(run, servers, around.foreign))
        rows = stack.enter_context(ROWS[around.database].open(servers))
        issued = Issued({key: code for code, key in enumerate(keys)})
        job = Job(run, 0, run.scenario.threads or THREADS, told, rows, around.pauses, issued)
        jobs = [replace(job, worker=worker) for worker in range(run.scenario.workers or 1)]
        yield stack.enter_context(crew(jobs, servers.require_alive)), place


def _play(workers: Crew, place: Place, end_s: float) -> Ending:
    """Play a run whose traffic stops at *end_s*, from making the tables to the check after the traffic."""
    workers.check_clock()  # after this, all are set up
    workers.ask(0, "prepare")
    records = workers.ask_all("play", _first_instant_s(place), within_s=PATIENCE * end_s + PATIENCE_S)
    entries = workers.entries() if place.entries is None else place.entries()
    versions = workers.ask(0, "versions")
    wrong = set().union(*workers.ask_all("left_wrong", versions))
    return Ending(records, entries, versions, len(wrong))


def _first_instant_s(place: Place) -> float:
    """Return when the run begins (by `time.monotonic`): at a new second of its cache's clock, as in a simulation.

    With a cache that counts whole seconds, the expiry of entries depends on when in a second the run begins.
    """
    began_s = second_began_s() if place.server is None else place.server.second_began_s()
    return began_s + ceil(time.monotonic() + LEAD_S - began_s)


def _notes(run: Run, around: Around) -> list[str]:
    """Return notes about a real run that a reader must know."""
    slept = f"slept on top: {', '.join(around.pauses)}" if around.pauses else "no latency is added"
    threads = "" if run.scenario.threads else f", {THREADS} threads a worker as the scenario leaves them open"
    rows = ROWS[around.database].what
    about = f"wall clock: real processes, threads and time, rows in {rows}; {slept}{threads}"
    return [f"{about}; a rerun meets the same traffic, not the same latencies"]
