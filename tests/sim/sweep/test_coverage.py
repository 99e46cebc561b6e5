"""The intervals of replicated points hold the truth as often as they say, sequential stopping included.

Three rows of theory, of which one is skewed, are run 3,000 times each: a bank. An experiment takes its seeds from the
bank, stops where the rule says, and looks whether the interval holds the closed form. The bank is shuffled and cut into
blocks of `MOST` runs, a block an experiment, and then shuffled anew: within an experiment no run comes twice, as no
seed does, and over all experiments each run is met equally often. So none weighs more than another, and what is left of
the bank's own error (a 55th of a run's spread) moves no coverage that these bars could see.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cachewise import Scenario
from cachewise.sim import theory
from cachewise.sim.experiment import run_all
from cachewise.sim.sweep.precision import Target, half_width, seeds_wanted
from cachewise.sim.verdict.result import Run
from cachewise.strategies import DeleteInTransaction, DeleteOnWrite, TtlOnly
from tests.theory.replication import WARMUP_CYCLES, instant

pytestmark = pytest.mark.proof

RUNS = 3000
EXPERIMENTS = 1000
MOST = 60
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """A row of theory: what is run, its figure, the closed form, and the half-width that experiments ask for."""

    scenario: Scenario
    strategy: Any
    metric: str
    truth: float
    cycle_s: float
    asked: float

    def run(self, seed: int) -> Run:
        """Return the run of *seed*; its warm-up ends somewhere in a cycle, as theory's own tests have it."""
        cycles = WARMUP_CYCLES + np.random.default_rng(seed).random()
        scenario = replace(self.scenario, warmup_s=cycles * self.cycle_s)
        return Run(scenario, self.strategy, "locmem", seed)


def a_run(reads_per_s: float, writes_per_s: float, requests: int, **knobs: Any) -> Scenario:
    return instant(reads_per_s, writes_per_s, duration_s=requests / (reads_per_s + writes_per_s), **knobs)


ROWS = {
    # Five writes a run, and in some hardly any: the shares are skewed.
    "timeout only": Row(
        a_run(4, 0.05, 400), TtlOnly(2), "stale_hit_ratio", theory.timeout_stale_hits(0.05, 2), 2.25, 0.0135
    ),
    # Queries and not hits / reads: in a run as short as this a share that follows a read is no longer without bias.
    "delete on write": Row(
        a_run(1, 1, 300),
        DeleteOnWrite(None),
        "db_queries_per_s",
        1 - theory.hit_ratio(1, theory.mean_life_s(1, np.inf)),  # of one read a second
        2,
        0.0195,
    ),
    "delete before the commit": Row(
        a_run(4, 1, 500, transaction_tail_s=0.1),
        DeleteInTransaction(None),
        "stale_ratio",
        theory.early_delete_stale_reads(4, 1, 0.1),
        1.25,
        0.03,
    ),
}


@pytest.fixture(scope="module")
def banks() -> dict[str, Values]:
    """Return the figures of the runs of each row."""
    outcomes = run_all([row.run(seed) for row in ROWS.values() for seed in range(1, RUNS + 1)], 2)
    return {
        name: np.array([outcome.summary[row.metric] for outcome in outcomes[at * RUNS : (at + 1) * RUNS]])
        for at, (name, row) in enumerate(ROWS.items())
    }


def experiments(bank: Values) -> Values:
    """Return the values that each experiment meets, one experiment a row."""
    rng = np.random.default_rng(MOST)
    shuffles = EXPERIMENTS * MOST // len(bank)
    return np.concatenate([rng.permutation(bank).reshape(-1, MOST) for _ in range(shuffles)])


def by_the_rule(asked: float) -> Callable[[Sequence[float]], int]:
    """Return how many seeds a sweep takes, round by round."""

    def stops(values: Sequence[float]) -> int:
        seeds, had = seeds_wanted([Target("figure", asked)], {"figure": []}, 2, MOST), 0
        while seeds > had:
            had = seeds
            seeds = seeds_wanted([Target("figure", asked)], {"figure": values[:had]}, 2, MOST)
        return seeds

    return stops


def at_the_first_tight_one(asked: float) -> Callable[[Sequence[float]], int]:
    """Return the rule that comes to mind first."""
    return lambda values: next((n for n in range(2, MOST) if half_width(values[:n]) <= asked), MOST)


def covered(bank: Values, truth: float, stops: Callable[[Sequence[float]], int]) -> tuple[float, list[int]]:
    """Return the share of the experiments whose interval holds the truth, and how many seeds each took."""
    holds, seeds = 0, []
    for values in experiments(bank):
        seeds.append(stops(values))
        taken = values[: seeds[-1]]
        holds += abs(taken.mean() - truth) <= half_width(taken)
    return holds / EXPERIMENTS, seeds


@pytest.mark.parametrize("name", ROWS)
def test_intervals_hold_the_truth_wherever_the_rule_stops(name: str, banks: dict[str, Values]) -> None:
    """93 to 97% of 1,000 intervals hold the closed form, where chance and no limit decides when to stop."""
    row = ROWS[name]
    share, seeds = covered(banks[name], row.truth, by_the_rule(row.asked))
    assert 0.93 <= share <= 0.97, f"{share:.1%} of the intervals hold {row.truth:.4g}"
    assert np.mean(np.array(seeds) == MOST) < 0.05, "the limit stops too many: they say little about the rule"
    assert np.subtract(*np.quantile(seeds, [0.9, 0.1])) >= 10, "they all stop at about the same number of seeds"


@pytest.mark.parametrize("name", ROWS)
def test_intervals_over_a_fixed_number_of_seeds_hold_the_truth(name: str, banks: dict[str, Values]) -> None:
    """So they do where the number of seeds was set beforehand: what is shown of the rule is not the rows' doing."""
    share, _ = covered(banks[name], ROWS[name].truth, lambda _: 20)
    assert 0.93 <= share <= 0.97, f"{share:.1%} of the intervals hold {ROWS[name].truth:.4g}"


@pytest.mark.parametrize("name", ROWS)
def test_the_first_tight_interval_does_not(name: str, banks: dict[str, Values]) -> None:
    """The bar has teeth: who stops as soon as an interval is tight misses the truth too often on every row."""
    share, _ = covered(banks[name], ROWS[name].truth, at_the_first_tight_one(ROWS[name].asked))
    assert share < 0.91
