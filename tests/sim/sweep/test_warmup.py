"""A warm-up that was too short is said, with one that would do; what chance or the traffic does is not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cachewise import Scenario
from cachewise.sim.experiment import Outcome, run_all
from cachewise.sim.sweep.warmup import short_warmup
from cachewise.sim.verdict.result import Run
from cachewise.strategies import DeleteOnWrite, TtlOnly

COLD = Scenario(
    "cold",
    keys=300,
    reads_per_s=40,
    writes_per_s=4,
    write_popularity="same",
    duration_s=150,
    warmup_s=0,
    max_entries=None,
)


def outcomes(scenario: Scenario, strategy: Any, seeds: int = 5, processes: int = 1) -> list[Outcome]:
    return run_all([Run(scenario, strategy, "locmem", seed) for seed in range(1, seeds + 1)], processes)


def test_a_cold_cache_is_told_with_the_warm_up_that_leaves_it_out() -> None:
    """An empty cache asks the database more often at first; after the warm-up that the line names it no longer does."""
    line = str(short_warmup(outcomes(COLD, DeleteOnWrite(None))))
    assert line.startswith("a warm-up is missing: the first ")
    assert line.endswith(" would leave them out")
    times = float(line.partition(" asked the database ")[2].split()[0])
    assert times > 1.2
    named_s = float(line.partition("warmup_s=")[2].split()[0])
    assert 5 <= named_s <= 75
    assert short_warmup(outcomes(replace(COLD, warmup_s=named_s), DeleteOnWrite(None))) is None


def test_what_has_not_settled_by_the_middle_is_told_as_such() -> None:
    """Nothing expires or is written: the cache goes on filling, and no warm-up can be named for sure."""
    scenario = replace(COLD, writes_per_s=0, warmup_s=10, duration_s=60)
    line = str(short_warmup(outcomes(scenario, TtlOnly(600))))
    assert line.startswith("the warm-up of 10 s was too short: the first 30 s after it asked the database ")
    assert line.endswith("the rest; warmup_s=40 or more is needed")


def test_a_warm_up_that_goes_on_all_the_time_does_not_hide_itself() -> None:
    """Queries fall to a tenth from the first to the last second: with four seeds that is no chance either."""
    scenario = replace(COLD, keys=1000, writes_per_s=0.5, warmup_s=10)
    assert short_warmup(outcomes(scenario, DeleteOnWrite(None), seeds=4)) is not None


def test_one_seed_tells_a_large_difference() -> None:
    scenario = replace(COLD, reads_per_s=400, writes_per_s=40)
    assert short_warmup(outcomes(scenario, DeleteOnWrite(None), seeds=1)) is not None


@pytest.mark.parametrize("arrivals", ["daily:0.5:150", "flash:3:50:10", "bursts:2:5:20"])
def test_where_traffic_is_not_steady_nothing_is_said(arrivals: str) -> None:
    assert short_warmup(outcomes(replace(COLD, arrivals=arrivals), DeleteOnWrite(None))) is None


def test_hot_keys_that_expire_together_are_no_warm_up() -> None:
    """The first miss of every cycle falls into the same bin in all seeds, the first one too: it comes again."""
    scenario = replace(COLD, keys=3, writes_per_s=0, warmup_s=200, duration_s=60)
    assert short_warmup(outcomes(scenario, TtlOnly(20))) is None


@pytest.mark.proof
@pytest.mark.parametrize("seeds", [1, 3, 5, 10])
@pytest.mark.parametrize("kind", ["short entries", "few misses"])
def test_false_alarms_are_rare(kind: str, seeds: int, steady: dict[str, list[Outcome]]) -> None:
    """Of 400 points whose runs are steady, at most 2% are told that their warm-up was too short."""
    rng = np.random.default_rng(seeds)
    points = [rng.choice(len(steady[kind]), seeds, replace=False) for _ in range(400)]
    alarms = sum(short_warmup([steady[kind][one] for one in point]) is not None for point in points)
    assert alarms <= 8


@pytest.fixture(scope="module")
def steady() -> dict[str, list[Outcome]]:
    """Return 300 runs each of caches that have long been warm: one's entries live a second, the other hardly misses."""
    short = replace(COLD, keys=1, reads_per_s=5, writes_per_s=0, duration_s=120, warmup_s=20)
    few = replace(COLD, keys=5, reads_per_s=20, writes_per_s=0.2, duration_s=60, warmup_s=60)
    kinds = {"short entries": (short, TtlOnly(1)), "few misses": (few, DeleteOnWrite(None))}
    return {kind: outcomes(*what, seeds=300, processes=2) for kind, what in kinds.items()}
