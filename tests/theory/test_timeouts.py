"""Timeouts: fixed, jittered, sliding."""

import pytest

from cachewise.sim import theory
from cachewise.strategies import TtlOnly
from tests.theory.local_strategies import Jittered, Sliding
from tests.theory.measures import (
    behind_by,
    hits_of_reads,
    mean_stale_age,
    older_than,
    stale_of_hits,
    stale_of_reads,
    versions_behind_of_hits,
    visible_between,
)
from tests.theory.replication import assert_theory, assert_within, instant, replicate

RATES_AND_TIMEOUT = [(0.8, 0.6, 1), (1, 1, 1), (4, 1, 2)]


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "timeout_s"), RATES_AND_TIMEOUT)
def test_timeout_only(reads_per_s: float, writes_per_s: float, timeout_s: float) -> None:
    """A fixed timeout gives the known hits, staleness, ages, versions behind and visibility."""
    hits = theory.hit_ratio(reads_per_s, timeout_s)
    stale_hits = theory.timeout_stale_hits(writes_per_s, timeout_s)
    tenth_s = timeout_s / 10
    expected = {
        hits_of_reads: hits,
        stale_of_hits: stale_hits,
        stale_of_reads: hits * stale_hits,
        mean_stale_age: theory.timeout_stale_age_s(writes_per_s, timeout_s),
        older_than(4 * tenth_s): theory.timeout_stale_age_tail(writes_per_s, timeout_s, 4 * tenth_s),
        versions_behind_of_hits: theory.timeout_versions_behind(writes_per_s, timeout_s),
        behind_by(0): theory.timeout_versions_behind_share(writes_per_s, timeout_s, 0),
        behind_by(1): theory.timeout_versions_behind_share(writes_per_s, timeout_s, 1),
        # Visibility is linear up to the timeout, so its mean over a stretch is its value in the middle.
        visible_between(2 * tenth_s, 4 * tenth_s): theory.timeout_visibility(reads_per_s, timeout_s, 3 * tenth_s),
        visible_between(10 * tenth_s, 20 * tenth_s): 1,
    }
    scenario = instant(reads_per_s, writes_per_s, requests=600_000)
    assert_theory(scenario, TtlOnly(timeout_s), expected, cycle_s=timeout_s + 1 / reads_per_s)


def test_stale_hits_do_not_depend_on_the_reads() -> None:
    """Under a timeout only, ten times the reads leave the stale share of the hits where it was."""
    stale_hits = {
        reads_per_s: replicate(
            instant(reads_per_s, 1, requests=requests), TtlOnly(1), [stale_of_hits], cycle_s=1 + 1 / reads_per_s
        )[stale_of_hits]
        for reads_per_s, requests in ((1, 300_000), (10, 500_000))
    }
    for estimate in stale_hits.values():
        assert_within(theory.timeout_stale_hits(1, 1), estimate, "stale hits")


@pytest.mark.parametrize(("low_s", "high_s"), [(0.2, 1.8), (0.5, 4)])
def test_jittered_timeout(low_s: float, high_s: float) -> None:
    """A timeout drawn for each fill gives the hits of its mean, but more stale hits than its mean would."""
    mean_s = (low_s + high_s) / 2
    expected = {
        hits_of_reads: theory.hit_ratio(1, mean_s),
        stale_of_hits: theory.jitter_stale_hits(1, low_s, high_s),
    }
    assert_theory(instant(1, 1), Jittered(low=low_s, high=high_s), expected, cycle_s=mean_s + 1)


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "timeout_s"), [(1, 1, 1), (1, 0.5, 2), (2, 1, 1.5)])
def test_sliding_timeout(reads_per_s: float, writes_per_s: float, timeout_s: float) -> None:
    """Where a hit renews the timeout an entry dies only in a gap between reads, and grows the staler for it."""
    expected = {
        hits_of_reads: theory.sliding_hit_ratio(reads_per_s, timeout_s),
        stale_of_hits: theory.sliding_stale_hits(reads_per_s, writes_per_s, timeout_s),
    }
    scenario = instant(reads_per_s, writes_per_s, requests=150_000)
    assert_theory(scenario, Sliding(timeout_s), expected, cycle_s=5 * (timeout_s + 1 / reads_per_s))
