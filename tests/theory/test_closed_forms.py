"""The closed forms among themselves: limits, special cases, and moments of the distributions they give."""

from math import exp, inf

import numpy as np
import pytest
from scipy.integrate import quad

from cachewise.sim import theory

RATES_AND_TIMEOUT = [(0.2, 1.0), (1.0, 2.0), (3.0, 4.0)]
close = pytest.approx


def test_an_entry_without_writes_lives_until_its_timeout() -> None:
    """A rate of zero is the limit of small rates; no timeout is the limit of long ones."""
    assert theory.mean_life_s(0, 5) == close(theory.mean_life_s(1e-9, 5))
    assert theory.mean_life_s(2, inf) == close(theory.mean_life_s(2, 1e3)) == 0.5


@pytest.mark.parametrize(("writes_per_s", "timeout_s"), RATES_AND_TIMEOUT)
def test_stale_ages_have_the_mean_of_their_tail(writes_per_s: float, timeout_s: float) -> None:
    """The mean stale age is the integral of its tail, which starts at 1 and ends at the timeout."""
    tail = quad(lambda age_s: theory.timeout_stale_age_tail(writes_per_s, timeout_s, age_s), 0, timeout_s)[0]
    assert tail == close(theory.timeout_stale_age_s(writes_per_s, timeout_s))
    assert theory.timeout_stale_age_tail(writes_per_s, timeout_s, 0) == 1
    assert theory.timeout_stale_age_tail(writes_per_s, timeout_s, timeout_s) == 0


@pytest.mark.parametrize(("writes_per_s", "timeout_s"), RATES_AND_TIMEOUT)
def test_versions_behind_are_a_distribution_with_the_right_mean(writes_per_s: float, timeout_s: float) -> None:
    """The shares add up to 1 and to the mean; the share at 0 is the fresh hits'."""
    shares = [theory.timeout_versions_behind_share(writes_per_s, timeout_s, versions) for versions in range(80)]
    assert sum(shares) == close(1)
    assert np.dot(shares, range(80)) == close(theory.timeout_versions_behind(writes_per_s, timeout_s))
    assert 1 - shares[0] == close(theory.timeout_stale_hits(writes_per_s, timeout_s))


@pytest.mark.parametrize(("writes_per_s", "timeout_s"), RATES_AND_TIMEOUT)
def test_the_master_formula_holds_the_others_as_special_cases(writes_per_s: float, timeout_s: float) -> None:
    """All deletes lost: timeout only. None late: lost deletes. All late, no timeout: late deletes."""
    at_once = theory.constant_pending_s(0)
    for lost_ratio in (0, 0.3, 1):
        stale_hits = theory.deletes_stale_hits(writes_per_s, lost_ratio, timeout_s, at_once)
        assert stale_hits == close(theory.lost_deletes_stale_hits(writes_per_s, lost_ratio, timeout_s), abs=1e-9)
    behind = theory.deletes_versions_behind(writes_per_s, 1, timeout_s, at_once)
    assert behind == close(theory.timeout_versions_behind(writes_per_s, timeout_s))
    late = theory.deletes_stale_hits(writes_per_s, 0, inf, theory.constant_pending_s(timeout_s))
    assert late == close(theory.late_delete_stale_hits(writes_per_s, timeout_s))


@pytest.mark.parametrize(("writes_per_s", "timeout_s"), RATES_AND_TIMEOUT)
def test_jitter_without_spread_is_a_fixed_timeout(writes_per_s: float, timeout_s: float) -> None:
    """A narrow jitter approaches the fixed timeout; a wide one is staler."""
    fixed = theory.timeout_stale_hits(writes_per_s, timeout_s)
    narrow = theory.jitter_stale_hits(writes_per_s, timeout_s * 0.999, timeout_s * 1.001)
    assert narrow == close(fixed, rel=1e-4)
    assert theory.jitter_stale_hits(writes_per_s, timeout_s * 0.1, timeout_s * 1.9) > fixed


def test_lru_fills_its_capacity() -> None:
    """The expected number of resident keys is the capacity; culling one entry at a time comes close to LRU."""
    rates = 1 / np.arange(1, 1001)
    assert theory.lru_hit_ratios(rates, 100).sum() == close(100)
    assert theory.batch_lru_hit_ratios(rates, 100, 100) == close(theory.lru_hit_ratios(rates, 100), rel=0.02)
    assert (theory.batch_lru_hit_ratios(rates, 100, 0) < theory.batch_lru_hit_ratios(rates, 100, 2)).all()


def test_exponential_stampedes_are_smaller() -> None:
    """The first of several exponential loads comes back sooner; with hardly any reads both cost the one load."""
    assert theory.stampede_exponential(1e-6, 1) == close(1, abs=1e-5)
    in_flight = [theory.stampede_exponential(1, fetch_s) for fetch_s in (0.5, 2, 8)]
    assert all(1 < loads < 1 + fetch_s for loads, fetch_s in zip(in_flight, (0.5, 2, 8), strict=True))


def test_xfetch_always_refreshes_before_the_timeout_is_over() -> None:
    """The refresh comes at most a timeout early; what is left at 0 early is the chance to come too late."""
    assert theory.xfetch_earliness(10, 1, 20, 20) == close(1)
    assert theory.xfetch_earliness(10, 1, 20, 0) == close(exp(-10), rel=1e-3)


def test_early_deletes_poison_in_proportion_to_the_reads_in_the_gap() -> None:
    """For short transactions the stale share is 1-e^-lc."""
    assert theory.early_delete_stale_reads(100, 0.001, 0.01) == close(1 - exp(-1), rel=1e-4)
