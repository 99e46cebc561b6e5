"""One suite for every strategy on every backend: what it must conserve, and attacks on what it declares of itself."""

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cachewise.strategies
from cachewise import Bound, Costs
from cachewise.sim.check.bound import slack_s
from cachewise.sim.check.contract import BUSY
from cachewise.sim.check.costs import count
from cachewise.sim.check.finding import Subject
from cachewise.strategies import STRATEGIES
from tests.helpers import BACKENDS, SERVERS, STORING, Step, run, script

FOLDER = Path(cachewise.strategies.__file__).parent
FILES = sorted(path for path in FOLDER.glob("*.py") if path.stem != "__init__")

BEFORE_THE_COMMIT = ("write-through-in-transaction",)  # who stores rows that are not committed yet


def made(name: str, timeout: float | None) -> Any:
    """Return the strategy called *name*, with *timeout* if it takes one."""
    cls: Any = STRATEGIES[name]
    return cls(timeout=timeout) if "timeout" in {field.name for field in dataclasses.fields(cls)} else cls()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_conservation(name: str, backend: str) -> None:
    """Every request ends once, all counts add up, and no value is returned that was never committed."""
    log: list[Any] = []
    result = run(BUSY, made(name, 2), backend=backend, seed=3, log=log)
    reads, writes, summary = result.reads, result.writes, result.summary
    requests = len(reads) + len(writes)
    assert reads["end_s"].notna().all()
    assert (reads["version"] >= 0).all()
    assert (reads["arrival_s"] <= reads["start_s"]).all()
    assert (reads["start_s"] <= reads["end_s"]).all()
    assert summary["reads"] == len(reads) == summary["hits"] + (~reads["hit"]).sum()
    assert summary["db_reads"] == (~reads["hit"]).sum()  # a miss loads once; nothing else loads
    assert summary["db_queries"] == summary["db_reads"] + (len(reads) if name == "key-based" else 0)
    assert round(summary["cache_calls_per_request"] * requests) == len(log)
    assert writes["committed"].all()
    for _, of_key in writes.groupby("key", observed=True):
        ordered = of_key.sort_values("version")
        assert ordered["version"].tolist() == list(range(1, len(of_key) + 1))
        assert ordered["commit_s"].is_monotonic_increasing
    assert summary["aborted_ratio"] == 0
    assert name in BEFORE_THE_COMMIT or summary["dirty_ratio"] == 0
    if backend == "dummy" and name != "oracle":
        assert summary["hits"] == summary["stale_ratio"] == summary["entries_end"] == 0
    if made(name, 2).stale_at_most == "never":
        assert summary["wrong_ratio"] == summary["keys_left_wrong"] == 0


@pytest.mark.parametrize("backend", STORING)
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "no-cache"])
def test_it_caches(name: str, backend: str) -> None:
    """With few writes and no expiry every strategy serves most reads without a load."""
    scenario = BUSY.with_settings({"writes_per_s": "0.1", "workers": "1"})
    assert run(scenario, made(name, None), backend=backend).summary["hit_ratio"] > 0.8


# Where a declared call is composite, it reaches the store more often than declared (calls added, by backend).
# Source (Django 5.2): `FileBasedCache.add` is has_key then set; file and db have `BaseCache.incr`, which is get, set;
# `RedisCacheClient.incr` is EXISTS, INCRBY. django-redis looks up what is left of the timeout to keep it.
ADD_IS_TWO_CALLS = {"file": 1}
INCR_IS_TWO_CALLS = {"file": 1, "db": 1, "postgres": 1, "redis": 1}
KEEPS_THE_TIMEOUT = {"django-redis": 2}
COMPOSITE = {
    ("get-or-set", "miss"): ADD_IS_TWO_CALLS,
    ("versioning", "write"): INCR_IS_TWO_CALLS,
    ("incr-version", "write"): KEEPS_THE_TIMEOUT,
}


@pytest.mark.parametrize("backend", STORING)
@pytest.mark.parametrize("name", STRATEGIES)
def test_declared_costs(name: str, backend: str) -> None:
    """On the warm path a hit, a miss and a write reach the store exactly as often as the strategy declares."""
    strategy = made(name, 300)
    counted, costs = count(Subject(strategy, backend, SERVERS)), strategy.costs
    assert (counted.hit is None, counted.miss is None) == (name == "no-cache", False)
    declared = {"hit": costs.on_hit, "miss": costs.on_hit + costs.added_by_miss, "write": costs.on_write}
    for what, calls in declared.items():
        found = getattr(counted, what)
        assert found in (None, calls + COMPOSITE.get((name, what), {}).get(backend, 0)), what


LATENCY = st.sampled_from(["0", "0.05", "0.3", "exponential:0.05", "lognormal:0.1:1", "uniform:0:0.5"])
WORLD = st.fixed_dictionaries(
    {
        "cache_rtt_s": LATENCY,
        "db_read_s": LATENCY,
        "db_commit_s": LATENCY,
        "render_s": LATENCY,
        "transaction_tail_s": LATENCY,
        "workers": st.sampled_from(["1", "3"]),
        "threads": st.sampled_from(["none", "1", "3"]),
        "db_connections": st.sampled_from(["none", "1", "2"]),
        "rollback_ratio": st.sampled_from(["0", "0.4"]),
    }
)
GAPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.015625, 0.125, 0.25, 0.5, 1.0, 1.25]), st.sampled_from("rrw"), st.sampled_from("aab")
    ),
    min_size=4,
    max_size=30,
)


def steps_of(gaps: list[tuple[float, str, str]]) -> list[Step]:
    """Return a script that begins with a read at 0 and has a stamp with a fraction."""
    steps: list[Step] = [(0.0, "read", "a"), (0.0078125, "read", "b")]
    for gap_s, op, key in gaps:
        steps.append((steps[-1][0] + gap_s, {"r": "read", "w": "write"}[op], key))
    return steps


# At length not where the cache does what another one's does: postgres is db, and django-redis redis, in other words.
AT_LENGTH = [name for name in STORING if name not in ("postgres", "django-redis")]
ATTACKS = pytest.mark.parametrize(
    ("backend", "attacks"),
    [*((name, 20) for name in STORING), *(pytest.param(name, 150, marks=pytest.mark.proof) for name in AT_LENGTH)],
)


@ATTACKS
@pytest.mark.parametrize("name", [name for name, cls in STRATEGIES.items() if cls.stale_at_most == "never"])
def test_never_stale(folder: Path, name: str, backend: str, attacks: int) -> None:
    """A strategy that says it is never outdated is not, in any small script that Hypothesis finds."""

    @settings(max_examples=attacks)
    @given(GAPS, WORLD, st.integers(0, 3))
    def attack(gaps: list[tuple[float, str, str]], world: dict[str, str], seed: int) -> None:
        scenario = script(folder, steps_of(gaps)).with_settings(world)
        result = run(scenario, made(name, 1), backend=backend, seed=seed)
        assert result.summary["wrong_ratio"] == 0

    attack()


@ATTACKS
@pytest.mark.parametrize("name", [name for name, cls in STRATEGIES.items() if cls.stale_at_most == "timeout"])
def test_stale_for_at_most_the_timeout(folder: Path, name: str, backend: str, attacks: int) -> None:
    """A strategy that says it is outdated by at most its timeout is, but for the load and the way of the set."""

    @settings(max_examples=attacks)
    @given(GAPS, WORLD, st.integers(0, 3))
    def attack(gaps: list[tuple[float, str, str]], world: dict[str, str], seed: int) -> None:
        scenario = script(folder, steps_of(gaps)).with_settings(world)
        ages = run(scenario, made(name, 1.5), backend=backend, seed=seed).stale_ages_s
        assert ages.max(initial=0) <= 1.5 + slack_s(scenario, seed)

    attack()


def test_the_attack_can_win(folder: Path) -> None:
    """The same attack breaks a false promise: timeout-only is outdated for longer than a tenth of its timeout."""
    found = []

    @settings(max_examples=40)
    @given(GAPS, WORLD)
    def attack(gaps: list[tuple[float, str, str]], world: dict[str, str]) -> None:
        scenario = script(folder, steps_of(gaps)).with_settings(world)
        found.append(run(scenario, made("ttl-only", 1.5)).stale_ages_s.max(initial=0) > 0.15 + slack_s(scenario, 0))

    attack()
    assert any(found)


@pytest.mark.parametrize("name", STRATEGIES)
def test_declarations(name: str) -> None:
    """A strategy is a frozen dataclass whose docstring holds guarantee, cost and source, with checked declarations."""
    cls: Any = STRATEGIES[name]
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen
    assert (cls.name, name) == (name, name.lower().replace("_", "-"))
    assert isinstance(cls.costs, Costs)
    assert cls.stale_at_most in get_args(Bound)
    for word in ("Guarantee:", "Cost:", "Source:"):
        assert word in cls.__doc__, word
    assert cls() == cls()  # nothing but parameters


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files(path: Path) -> None:
    """A strategy's file is 20 to 60 lines, imports neither time nor random, and is listed in the package."""
    lines = path.read_text().splitlines()
    assert 20 <= len(lines) <= 60
    assert not {"time", "random", "datetime"} & set(_imported(path))
    listed = {cls.__module__ for cls in STRATEGIES.values()}
    assert f"cachewise.strategies.{path.stem}" in listed, f"{path.name} is not listed in strategies/__init__.py"


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
