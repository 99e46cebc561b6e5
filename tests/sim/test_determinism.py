"""The same arguments give the same bytes, and all strategies meet the same traffic and the same latencies."""

import hashlib
import os
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from cachewise import Result, Row, Scenario, Site
from cachewise.sim.experiment import run_all
from cachewise.sim.verdict.metrics import MACHINE_METRICS
from cachewise.sim.verdict.result import Run
from cachewise.strategies import STRATEGIES, DeleteOnWrite, NoCache, TtlOnly, Versioning
from tests.helpers import BACKENDS, CULLING, Custom, run
from tests.strategies.test_conformance import made

SETTINGS = {
    "keys": 30,
    "reads_per_s": 80,
    "writes_per_s": 6,
    "duration_s": 6,
    "warmup_s": 2,
    "transaction_tail_s": "exponential:0.02",
    "max_entries": 20,
    "workers": 3,
    "threads": 2,
    "db_connections": 3,
}
SCENARIO = Scenario("s", **SETTINGS)
UNLIMITED = Scenario("s", **{**SETTINGS, "max_entries": None})


def digest(result: Result) -> str:
    """Return a digest of every byte of the reads and writes."""
    found = hashlib.sha256()
    for frame in (result.reads, result.writes):
        for name in frame.columns:
            column = frame[name]
            found.update(name.encode())
            found.update(column.cat.codes.to_numpy().tobytes() if name == "key" else column.to_numpy().tobytes())
        found.update("".join(frame["key"].cat.categories).encode())
    return found.hexdigest()


def digest_on(backend: str, seed: int = 11) -> str:
    """Return the digest of a run on *backend*."""
    scenario = SCENARIO if backend in CULLING else UNLIMITED
    return digest(run(scenario, Versioning(timeout=4), backend=backend, seed=seed))


@pytest.mark.parametrize("backend", BACKENDS)
def test_repeated_runs_in_one_process(backend: str) -> None:
    """A second run, with another one in between, gives the bytes of the first; another seed gives others."""
    first, other = digest_on(backend), digest_on(backend, seed=12)
    assert digest_on(backend) == first != other


@pytest.mark.servers
def test_other_processes_and_hash_seeds() -> None:
    """Fresh processes under different PYTHONHASHSEED values give the bytes that this one does, on every backend."""
    here = "".join(map(digest_on, BACKENDS))
    code = f"""
        from tests.helpers import SERVERS
        from tests.sim.test_determinism import *
        print("".join(map(digest_on, {BACKENDS})))
        SERVERS.close()
    """
    for hash_seed in ("0", "424242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
        command = [sys.executable, "-c", textwrap.dedent(code)]
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert found.stdout.strip() == here


def test_run_all_gives_what_run_gives() -> None:
    """Two processes at a time, in any order: the outcomes come in the order asked for, with run()'s own figures."""
    runs = [Run(SCENARIO, made(name, 4), "shared", seed) for name in ("ttl-only", "delete-on-write") for seed in (1, 2)]
    outcomes = run_all(runs, processes=2)
    assert [outcome.run for outcome in outcomes] == runs
    for outcome in outcomes:
        alone = run(SCENARIO, outcome.run.strategy, backend="shared", seed=outcome.run.seed).summary
        for name, value in outcome.summary.items():
            if name not in MACHINE_METRICS:
                np.testing.assert_equal(value, alone[name], err_msg=name)


@pytest.mark.parametrize("name", STRATEGIES)
def test_all_strategies_meet_the_same_traffic(name: str) -> None:
    """Arrivals, keys and workers of reads and writes do not depend on the strategy or the backend."""
    base = run(SCENARIO, NoCache(), backend="dummy", seed=4)
    other = run(SCENARIO, made(name, 4), backend="shared", seed=4)
    columns = ["arrival_s", "key", "worker"]
    assert base.reads[columns].equals(other.reads[columns])
    ordered = [result.writes[columns].sort_values("arrival_s", ignore_index=True) for result in (base, other)]
    assert ordered[0].equals(ordered[1])


def test_more_writes_shift_no_read() -> None:
    """Ten times the writes leave every read's arrival, key, worker and latencies as they were."""
    more = SCENARIO.with_settings({"writes_per_s": "60", "db_connections": "none", "threads": "none"})
    fewer = more.with_settings({"writes_per_s": "6"})
    frames = [run(scenario, NoCache(), seed=4).reads for scenario in (fewer, more)]
    columns = ["arrival_s", "start_s", "end_s", "key", "worker"]
    assert frames[0][columns].equals(frames[1][columns])


def test_more_workers_shift_no_arrival() -> None:
    """How many workers there are changes who serves a read, not when it comes nor for which key."""
    frames = [run(SCENARIO.with_settings({"workers": count}), NoCache(), seed=4).reads for count in ("1", "5")]
    assert frames[0][["arrival_s", "key"]].equals(frames[1][["arrival_s", "key"]])


def test_the_nth_latency_of_a_request_is_its_own() -> None:
    """A request's second query takes as long whatever other requests, or its own cache calls, did before."""

    def second_query(cache_calls: int, only_even: bool) -> dict[float, float]:
        found: dict[float, float] = {}

        def read(site: Site, key: str) -> Row:
            arrival_s = site.time()
            row = site.db.read(key)
            if only_even and int(arrival_s * 1000) % 2:
                return row
            for _ in range(cache_calls):
                site.cache.get(key)
            began_s = site.time()
            row = site.db.read(key)
            if site.time() > began_s:  # not in the look at what the run has left behind, which takes no time
                found[arrival_s] = round(site.time() - began_s, 9)
            return row

        scenario = SCENARIO.with_settings({"threads": "none", "db_connections": "none"})
        run(scenario, Custom(read), seed=4)
        return found

    plain = second_query(0, only_even=False)
    assert second_query(3, only_even=False) == plain
    assert second_query(0, only_even=True).items() <= plain.items()
    assert len(set(plain.values())) > len(plain) / 2


def test_identical_reads_cost_the_same_under_two_strategies() -> None:
    """Where two strategies both miss, the read ends at the same instant: common random numbers pay."""
    scenario = SCENARIO.with_settings({"threads": "none", "db_connections": "none", "max_entries": "none"})
    first, second = (
        run(scenario, strategy, seed=4).reads for strategy in (TtlOnly(timeout=1), DeleteOnWrite(timeout=2))
    )
    same: Any = ~first["hit"] & ~second["hit"]
    assert same.sum() > 20
    np.testing.assert_allclose(first["end_s"][same], second["end_s"][same], rtol=0, atol=1e-9)
