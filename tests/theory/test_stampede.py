"""Expiry of a hot key: how many loads it sets off, and how XFetch spreads them."""

from math import log

import pytest

from cachewise.sim import theory
from cachewise.strategies import TtlOnly
from tests.theory.local_strategies import XFetch
from tests.theory.measures import fetches_per_refresh, refreshed_at_most
from tests.theory.replication import assert_theory, instant


@pytest.mark.parametrize("reads_in_a_fetch", [0.5, 2, 8])
@pytest.mark.parametrize("form", ["constant", "exponential"])
def test_stampede(form: str, reads_in_a_fetch: float) -> None:
    """Every read between the expiry and the first load's return loads too."""
    expect = theory.stampede_constant if form == "constant" else theory.stampede_exponential
    # The timeout is ten fetches: a straggler does not reach the next expiry.
    latency = 1 if form == "constant" else "exponential:1"
    scenario = instant(reads_in_a_fetch, 0, db_read_s=latency, requests=700_000 if reads_in_a_fetch > 4 else 150_000)
    expected = {fetches_per_refresh: expect(reads_in_a_fetch, 1)}
    assert_theory(scenario, TtlOnly(10), expected, cycle_s=11 + 1 / reads_in_a_fetch)


@pytest.mark.parametrize("beta", [1, 2])
def test_xfetch(beta: float) -> None:
    """XFetch starts early by the known distribution, and a refresh costs e^(1/beta) loads.

    The latter is a limit. At 20 reads in beta fetches and a timeout of 12 times beta fetches it holds to within 1%: the
    refresh comes too late for it in e^(-20 e^(-1/beta)) of the cases (0.06%), and restarts at once in under 0.1%.
    """
    fetch_s = 0.5
    scale_s = beta * fetch_s
    reads_per_s, timeout_s = 20 / scale_s, 12 * scale_s
    median_s = -scale_s * log(log(2) / 20)
    expected = {fetches_per_refresh: theory.xfetch_fetches(beta)}
    for early_s in (median_s, median_s + scale_s / 2):
        early = theory.xfetch_earliness(reads_per_s, scale_s, timeout_s, early_s)
        expected[refreshed_at_most(early_s, timeout_s)] = early
    scenario = instant(reads_per_s, 0, db_read_s=fetch_s, requests=450_000)
    strategy = XFetch(timeout_s, beta)
    assert_theory(scenario, strategy, expected, cycle_s=timeout_s, tolerance=0.01, detects=0.1)
