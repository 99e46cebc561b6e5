"""Limited capacity: LocMem's LRU, evicting one entry or a batch at a time. Approximate rows.

Che's approximation treats an entry's time to eviction as a constant; its error falls with the number of entries, and an
independent Monte Carlo found it within 2%. So 2% is allowed on top of the 4 standard errors.
"""

import numpy as np
import pytest

from cachewise.sim import theory
from cachewise.sim.world.popularity import key_shares
from cachewise.strategies import TtlOnly
from tests.theory.measures import hits_of_ranks, hits_of_reads
from tests.theory.replication import Measure, assert_theory, instant

KEYS, READS_PER_S = 500, 100
KEY_READS_PER_S = READS_PER_S * key_shares("read_popularity", "zipf:0.9", KEYS)


def assert_hits(hits: np.ndarray, max_entries: int, cull_frequency: int) -> None:
    """Assert the hit ratio of all keys together, of the hot and of the middling ones."""
    expected: dict[Measure, float] = {hits_of_reads: np.average(hits, weights=KEY_READS_PER_S)}
    for ranks in (range(10), range(10, 60)):
        expected[hits_of_ranks(ranks)] = np.average(hits[ranks], weights=KEY_READS_PER_S[ranks])
    limits = {"max_entries": max_entries, "cull_frequency": cull_frequency}
    scenario = instant(READS_PER_S, 0, keys=KEYS, read_popularity="zipf:0.9", requests=150_000, **limits)
    assert_theory(scenario, TtlOnly(None), expected, cycle_s=max_entries / READS_PER_S, tolerance=0.02)


@pytest.mark.parametrize("max_entries", [50, 200])
def test_lru(max_entries: int) -> None:
    """Culling one entry at a time, LocMem is a least-recently-used cache."""
    assert_hits(theory.lru_hit_ratios(KEY_READS_PER_S, max_entries), max_entries, cull_frequency=max_entries)


@pytest.mark.parametrize(("max_entries", "cull_frequency"), [(100, 0), (100, 3), (300, 2), (300, 3)])
def test_batch_lru(max_entries: int, cull_frequency: int) -> None:
    """Culling a third (or a half, or all) at once costs hits, as much as theory says."""
    hits = theory.batch_lru_hit_ratios(KEY_READS_PER_S, max_entries, cull_frequency)
    assert_hits(hits, max_entries, cull_frequency)
