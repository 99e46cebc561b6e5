"""Races and faults: stale sets, deletes before the commit, late or lost deletes, late sets."""

from math import exp, inf

import pytest

from cachewise.sim import theory
from cachewise.strategies import DeleteInTransaction, DeleteOnWrite
from tests.theory.local_strategies import ImperfectDelete, LateWriteThrough, OneFetchInFlight
from tests.theory.measures import (
    hits_of_reads,
    mean_stale_age,
    stale_of_hits,
    stale_of_reads,
    stale_of_undelayed_hits,
    undelayed_hits_of_reads,
    versions_behind_of_hits,
)
from tests.theory.replication import assert_theory, assert_within, instant, replicate
from tests.theory.test_invalidation import django_timeout

DETECTS = 0.05  # races and lost deletes touch only some of the entries: the same errors take far longer runs


@pytest.mark.parametrize(("reads_per_s", "timeout_s"), [(1, inf), (3, 1)])
@pytest.mark.parametrize("form", ["constant", "exponential"])
def test_stale_set_race_with_one_fetch_in_flight(form: str, reads_per_s: float, timeout_s: float) -> None:
    """A write during the fetch makes the whole entry stale, whatever the reads and the timeout are."""
    writes_per_s, fetch_s = 1, 1.2
    life_s = theory.mean_life_s(writes_per_s, timeout_s)
    race = theory.stale_set_constant if form == "constant" else theory.stale_set_exponential
    expected = {
        undelayed_hits_of_reads: theory.hit_ratio(reads_per_s, life_s, fetch_s),
        stale_of_undelayed_hits: race(writes_per_s, fetch_s),
    }
    latency = fetch_s if form == "constant" else f"exponential:{fetch_s}"
    scenario = instant(reads_per_s, writes_per_s, db_read_s=latency, requests=220_000)
    strategy = OneFetchInFlight(django_timeout(timeout_s))
    assert_theory(scenario, strategy, expected, cycle_s=life_s + fetch_s + 1 / reads_per_s, detects=DETECTS)


@pytest.mark.parametrize(("reads_per_s", "fetch_s"), [(1, 1.3), (1, 2), (4, 2)])
def test_stale_set_race_with_exponential_fetches(reads_per_s: float, fetch_s: float) -> None:
    """Where every reader that misses loads, exponential fetches leave the stale share of the hits as it was."""
    expected = {stale_of_hits: theory.stale_set_exponential(1, fetch_s)}
    scenario = instant(reads_per_s, 1, db_read_s=f"exponential:{fetch_s}", requests=150_000)
    assert_theory(scenario, DeleteOnWrite(None), expected, cycle_s=1 + fetch_s + 1 / reads_per_s, detects=DETECTS)


def test_reads_that_overlap_a_commit_are_not_stale() -> None:
    """A miss is fresh though a write commits while it loads: of all reads only the race's hits are stale."""
    scenario = instant(1, 1, db_read_s="exponential:1", requests=250_000)
    measured = replicate(scenario, DeleteOnWrite(None), [hits_of_reads, stale_of_reads], cycle_s=3)
    expected = measured[hits_of_reads].value * theory.stale_set_exponential(1, 1)
    assert_within(expected, measured[stale_of_reads], "stale reads", detects=DETECTS)


def test_stale_set_race_with_constant_fetches_stays_below_one_fetch_in_flight() -> None:
    """Where every reader that misses loads, constant fetches make fewer hits stale than one fetch at a time does."""
    scenario = instant(4, 1, db_read_s=0.5)
    measured = replicate(scenario, DeleteOnWrite(None), [stale_of_hits], cycle_s=2)[stale_of_hits]
    assert 0 < measured.value < theory.stale_set_constant(1, 0.5) - 4 * measured.standard_error


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "tail_s"), [(4, 1, 0.1), (4, 1, 0.3), (2, 0.5, 0.5)])
def test_delete_before_the_commit(reads_per_s: float, writes_per_s: float, tail_s: float) -> None:
    """A reader between the delete and the commit caches the old row until the next write."""
    expected = {stale_of_reads: theory.early_delete_stale_reads(reads_per_s, writes_per_s, tail_s)}
    scenario = instant(reads_per_s, writes_per_s, transaction_tail_s=tail_s, requests=200_000)
    assert_theory(
        scenario, DeleteInTransaction(None), expected, cycle_s=1 / writes_per_s + 1 / reads_per_s, detects=DETECTS
    )


def test_delete_before_a_commit_that_is_close() -> None:
    """For short transactions one reader in the gap is what matters: 1-e^-lc, to within u*c, the busy share of time."""
    reads_per_s, writes_per_s, tail_s = 40, 1, 0.025
    expected = {stale_of_reads: 1 - exp(-reads_per_s * tail_s)}
    scenario = instant(reads_per_s, writes_per_s, transaction_tail_s=tail_s, requests=500_000)
    tolerance = writes_per_s * tail_s
    assert_theory(scenario, DeleteInTransaction(None), expected, cycle_s=1, tolerance=tolerance, detects=0.06)


@pytest.mark.parametrize(("lost_ratio", "timeout_s"), [(0.4, 3), (0.5, 4), (1, 1)])
def test_lost_deletes(lost_ratio: float, timeout_s: float) -> None:
    """Lost deletes leave entries outdated until the next delete that arrives, or the timeout."""
    life_s = theory.mean_life_s(1 - lost_ratio, timeout_s)
    expected = {
        hits_of_reads: theory.hit_ratio(1, life_s),
        stale_of_hits: theory.lost_deletes_stale_hits(1, lost_ratio, timeout_s),
        versions_behind_of_hits: theory.deletes_versions_behind(1, lost_ratio, timeout_s, theory.constant_pending_s(0)),
    }
    strategy = ImperfectDelete(timeout_s, lost_ratio=lost_ratio)
    assert_theory(instant(1, 1, requests=200_000), strategy, expected, cycle_s=life_s + 1, detects=DETECTS)


@pytest.mark.parametrize("lost_ratio", [0.5, 0.7])
def test_lost_deletes_without_timeout(lost_ratio: float) -> None:
    """Where nothing expires the stale share is the share of lost deletes, and staleness lasts until one arrives."""
    expected = {
        stale_of_hits: theory.lost_deletes_stale_hits(1, lost_ratio, inf),
        mean_stale_age: theory.lost_deletes_stale_age_s(1, lost_ratio),
    }
    strategy = ImperfectDelete(None, lost_ratio=lost_ratio)
    assert_theory(
        instant(1, 1, requests=400_000), strategy, expected, cycle_s=1 / (1 - lost_ratio) + 1, detects=DETECTS
    )


@pytest.mark.parametrize("delay_s", [0.3, 1])
def test_late_delete(delay_s: float) -> None:
    """A delete that lands a constant time after the commit leaves the hits alone and makes them stale until then."""
    expected = {
        hits_of_reads: theory.hit_ratio(1, 1),
        stale_of_hits: theory.late_delete_stale_hits(1, delay_s),
    }
    scenario = instant(1, 1, transaction_tail_s=delay_s, requests=150_000)
    assert_theory(scenario, ImperfectDelete(None, late=True), expected, cycle_s=2, detects=DETECTS)


@pytest.mark.parametrize("delay_s", [0.5, 2])
def test_late_and_lost_deletes(delay_s: float) -> None:
    """Deletes that get lost or come exponentially late, with a timeout on top, follow the master formula."""
    lost_ratio, timeout_s = 0.25, 3
    pending_s = theory.exponential_pending_s(delay_s)
    expected = {
        hits_of_reads: theory.hit_ratio(1, theory.mean_life_s(1 - lost_ratio, timeout_s)),
        stale_of_hits: theory.deletes_stale_hits(1, lost_ratio, timeout_s, pending_s),
        versions_behind_of_hits: theory.deletes_versions_behind(1, lost_ratio, timeout_s, pending_s),
    }
    scenario = instant(1, 1, transaction_tail_s=f"exponential:{delay_s}", requests=150_000)
    strategy = ImperfectDelete(timeout_s, lost_ratio=lost_ratio, late=True)
    assert_theory(scenario, strategy, expected, cycle_s=timeout_s + 1, detects=DETECTS)


@pytest.mark.parametrize("delay_s", [0.2, 1])
def test_late_set(delay_s: float) -> None:
    """Write-through whose set lands late is stale while one is on its way."""
    expected = {stale_of_hits: theory.late_set_stale_hits(1, delay_s)}
    scenario = instant(1, 1, transaction_tail_s=delay_s, requests=100_000)
    assert_theory(scenario, LateWriteThrough(None), expected, cycle_s=2 + delay_s, detects=DETECTS)
