"""An app that does exactly what a strategy does is served as the simulation of that strategy says: read for read."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest

from cachewise import Scenario, run
from cachewise.sim.app.figures import ReadColumns
from cachewise.sim.verdict.result import Result
from tests.helpers import SERVERS
from tests.projects import POSTGRES, SQLITE
from tests.sim.app.playing import Play
from tests.sim.app.twins import KEYS, TWINS, twins

BACKENDS = ("shared", "redis", "locmem")
SEED = 2
SCENARIO = Scenario(
    "twins",
    keys=KEYS,
    reads_per_s=60,
    writes_per_s=4,
    duration_s=19,
    warmup_s=5,
    workers=2,
    threads=3,
    cache_rtt_s="lognormal:0.002:0.5",
    db_read_s="lognormal:0.02:0.8",
    db_commit_s="lognormal:0.02:0.8",
    db_write_s=0.003,
    db_send_s=0.001,
    max_entries=None,
    rollback_ratio=0.2,
)
NO_OVERLAP = Scenario(**{**vars(SCENARIO), "name": "apart", "writes_per_s": 0.7})
ReadsOf = Callable[[str], dict[str, ReadColumns]]  # of the twin of a strategy, by backend


@pytest.mark.servers
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("strategy", list(TWINS))
def test_postgres(strategy: str, backend: str, on_postgres: ReadsOf) -> None:
    """On PostgreSQL, with writers that wait for each other's rows, no read differs."""
    assert_no_read_differs(strategy, backend, SCENARIO, on_postgres(strategy)[backend])


@pytest.mark.parametrize("strategy", list(TWINS))
def test_sqlite(strategy: str, on_sqlite: ReadsOf) -> None:
    """On SQLite, which has one writer, no read differs where no two writes overlap."""
    simulated = run(NO_OVERLAP, TWINS[strategy], backend="shared", seed=SEED)
    begins, ends = simulated.writes["start_s"].to_numpy(), simulated.writes["commit_s"].to_numpy()
    order = np.argsort(begins)
    assert (ends[order][:-1] <= begins[order][1:]).all(), "the seed has writes that overlap"
    assert_no_read_differs(strategy, "shared", NO_OVERLAP, on_sqlite(strategy)["shared"])


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory) -> ReadsOf:
    """Return what plays the twin of a strategy on each backend, once, their runs side by side."""
    file = twins(tmp_path_factory.mktemp("postgres"), SCENARIO, POSTGRES.replace(', "ATOMIC_REQUESTS": True', ""))
    return reads_of(Play(file, SERVERS, file.parent / "rows", "postgres"), BACKENDS)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> ReadsOf:
    """Return what plays the twin of a strategy in memory."""
    file = twins(tmp_path_factory.mktemp("sqlite"), NO_OVERLAP, SQLITE)
    return reads_of(Play(file, SERVERS, file.parent / "rows"), ["shared"])


def reads_of(play: Play, backends: Sequence[str]) -> ReadsOf:
    """Return what gives the reads of a strategy's twin on each of *backends*."""

    @cache
    def of(strategy: str) -> dict[str, ReadColumns]:
        common = {"seed": SEED, "env": {"TWIN": strategy}, "further": {**play.errand().further, "reads": True}}
        outcomes = play.runs([play.errand(backend=one, **common) for one in backends])
        return {one: outcome.reads for one, outcome in zip(backends, outcomes, strict=True)}

    return of


def assert_no_read_differs(strategy: str, backend: str, scenario: Scenario, reads: ReadColumns) -> None:
    """Compare each read of the app with that of the simulation."""
    simulated = run(scenario, TWINS[strategy], backend=backend, seed=SEED, servers=SERVERS)
    ours, theirs = columns_of(simulated), columns_of_app(reads)
    assert ours["arrival_s"].size > 1000
    for name, column in ours.items():
        differing = np.flatnonzero(~np.isclose(column, theirs[name], rtol=0, atol=1e-9, equal_nan=True))
        first = differing[:3]
        assert not differing.size, f"{name} of {differing.size} reads: {column[first]}, {theirs[name][first]}"
    if strategy == "ttl-only":
        assert simulated.summary["wrong_ratio"] > 0.1  # else there was nothing to tell


def columns_of(result: Result) -> dict[str, np.ndarray]:
    """Return what is compared of a simulation's reads."""
    reads = result.reads
    return {
        "arrival_s": reads["arrival_s"].to_numpy(),
        "start_s": reads["start_s"].to_numpy(),
        "end_s": reads["end_s"].to_numpy(),
        "hit": reads["hit"].to_numpy(float),
        "stale": reads["stale"].to_numpy(float),
        "age_s": reads["stale_age_s"].to_numpy(),
    }


def columns_of_app(reads: ReadColumns) -> dict[str, np.ndarray]:
    """Return the same of an app's reads, by arrival."""
    columns: dict[str, np.ndarray] = {
        "arrival_s": reads.arrival_s,
        "start_s": reads.start_s,
        "end_s": reads.end_s,
        "hit": (reads.statements == 0).astype(float),
        "stale": reads.stale.astype(float),
        "age_s": reads.age_s,
    }
    order = np.argsort(columns["arrival_s"], kind="stable")
    return {name: column[order] for name, column in columns.items()}
