"""Several processes, each with a cache of its own, behind a balancer that picks one at random."""

from math import inf

import pytest

from cachewise.sim import theory
from cachewise.strategies import DeleteOnWrite, TtlOnly
from tests.theory.measures import hits_of_reads, stale_of_hits, versions_behind_of_hits
from tests.theory.replication import assert_theory, instant
from tests.theory.test_invalidation import django_timeout


@pytest.mark.parametrize("processes", [2, 8])
def test_timeout_only_in_several_processes(processes: int) -> None:
    """Each process sees its share of the reads, and the stale share of the hits is that of one process."""
    reads_per_s, timeout_s = 4, 1
    share_per_s = reads_per_s / processes
    expected = {
        hits_of_reads: theory.hit_ratio(share_per_s, timeout_s),
        stale_of_hits: theory.timeout_stale_hits(1, timeout_s),
    }
    scenario = instant(reads_per_s, 1, workers=processes)
    assert_theory(scenario, TtlOnly(timeout_s), expected, cycle_s=timeout_s + 1 / share_per_s)


@pytest.mark.parametrize("processes", [4])
def test_timeout_only_in_a_shared_store(processes: int) -> None:
    """Over one shared store it does not matter how many processes there are."""
    expected = {hits_of_reads: theory.hit_ratio(1, 1), stale_of_hits: theory.timeout_stale_hits(1, 1)}
    scenario = instant(1, 1, workers=processes)
    assert_theory(scenario, TtlOnly(1), expected, cycle_s=2, backend="shared")


@pytest.mark.parametrize(("processes", "timeout_s"), [(2, inf), (4, inf), (4, 2)])
def test_delete_reaches_the_writers_own_process_only(processes: int, timeout_s: float) -> None:
    """To every other process the delete is lost."""
    reads_per_s, lost_ratio = 4, (processes - 1) / processes
    life_s = theory.mean_life_s(1 / processes, timeout_s)
    expected = {
        hits_of_reads: theory.hit_ratio(reads_per_s / processes, life_s),
        stale_of_hits: theory.lost_deletes_stale_hits(1, lost_ratio, timeout_s),
        versions_behind_of_hits: theory.deletes_versions_behind(1, lost_ratio, timeout_s, theory.constant_pending_s(0)),
    }
    scenario = instant(reads_per_s, 1, workers=processes, requests=600_000)
    strategy = DeleteOnWrite(django_timeout(timeout_s))
    assert_theory(scenario, strategy, expected, cycle_s=life_s + processes / reads_per_s)
