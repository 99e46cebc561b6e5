"""Alarms: what looks wrong with a scenario is said."""

from dataclasses import replace

import pytest

from cachewise import run
from cachewise.reports.alarms import alarms
from cachewise.reports.frames import cases
from cachewise.sim.experiment import Outcome, outcome_of
from cachewise.sim.world.scenario import Scenario
from cachewise.strategies import NoCache, TtlOnly
from tests.reports.test_answer import Made


@pytest.mark.parametrize(
    ("figures", "alarm"),
    [
        ({"hit_ratio": 1.0}, "never missed"),
        ({"hit_ratio": 0.0}, "never hit"),
        ({"writes": 0}, "No writes were measured"),
        ({"writes": 3}, "Only 3 writes in 1 run"),
        ({"response_p99_s": 9.0}, "faster than they are served"),
        ({"stale_ratio": 0.0, "hits": 50, "writes": 900}, "shows no outdated read although rows were written"),
    ],
)
def test_an_alarm_rings_for_what_looks_wrong(made: Made, figures: dict[str, float], alarm: str) -> None:
    """Each suspicious figure rings its own alarm, and a sound one does not."""
    sound = {"hit_ratio": 0.9, "stale_ratio": 0.1, "writes": 900}
    wrong, right = (cases([made("ttl-only", **{**sound, **one})])[0] for one in (figures, {}))
    assert any(alarm in text for text in alarms(wrong))
    assert not any(alarm in text for text in alarms(right))


def test_a_run_shorter_than_the_timeout_is_noticed(busy: list[Outcome], quiet: list[Outcome]) -> None:
    """Entries that cannot expire while the run lasts are pointed out, in a run without writes too."""
    assert any("shorter than" in alarm for alarm in alarms(cases(quiet)[0]))
    assert any("No writes" in alarm for alarm in alarms(cases(quiet)[0]))
    short_timeouts = [outcome for outcome in busy if outcome.label.startswith("ttl-only")]
    assert not any("shorter than" in alarm for alarm in alarms(cases(short_timeouts)[0]))


def test_a_warm_up_shorter_than_the_longest_timeout_is_noticed(busy: list[Outcome]) -> None:
    """The longest timeout of what was run is held against the warm-up, which is said how long to make; None is none."""
    assert any("Set warmup_s to 300 or more" in alarm for alarm in alarms(cases(busy)[0]))
    for timeout in (2, 5, None):
        within = [replace(one, run=replace(one.run, strategy=TtlOnly(timeout=timeout))) for one in busy[6:9]]
        assert not any("warm-up" in alarm for alarm in alarms(cases(within)[0]))


def test_overload_is_found_in_a_real_run() -> None:
    """A site with half the threads it needs is called overloaded; the same traffic with enough of them is not."""
    busy, idle = (
        Scenario("queue", keys=5, reads_per_s=40, writes_per_s=1, db_read_s=0.05, duration_s=60, warmup_s=5, **limits)
        for limits in ({"workers": 1, "threads": 1}, {})
    )
    for scenario, rings in ((busy, True), (idle, False)):
        outcome = outcome_of(run(scenario, NoCache(), seed=1))
        assert any("faster than they are served" in alarm for alarm in alarms(cases([outcome])[0])) is rings


@pytest.mark.parametrize(("seeds", "rings"), [(2, True), (4, True), (5, False)])
def test_few_seeds_are_pointed_out(made: Made, seeds: int, rings: bool) -> None:
    """Below five seeds the intervals are said to be optimistic."""
    case = cases([made(seed=seed) for seed in range(seeds)])[0]
    assert any(f"With {seeds} seeds" in alarm for alarm in alarms(case)) is rings
