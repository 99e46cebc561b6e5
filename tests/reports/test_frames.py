"""Frames: cases, labels and what is drawn over time are those of the outcomes."""

from dataclasses import replace

import numpy as np
import pytest

from cachewise.reports.frames import cases, peak_queries_per_s, stale_age_frame, time_frame
from cachewise.sim.experiment import Outcome
from cachewise.strategies import TtlOnly


def test_cases_keep_scenarios_and_backends_apart(busy: list[Outcome], quiet: list[Outcome]) -> None:
    """Outcomes group by scenario and backend in order of appearance; strategies keep their order."""
    other = [replace(outcome, run=replace(outcome.run, backend="db")) for outcome in busy[:3]]
    found = cases([*busy, *quiet, *other])
    assert [case.title for case in found] == ["busy on shared", "quiet on locmem", "busy on db"]
    assert next(iter(found[0].by_strategy)) == "no-cache"


def test_a_parameter_is_in_the_name_only_where_it_tells_strategies_apart(busy: list[Outcome]) -> None:
    """A strategy run once goes by its bare name and its parameter is remarked on; run twice, the labels stay."""
    once = cases(busy)[0]
    assert "ttl-only" in once.by_strategy
    assert once.settings == ["ttl-only run with timeout=2"]
    assert cases(busy[6:9])[0].settings == ["strategies run with timeout=2"]
    slow = [replace(outcome, run=replace(outcome.run, strategy=TtlOnly(timeout=9))) for outcome in busy[6:9]]
    twice = cases([*busy, *slow])[0]
    assert {"ttl-only:timeout=2", "ttl-only:timeout=9"} < set(twice.by_strategy)
    assert "ttl-only" not in twice.by_strategy


def test_stale_ages_start_at_the_stale_ratio_and_fall(busy: list[Outcome]) -> None:
    """Each curve starts at the mean stale ratio, never rises, and ends at the oldest read of all seeds."""
    case = cases(busy)[0]
    frame = stale_age_frame(case)
    for label, part in frame.groupby("strategy"):
        ratios, oldest = case.values(str(label), "stale_ratio"), case.values(str(label), "stale_age_max_s")
        assert part["share"].iloc[0] == pytest.approx(sum(ratios.values()) / 3, rel=0.02)
        assert part["share"].is_monotonic_decreasing
        last = max(age for age in oldest.values() if age == age)  # noqa: PLR0124 - NaN where a seed saw none
        assert part["age_s"].iloc[-1] == last
    assert "key-based" not in set(frame["strategy"])


def test_the_load_over_time_adds_up(busy: list[Outcome]) -> None:
    """The rates over time have the mean that the summary gives, queries that outlive the traffic included."""
    case = cases(busy)[0]
    means = time_frame(case).groupby("strategy", sort=False)["db_queries_per_s"].mean()
    for label, mean in means.items():
        rates = case.values(str(label), "db_queries_per_s").values()
        assert mean == pytest.approx(sum(rates) / 3)


def test_a_peak_is_each_seeds_own(busy: list[Outcome]) -> None:
    """Bursts that fall on other moments in other seeds are not averaged away."""
    flat = np.zeros(120)
    bursts = [
        replace(one, db_queries_per_s=np.r_[np.roll([90.0, 0, 0], nth), flat]) for nth, one in enumerate(busy[:3])
    ]
    assert peak_queries_per_s(cases(bursts)[0], "no-cache") == 90
