"""Experiments: scenarios x strategies x backends x seeds, run side by side, each outcome small enough to keep."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
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
from .verdict.tally import LOAD_BINS

AGE_QUANTILES = np.linspace(0, 1, 401)


@dataclass(frozen=True)
class Outcome:
    """The part of a run's result that reports need.

    `stale_age_quantiles_s` holds the ages of the outdated reads at `AGE_QUANTILES` (empty if there were none). The two
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
        """The strategy's name in charts, with the parameters that differ from their defaults."""
        return strategy_label(self.run.strategy)

    def row(self) -> dict[str, Any]:
        """Return one flat row: first scenario, strategy, backend and seed, then the metrics."""
        run = self.run
        named = {"scenario": run.scenario.name, "strategy": strategy_spec(run.strategy)}
        return {**named, "backend": run.backend, "seed": run.seed, **self.summary}


def outcome_of(result: Result) -> Outcome:
    """Return the part of a result that reports need."""
    ages, width_s = result.stale_age_quantiles_s(AGE_QUANTILES), result.measured_s / LOAD_BINS
    return Outcome(
        run=result.run,
        summary=result.summary,
        counts=result.counts(),
        notes=result.notes,
        measured_s=result.measured_s,
        stale_age_quantiles_s=ages if result.summary["stale_ratio"] > 0 else np.empty(0),
        db_queries_per_s=result.load.queries / width_s,
        reads_per_s=result.load.reads / width_s,
        trace_fields=result.trace_fields,
        clock=result.clock,
        slept=result.slept,
        frames=result.frames,
    )


def strategy_label(strategy: Strategy, without: Collection[str] = ()) -> str:
    """Return ``name`` or ``name:param=value,...`` with the parameters that differ from their defaults.

    *without* names parameters that are left out.
    """
    return _spec(short_name(strategy), strategy, only_changed=True, without=without)


def strategy_spec(strategy: Strategy) -> str:
    """Return ``name:param=value,...`` with every parameter, as `--strategy` takes it."""
    return _spec(typed_name(strategy), strategy, only_changed=False)


def _spec(name: str, strategy: Strategy, *, only_changed: bool, without: Collection[str] = ()) -> str:
    shown = []
    for param, one in parameters(strategy).items():
        value, default = getattr(strategy, param), default_of(one)
        if param not in without and (value != default or not (only_changed or is_odd(value))):
            shown.append(f"{param}={value}")
    return f"{name}:{','.join(shown)}" if shown else name


def run_all(
    runs: Sequence[Run], processes: int, done: Callable[[Run], None] = lambda _run: None, folder: Path | None = None
) -> list[Outcome]:
    """Run them all, *processes* at a time, and return their outcomes in the order given.

    *done* is called as each run ends; its judged reads go to a file in *folder*, if one is given. An error or Ctrl-C in
    one run ends the others and removes their temporary files. If a strategy is defined in the script or notebook
    itself, no other process can import it; then all runs are played one by one in this process.

    Raises:
        UserError: before anything starts, if something that a backend needs is not installed; else as `run` does.
        CodeError: if a strategy in the user's own file raises an exception.
    """
    files = _reads_files(runs, folder)
    require_all(need for backend in dict.fromkeys(one.backend for one in runs) for need in backend_named(backend).needs)
    if processes == 1 or len(runs) == 1 or not can_travel(runs):
        return _one_by_one(runs, done, files)
    # The longest run comes first, so that no process has to wait long for the last run at the end.
    order = sorted(range(len(runs)), key=lambda index: -_expected_requests(runs[index]))
    found: dict[int, Outcome] = {}
    try:
        with Crew(min(processes, len(runs)), _run_in_worker) as crew:
            for place, outcome in crew.work((Parcel(runs[index]), files[index]) for index in order):
                index = order[place]
                found[index] = replace(outcome, run=runs[index])  # the run here, not its copy, which can be large
                done(runs[index])
    except WorkerKilledError:
        sweep()  # the killed processes did not clean up
        raise UserError("a worker process was killed in mid-run (is the memory full? try --jobs 1)") from None
    return [found[index] for index in range(len(runs))]


def _one_by_one(runs: Sequence[Run], done: Callable[[Run], None], files: Sequence[Path | None]) -> list[Outcome]:
    outcomes = []
    with servers() as ours:
        for one, file in zip(runs, files, strict=True):
            outcomes.append(_run_one(one, ours, file))
            done(one)
    return outcomes


def default_processes() -> int:
    """Return how many runs go side by side: one per core."""
    return cores()


def _expected_requests(one: Run) -> float:
    scenario = one.scenario
    return (scenario.reads_per_s + scenario.writes_per_s) * scenario.end_s


def _run_one(one: Run, ours: Servers, reads_file: Path | None = None) -> Outcome:
    with said_plainly():
        strategy = _as_new(one.strategy)
        result = run(one.scenario, strategy, backend=one.backend, seed=one.seed, servers=ours, keep_reads=reads_file)
        return outcome_of(result)


def reads_file_name(one: Run) -> str:
    """Return the name of the file of a run's reads, STRATEGY-BACKEND-SEED.parquet, which any file system accepts."""
    spelled = f"{strategy_spec(one.strategy)}-{one.backend}-{one.seed}".replace(":", ",", 1)
    name = re.sub(r"[^\w.,=-]+", "_", spelled, flags=re.ASCII).strip("._")[:150]
    told = "" if name == spelled else f"-{sha256(spelled.encode(errors='backslashreplace')).hexdigest()[:8]}"
    return f"{name}{told}.parquet"


def _reads_files(runs: Sequence[Run], folder: Path | None) -> list[Path | None]:
    """Return where the reads of each run go.

    Raises:
        UserError: if two would go to the same file.
    """
    if folder is None:
        return [None] * len(runs)
    names = list(map(reads_file_name, runs))
    for name, runs_of_it in Counter(names).items():
        if runs_of_it > 1:
            raise UserError(f"the reads of {runs_of_it} runs would go to the same file, {name}: run one at a time")
    return [folder / name for name in names]


def play(sent: Parcel[Run], ours: Servers, reads_file: Path | None = None) -> Outcome:
    """Run what is in a parcel. Errors while it is unpacked are reported like errors of the run itself."""
    with said_plainly():
        with request_time():  # if a user's file imports a clock while it is loaded, it gets the virtual one
            one = sent.opened()
        return _run_one(one, ours, reads_file)


def _as_new(strategy: Strategy) -> Strategy:
    """Return a copy of *strategy*, so that no run changes it for the next run in this process."""
    try:
        return deepcopy(strategy)
    except Exception:  # noqa: BLE001 - what cannot be copied stays in this process anyway
        return strategy


def _run_in_worker(sent: tuple[Parcel[Run], Path | None]) -> Outcome:
    parcel, reads_file = sent
    return play(parcel, kept_servers(), reads_file)
