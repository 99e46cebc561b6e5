"""What will take long is said first, and how long is measured here."""

from dataclasses import replace

import pytest

from cachewise import Row, Scenario, Site, Strategy
from cachewise.sim.command import estimate
from cachewise.sim.command.estimate import WORTH_IT, Estimate, estimated, tell, tell_of
from cachewise.sim.errors import StrategyError
from cachewise.sim.sweep.carry_out import Grid
from cachewise.sim.sweep.points import StrategyPoint
from cachewise.sim.verdict.result import Run
from cachewise.strategies import TtlOnly

LONG = Scenario("long", keys=5, reads_per_s=100, writes_per_s=0, warmup_s=0, duration_s=WORTH_IT / 100)


PLAIN = TtlOnly()


def grid(scenario: Scenario, strategy: Strategy = PLAIN) -> Grid:
    """Return a grid of one point."""
    return Grid("it", (), [StrategyPoint("it", "shared", (), scenario, strategy)], 1, 1)


def test_only_what_takes_over_a_minute_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Few requests are not even measured."""
    tell(grid(LONG), 2, lambda: Estimate({"shared": 1e-5}, 59.0))
    tell(grid(LONG), 2, lambda: None)
    assert capsys.readouterr().err == ""
    tell(grid(LONG), 2, lambda: Estimate({"shared": 1e-5}, 240.0))
    assert capsys.readouterr().err == "1 point x 1 seed, 300,000 requests, 2 side by side: about 4 min\n"
    tell(grid(LONG), 2, lambda: Estimate({"shared": 1e-5}, 240.0), left=[])
    assert capsys.readouterr().err == "", "nothing is left to run"
    tell(grid(LONG.with_settings({"duration_s": "5"})), 2, lambda: pytest.fail("it was measured"))


def test_runs_that_are_no_sweep(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scenario is measured by itself; many short runs take long, too."""
    costs = {"long": 2e-4, "short": 1e-3}
    monkeypatch.setattr(estimate, "_cost", lambda points: estimate._Cost(0.1, costs[points[0].scenario.name]))
    short = replace(LONG, name="short", duration_s=1)
    runs = [Run(LONG, PLAIN, "shared", seed) for seed in (1, 2)] + [Run(short, PLAIN, "shared", 1)]
    assert estimate.estimated_s(runs, 1) == pytest.approx(estimate.START_S + 2 * (60 + 0.1) + 0.1 + 0.1)
    tell_of(runs, 1)
    assert capsys.readouterr().err == "3 runs, 600,100 requests, 1 side by side: about 2 min\n"
    tell_of([Run(short, PLAIN, "shared", seed) for seed in range(1000)], 1)
    assert capsys.readouterr().err == "1,000 runs, 100,000 requests, 1 side by side: about 3 min\n"
    monkeypatch.setattr(estimate, "estimated_s", lambda *_: pytest.fail("it was measured"))
    tell_of([Run(short, PLAIN, "shared", 1)], 1)


def test_an_estimate_is_a_measured_cost_times_what_is_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared among the cores; a strategy that fails when it is tried gives none."""
    found = estimated(grid(LONG), 1)
    assert found is not None
    assert found.total_s > 300_000 * found.request_s["shared"] > 0
    monkeypatch.setattr(estimate, "_cost", lambda _points: estimate._Cost(0.5, 1e-5))
    four = replace(grid(LONG), least=4, most=4)
    told = [estimated(four, jobs) for jobs in (1, 2, 100)]
    assert [one and one.total_s - estimate.START_S for one in told] == pytest.approx([14.0, 7.0, 3.5])


def test_a_strategy_that_fails_gives_no_estimate() -> None:
    """It says so when its turn has come."""

    class Failing(TtlOnly):
        def read(self, site: Site, key: str) -> Row:
            raise StrategyError(f"{site.db.read(key).key} fails")

    assert estimated(grid(LONG, Failing()), 1) is None
