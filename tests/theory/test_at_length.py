"""The same test functions on runs eight times as long: what a small bias would need to show."""

from collections.abc import Callable
from typing import Any

import pytest

from cachewise.strategies import NamespaceVersion
from tests.theory import replication
from tests.theory.test_capacity import test_batch_lru as check_batch_lru
from tests.theory.test_invalidation import test_every_write_invalidates_every_key as check_every_write
from tests.theory.test_processes import test_delete_reaches_the_writers_own_process_only as check_own_process
from tests.theory.test_races import test_delete_before_the_commit as check_early_delete
from tests.theory.test_races import test_late_and_lost_deletes as check_late_and_lost_deletes
from tests.theory.test_races import test_lost_deletes_without_timeout as check_lost_deletes
from tests.theory.test_races import test_reads_that_overlap_a_commit_are_not_stale as check_overlapping_reads
from tests.theory.test_races import test_stale_set_race_with_exponential_fetches as check_stale_set_race
from tests.theory.test_races import test_stale_set_race_with_one_fetch_in_flight as check_one_fetch_in_flight
from tests.theory.test_stampede import test_stampede as check_stampede
from tests.theory.test_stampede import test_xfetch as check_xfetch
from tests.theory.test_timeouts import test_timeout_only as check_timeout_only

pytestmark = pytest.mark.proof


@pytest.mark.parametrize(
    ("check", "args"),
    [
        (check_timeout_only, (1, 1, 1)),
        (check_batch_lru, (300, 3)),
        (check_every_write, (NamespaceVersion, 4)),
        (check_own_process, (4, 2)),
        (check_one_fetch_in_flight, ("constant", 3, 1)),
        (check_one_fetch_in_flight, ("exponential", 3, 1)),
        (check_stale_set_race, (4, 2)),
        (check_overlapping_reads, ()),
        (check_early_delete, (4, 1, 0.1)),
        (check_lost_deletes, (0.7,)),
        (check_late_and_lost_deletes, (0.5,)),
        (check_stampede, ("exponential", 8)),
        (check_xfetch, (1,)),
    ],
)
def test_longer_runs_agree_too(
    check: Callable[..., None], args: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a third of the standard error theory still holds."""
    monkeypatch.setattr(replication, "length", 8)
    check(*args)
