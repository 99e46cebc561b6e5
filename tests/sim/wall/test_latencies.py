"""Measured latencies and percentiles: what a real run took, as the simulation draws it and as reports show it."""

from dataclasses import replace

import numpy as np
import pytest

from cachewise import Scenario, UserError
from cachewise.sim.verdict.result import Run
from cachewise.sim.wall.percentiles import percentiles
from cachewise.sim.wall.verify import REPLICATES, calibrated
from cachewise.sim.world.latency import MOST_VALUES, Empirical, Sum, latency_of, mean_latency_s
from cachewise.strategies import TtlOnly

SEED = np.random.SeedSequence(3)
TAIL = np.random.default_rng(1).lognormal(-7, 1.5, 30_000)


def draws(latency: Empirical | Sum | str | float, count: int = 65_536) -> np.ndarray:
    """Return the first draws of *count* requests."""
    of = latency_of("db_read_s", latency, SEED)
    assert of is not None
    return np.array([of(request, 0) for request in range(count)])


def test_a_measured_latency_comes_back() -> None:
    """What is drawn has the sample's mean to a ten-thousandth, its quantiles, and never leaves its range."""
    found = draws(Empirical.of(TAIL))
    assert found.mean() == pytest.approx(TAIL.mean(), rel=1e-3)
    for share in (0.01, 0.5, 0.9, 0.99):
        assert np.quantile(found, share) == pytest.approx(np.quantile(TAIL, share), rel=0.02)
    assert TAIL.min() <= found.min() <= found.max() <= TAIL.max()
    assert len(Empirical.of(TAIL).values_s) == MOST_VALUES


def test_a_small_sample_is_drawn_value_by_value() -> None:
    """Few values are equally likely, and no other comes up."""
    values, counts = np.unique(draws(Empirical.of(np.array([0.3, 0.1, 0.2, 0.1]))), return_counts=True)
    assert values.tolist() == [0.1, 0.2, 0.3]
    assert counts / 65_536 == pytest.approx([0.5, 0.25, 0.25], abs=1e-3)


def test_a_sum_has_the_planned_draws() -> None:
    """Whatever comes besides, the planned part is what it is without: the same request sleeps the same."""
    planned, besides = "lognormal:0.01:0.5", Empirical((0.25,))
    assert draws(Sum(planned, besides)) == pytest.approx(draws(planned) + 0.25)
    assert mean_latency_s("db_read_s", Sum(0.5, besides)) == pytest.approx(0.75)
    assert draws(Sum(0, besides), 3).tolist() == [0.25] * 3


def test_the_two_parts_are_independent() -> None:
    """The parts of a sum are not drawn from one shuffle."""
    both = draws(Sum("uniform:0:1", Empirical.of(np.linspace(0, 1, 500))))
    assert both.var() == pytest.approx(2 / 12, rel=0.05), "together they would have four times the variance of one"


def test_a_scenario_takes_measured_latencies() -> None:
    """They are values like others: frozen, hashable, checked, and short in a table of inputs."""
    scenario = Scenario("measured", db_read_s=Empirical((0.1, 0.2)), db_commit_s=Sum(0.1, Empirical((0.3,))))
    assert hash(scenario) == hash(replace(scenario))
    assert str(scenario.db_read_s) == "measured: 2 values, median 0.2"
    assert str(scenario.db_commit_s) == "0.1, plus measured: 1 values, median 0.3"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ((), "at least one value"),
        ((0.2, 0.1), "ascending"),
        ((-0.1, 0.1), "between 0 and"),
        ((0.1, float("nan")), "between 0 and"),
    ],
)
def test_what_is_no_latency_is_refused(values: tuple[float, ...], problem: str) -> None:
    """A distribution needs values in order, none of them negative or missing."""
    with pytest.raises(UserError, match=problem):
        Empirical(values)


def test_calibration_keeps_what_was_slept() -> None:
    """A slept latency gets what the machine took besides; another one is replaced; one never met stays."""
    run = Run(Scenario("s", db_read_s=0.5, db_commit_s=0.25, transaction_tail_s=0.125), TtlOnly(3), "redis", 1)
    steps = {"db_read_s": np.array([0.01]), "db_commit_s": np.array([0.02]), "transaction_tail_s": np.empty(0)}
    replicates = calibrated(run, steps, slept=("db_read_s", "transaction_tail_s"))
    found = replicates[0]
    assert found.db_read_s == Sum(0.5, Empirical((0.01,)))
    assert found.db_commit_s == Empirical((0.02,))
    assert [one.db_commit_s for one in replicates] == [Empirical((0.02,), table) for table in range(REPLICATES)]
    assert found.transaction_tail_s == 0.125
    assert found.threads == 8


def test_percentiles_keep_three_figures() -> None:
    """The histogram's percentiles are the sample's to three significant figures; none where there is nothing."""
    found = percentiles(TAIL, 50, 99, 99.9)
    exact = np.quantile(TAIL, [0.5, 0.99, 0.999], method="inverted_cdf")
    assert found == pytest.approx(exact, rel=2e-3)
    assert np.isnan(percentiles([], 50, 99)).all()
    assert percentiles([0.0, 1e9], 100) == pytest.approx([3600], rel=1e-3)
