"""Invalidation on a write: deletes, clears, namespaces, write-through, versions in the key."""

from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
import pytest

from cachewise import Site, run
from cachewise.sim import theory
from cachewise.sim.world.popularity import key_shares
from cachewise.strategies import (
    ClearAll,
    DeleteOnWrite,
    KeyBased,
    NamespaceVersion,
    WriteThrough,
    WriteThroughInTransaction,
)
from tests.theory.local_strategies import UpdateIfPresent
from tests.theory.measures import (
    aborted_of_reads,
    hits_a_key,
    hits_of_ranks,
    hits_of_reads,
    stale_of_reads,
    wrong_of_reads,
)
from tests.theory.replication import SEEDS, Measure, assert_theory, assert_within, instant, ratio

RATES_AND_TIMEOUT = [(1, 1, inf), (4, 1, inf), (2, 0.5, 1), (1, 1, 0.5)]


def django_timeout(timeout_s: float) -> float | None:
    """Return *timeout_s* as Django takes it."""
    return None if timeout_s == inf else timeout_s


def cycle_s(reads_per_s: float, writes_per_s: float, timeout_s: float) -> float:
    """Return the mean time from fill to fill."""
    return theory.mean_life_s(writes_per_s, timeout_s) + 1 / reads_per_s


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "timeout_s"), RATES_AND_TIMEOUT)
def test_delete_on_write(reads_per_s: float, writes_per_s: float, timeout_s: float) -> None:
    """Without latencies a delete on write is never stale, and an entry lives until the next write or its timeout."""
    life_s = theory.mean_life_s(writes_per_s, timeout_s)
    expected = {hits_of_reads: theory.hit_ratio(reads_per_s, life_s), stale_of_reads: 0}
    scenario, strategy = instant(reads_per_s, writes_per_s, requests=100_000), DeleteOnWrite(django_timeout(timeout_s))
    assert_theory(scenario, strategy, expected, cycle_s=cycle_s(reads_per_s, writes_per_s, timeout_s))


@pytest.mark.parametrize("timeout_s", [inf, 0.5])
def test_a_rolled_back_set_is_read_until_the_next_one(timeout_s: float) -> None:
    """Set before the commit, and rolled back: the share of the reads that get such a row is known."""
    scenario = instant(2, 2, requests=200_000, rollback_ratio=0.5)
    share = theory.rolled_back_reads(0.5, 2, timeout_s)
    expected = {aborted_of_reads: share, wrong_of_reads: share, stale_of_reads: 0}
    strategy = WriteThroughInTransaction(django_timeout(timeout_s))
    assert_theory(scenario, strategy, expected, cycle_s=cycle_s(2, 2, timeout_s))


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "horizon_s"), [(1, 1, 2), (4, 0.5, 1)])
def test_delete_on_write_from_a_cold_start(reads_per_s: float, writes_per_s: float, horizon_s: float) -> None:
    """In its first seconds, without any warm-up, an empty cache gives the known number of hits."""
    keys = 1000
    scenario = instant(keys * reads_per_s, keys * writes_per_s, keys=keys, duration_s=horizon_s)
    expected = {hits_a_key: theory.cold_start_hits(reads_per_s, writes_per_s, horizon_s)}
    assert_theory(scenario, DeleteOnWrite(None), expected, cycle_s=0)


@pytest.mark.parametrize("strategy", [ClearAll, NamespaceVersion])
@pytest.mark.parametrize("timeout_s", [inf, 4])
def test_every_write_invalidates_every_key(strategy: Any, timeout_s: float) -> None:
    """Clearing the cache, or changing the namespace, ends all entries at the rate of all writes together."""
    keys, reads_per_s, writes_per_s = 20, 10, 0.4
    reads_of_key_per_s = reads_per_s * key_shares("read_popularity", "zipf:1.0", keys)
    life_s = theory.mean_life_s(writes_per_s, timeout_s)
    hits = theory.hit_ratio(reads_of_key_per_s, life_s)
    expected: dict[Measure, float] = {hits_of_reads: np.average(hits, weights=reads_of_key_per_s), stale_of_reads: 0}
    for ranks in (range(1), range(1, keys)):
        expected[hits_of_ranks(ranks)] = np.average(hits[ranks], weights=reads_of_key_per_s[ranks])
    scenario = instant(reads_per_s, writes_per_s, keys=keys, read_popularity="zipf:1.0", requests=250_000)
    assert_theory(scenario, strategy(django_timeout(timeout_s)), expected, cycle_s=life_s)


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "timeout_s"), [(0.5, 1, 0.5), (1, 1, 1), (1, 0.5, 0.5)])
def test_write_through(reads_per_s: float, writes_per_s: float, timeout_s: float) -> None:
    """Stored on every write with a new timeout, a row is fresh and lives until a gap between writes."""
    expected = {
        hits_of_reads: theory.write_through_hit_ratio(reads_per_s, writes_per_s, timeout_s),
        stale_of_reads: 0,
    }
    life_s = theory.renewed_life_s(writes_per_s, timeout_s)
    scenario = instant(reads_per_s, writes_per_s, requests=100_000)
    assert_theory(scenario, WriteThrough(timeout_s), expected, cycle_s=life_s + 1)


@pytest.mark.parametrize("renew", [True, False], ids=["renewed timeout", "kept timeout"])
@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "timeout_s"), [(1, 1, 1), (0.5, 2, 0.8)])
def test_update_only_if_present(reads_per_s: float, writes_per_s: float, timeout_s: float, *, renew: bool) -> None:
    """Updated only where it is cached, a row is fresh and lives as its timeout is renewed or kept."""
    life_s = theory.renewed_life_s(writes_per_s, timeout_s) if renew else timeout_s
    expected = {hits_of_reads: theory.hit_ratio(reads_per_s, life_s), stale_of_reads: 0}
    scenario, strategy = instant(reads_per_s, writes_per_s, requests=150_000), UpdateIfPresent(timeout_s, renew)
    assert_theory(scenario, strategy, expected, cycle_s=life_s + 1 / reads_per_s)


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "timeout_s"), [(2, 1, 1), (4, 0.5, 2)])
def test_key_based(reads_per_s: float, writes_per_s: float, timeout_s: float) -> None:
    """With its version in the key a row is fresh and hits as under delete on write with the same timeout."""
    life_s = theory.mean_life_s(writes_per_s, timeout_s)
    expected = {hits_of_reads: theory.hit_ratio(reads_per_s, life_s), stale_of_reads: 0}
    scenario = instant(reads_per_s, writes_per_s, requests=100_000)
    assert_theory(scenario, KeyBased(timeout_s), expected, cycle_s=timeout_s + 1 / reads_per_s)


@dataclass(frozen=True)
class CountedKeyBased(KeyBased):
    """Key-based, and now and then at a write a count of the entries alive in the store (writes see time averages)."""

    timeout: float = 0
    alive: list[int] = field(default_factory=list)

    def write(self, site: Site, key: str) -> None:
        """Count one time in eight, once the first timeouts are over; then write."""
        if site.time() > 2 * self.timeout and site.random.random() < 1 / 8:
            expiries: dict[str, float] = site.cache._expire_info  # type: ignore[attr-defined]
            self.alive.append(sum(expires_s > site.time() for expires_s in expiries.values()))
        super().write(site, key)


@pytest.mark.parametrize(("reads_per_s", "writes_per_s", "timeout_s"), [(2, 1, 2), (1, 1, 8)])
def test_key_based_keeps_superseded_entries(reads_per_s: float, writes_per_s: float, timeout_s: float) -> None:
    """Every version that was read stays until its timeout, though nobody looks for it any more."""
    hits = theory.hit_ratio(reads_per_s, theory.mean_life_s(writes_per_s, timeout_s))
    counts = []
    for seed in SEEDS:
        scenario = instant(reads_per_s, writes_per_s, requests=300_000)
        strategy = CountedKeyBased(timeout_s)
        run(scenario, strategy, backend="locmem", seed=seed)
        counts.append((sum(strategy.alive), len(strategy.alive)))
    assert_within(theory.resident_entries(reads_per_s, hits, timeout_s), ratio(counts), "entries alive")
