"""What the reports' tests share: real outcomes of small experiments, and a way to vary them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cachewise import Scenario, Strategy
from cachewise.reports.frames import Case, cases
from cachewise.sim.experiment import Outcome, run_all
from cachewise.sim.verdict.result import Run
from cachewise.strategies import (
    DeleteInTransaction,
    DeleteOnWrite,
    GetOrSet,
    KeyBased,
    NoCache,
    Oracle,
    TtlOnly,
    WriteThrough,
)

BUSY = Scenario(
    "busy",
    why="long transactions on few keys",
    keys=5,
    reads_per_s=200,
    writes_per_s=10,
    duration_s=15,
    warmup_s=5,
    transaction_tail_s="exponential:0.05",
)
Made = Callable[..., Outcome]  # what `made` returns
READS_A_DAY = 200 * 86_400
QUIET = Scenario("quiet", keys=3, reads_per_s=50, writes_per_s=0, duration_s=4, warmup_s=2)
COMPARED = (
    NoCache(),
    Oracle(),
    TtlOnly(timeout=2),
    DeleteInTransaction(),
    DeleteOnWrite(),
    WriteThrough(),
    KeyBased(),
    GetOrSet(),
)


@pytest.fixture(scope="session")
def busy() -> list[Outcome]:
    """Return eight strategies under three seeds on `shared`."""
    return run_all([Run(BUSY, strategy, "shared", seed) for strategy in COMPARED for seed in (1, 2, 3)], 1)


@pytest.fixture(scope="session")
def quiet() -> list[Outcome]:
    """Return two strategies under one seed on `locmem`, with no writes at all."""
    return run_all([Run(QUIET, strategy, "locmem", 1) for strategy in (TtlOnly(), DeleteOnWrite())], 1)


@pytest.fixture(scope="session")
def one_run() -> Outcome:
    """Return the outcome of one short run, for tests that put other figures in it."""
    scenario = Scenario("made", keys=5, reads_per_s=50, writes_per_s=2, duration_s=10, warmup_s=2)
    return run_all([Run(scenario, TtlOnly(timeout=5), "shared", 1)], 1)[0]


@pytest.fixture
def made(busy: list[Outcome]) -> Made:
    """Return a maker of outcomes for cases that no run brings about: a real one with other figures, names or seeds."""

    def make(
        label: str = "ttl-only",
        seed: int = 1,
        *,
        scenario: Scenario = BUSY,
        strategy: Strategy | None = None,
        **figures: Any,
    ) -> Outcome:
        strategy = strategy or type("Named", (TtlOnly,), {"name": label})()
        run = Run(scenario, strategy, "shared", seed)
        if "stale_ratio" in figures:  # what is wrong is outdated, unless the test says otherwise
            figures = {"wrong_ratio": figures["stale_ratio"], **figures}
        if "stale_reads_per_day" in figures:
            figures = {"wrong_reads_per_day": figures["stale_reads_per_day"], **figures}
        ages = busy[0].stale_age_quantiles_s if figures.get("stale_ratio") == 0 else busy[6].stale_age_quantiles_s
        return replace(busy[6], run=run, summary={**busy[6].summary, **figures}, stale_age_quantiles_s=ages)

    return make


def case_with(made: Made, **strategies: dict[str, Any]) -> Case:
    """Return a case of strategies (underscores for hyphens) with figures given seed by seed."""
    outcomes = []
    for name, figures in strategies.items():
        for nth, stale in enumerate(figures["stale"]):
            saved = figures["saved"][nth]
            summary: dict[str, Any] = {
                "stale_ratio": stale,
                "stale_reads_per_day": stale * READS_A_DAY,
                "stale_age_max_s": 4.0 + nth if stale else float("nan"),
                "db_queries_saved_ratio": saved,
                "db_queries_per_s": (1 - saved) * 200,
                "cache_calls_per_request": figures.get("calls", [1.0])[0],
            }
            outcomes.append(made(name.replace("_", "-"), nth + 1, strategy=figures.get("strategy"), **summary))
    return cases(outcomes)[0]
