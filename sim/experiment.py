"""Experiments: scenarios x strategies x backends x seeds, run side by side, each outcome small enough to keep."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .backends import backend_named
from .contract import Strategy
from .daemons.home import sweep
from .daemons.programs import require_all
from .daemons.session import Servers, kept_servers, servers
from .declared import default_of, is_odd, parameters
from .engine.request_time import request_time
from .errors import UserError
from .own.blame import said_plainly
from .own.homes import short_name, typed_name
from .processes.children import can_travel
from .processes.cores import cores
from .processes.crew import Crew
from .processes.losses import WorkerKilledError
from .processes.parcels import Parcel
from .runner import run
from .verdict.result import Result, Run

AGE_QUANTILES = np.linspace(0, 1, 401)
LOAD_BINS = 120


@dataclass(frozen=True)
class Outcome:
    """What reports need of one run.

    `stale_age_quantiles_s` holds the ages of the stale reads at `AGE_QUANTILES` (empty if none was stale); the two
    rates are per second in `LOAD_BINS` equal bins of the measured time, which starts `warmup_s` after the run does.
    """

    run: Run
    summary: dict[str, float | int]
    counts: dict[str, int]
    notes: list[str]
    measured_s: float
    stale_age_quantiles_s: NDArray[np.float64]
    db_queries_per_s: NDArray[np.float64]
    reads_per_s: NDArray[np.float64]
    trace_fields: tuple[str, ...]  # the scenario's inputs that came from its trace
    clock: Literal["virtual", "wall"] = "virtual"
    slept: tuple[str, ...] = ()  # on the wall clock: the scenario's latencies that were added
    frames: tuple[str, ...] = ()  # tracebacks of requests that failed in the user's own files

    @property
    def label(self) -> str:
        """The strategy as charts name it: with the parameters that are not the defaults."""
        return strategy_label(self.run.strategy)

    def row(self) -> dict[str, Any]:
        """Return one flat row: what was run, then the metrics."""
        run = self.run
        named = {"scenario": run.scenario.name, "strategy": strategy_spec(run.strategy)}
        return {**named, "backend": run.backend, "seed": run.seed, **self.summary}


def outcome_of(result: Result) -> Outcome:
    """Boil a result down to what reports need."""
    ages = result.stale_ages_s
    start_s = result.run.scenario.warmup_s
    edges = np.linspace(start_s, start_s + result.measured_s, LOAD_BINS + 1)
    width_s = result.measured_s / LOAD_BINS
    return Outcome(
        run=result.run,
        summary=result.summary,
        counts=result.counts(),
        notes=result.notes,
        measured_s=result.measured_s,
        stale_age_quantiles_s=np.quantile(ages, AGE_QUANTILES) if len(ages) else np.empty(0),
        # Those that a request sends after the traffic's end belong to the last bin: their sum is the summary's.
        db_queries_per_s=np.histogram(np.minimum(result.query_started_s, edges[-1]), edges)[0] / width_s,
        reads_per_s=np.histogram(result.read_arrivals_s, edges)[0] / width_s,
        trace_fields=result.trace_fields,
        clock=result.clock,
        slept=result.slept,
        frames=result.frames,
    )


def strategy_label(strategy: Strategy) -> str:
    """Return ``name`` or ``name:param=value,...`` with the parameters that differ from their defaults."""
    return _spec(short_name(strategy), strategy, only_changed=True)


def strategy_spec(strategy: Strategy) -> str:
    """Return ``name:param=value,...`` with every parameter, as `--strategy` takes it."""
    return _spec(typed_name(strategy), strategy, only_changed=False)


def _spec(name: str, strategy: Strategy, *, only_changed: bool) -> str:
    shown = []
    for param, one in parameters(strategy).items():
        value, default = getattr(strategy, param), default_of(one)
        if value != default or not (only_changed or is_odd(value)):
            shown.append(f"{param}={value}")
    return f"{name}:{','.join(shown)}" if shown else name


def run_all(runs: Sequence[Run], processes: int, done: Callable[[Run], None] = lambda _run: None) -> list[Outcome]:
    """Run them all, *processes* at a time, and return their outcomes in the order given.

    *done* is called as each one ends. An error or Ctrl-C in one ends the others, with their temporary files. Runs of
    what the script or notebook itself defines, which no other process can import, are run one by one in this process.

    Raises:
        UserError: before anything starts, if something that a backend needs is not installed; else as `run` does.
        CodeError: for what a strategy in a file of one's own raises.
    """
    require_all(need for backend in dict.fromkeys(one.backend for one in runs) for need in backend_named(backend).needs)
    if processes == 1 or len(runs) == 1 or not can_travel(runs):
        return _one_by_one(runs, done)
    # The longest first: the last one to end then keeps nobody waiting for long.
    order = sorted(range(len(runs)), key=lambda index: -_expected_requests(runs[index]))
    found: dict[int, Outcome] = {}
    try:
        with Crew(min(processes, len(runs)), _run_in_worker) as crew:
            for place, outcome in crew.work(Parcel(runs[index]) for index in order):
                index = order[place]
                found[index] = replace(outcome, run=runs[index])  # not a copy of it, which can be large
                done(runs[index])
    except WorkerKilledError:
        sweep()  # who was killed with it has put nothing away
        raise UserError("a worker process was killed in mid-run (is the memory full? try --jobs 1)") from None
    return [found[index] for index in range(len(runs))]


def _one_by_one(runs: Sequence[Run], done: Callable[[Run], None]) -> list[Outcome]:
    outcomes = []
    with servers() as ours:
        for one in runs:
            outcomes.append(_run_one(one, ours))
            done(one)
    return outcomes


def default_processes() -> int:
    """Return how many runs go side by side: one a core."""
    return cores()


def _expected_requests(one: Run) -> float:
    scenario = one.scenario
    return (scenario.reads_per_s + scenario.writes_per_s) * scenario.end_s


def _run_one(one: Run, ours: Servers) -> Outcome:
    with said_plainly():
        return outcome_of(run(one.scenario, _as_new(one.strategy), backend=one.backend, seed=one.seed, servers=ours))


def _as_new(strategy: Strategy) -> Strategy:
    """Return a copy of *strategy*: what a run leaves in it would be there for the next one in this process."""
    try:
        return deepcopy(strategy)
    except Exception:  # noqa: BLE001 - what cannot be copied stays in this process anyway
        return strategy


def _run_in_worker(sent: Parcel[Run]) -> Outcome:
    with said_plainly():
        with request_time():  # a clock that somebody's file takes while it is loaded is the stand-in
            one = sent.opened()
        return _run_one(one, kept_servers())
