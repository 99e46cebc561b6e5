"""The theory tests have teeth: each defect put into the engine makes the very same test functions fail."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache

from cachewise.sim.engine import virtual
from cachewise.sim.verdict import truth
from tests.theory import replication
from tests.theory.test_invalidation import test_key_based as check_key_based
from tests.theory.test_invalidation import test_write_through as check_write_through
from tests.theory.test_processes import test_timeout_only_in_a_shared_store as check_shared_store
from tests.theory.test_processes import test_timeout_only_in_several_processes as check_several_processes
from tests.theory.test_races import test_reads_that_overlap_a_commit_are_not_stale as check_overlapping_reads
from tests.theory.test_timeouts import test_jittered_timeout as check_jittered_timeout
from tests.theory.test_timeouts import test_sliding_timeout as check_sliding_timeout
from tests.theory.test_timeouts import test_timeout_only as check_timeout_only

Patch = pytest.MonkeyPatch


def sliding_timeout(patch: Patch) -> None:
    """LocMem renews the timeout on a hit."""
    get, store = LocMemCache.get, LocMemCache._set
    timeouts: dict[tuple[int, str], Any] = {}

    def remembering(self: Any, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT) -> None:
        timeouts[id(self), key] = timeout
        store(self, key, value, timeout)

    def renewing(self: Any, key: str, default: Any = None, version: Any = None) -> Any:
        value = get(self, key, default, version)
        if value is not default:
            LocMemCache.touch(self, key, timeouts[id(self), self.make_key(key, version)], version)
        return value

    patch.setattr(LocMemCache, "_set", remembering)
    patch.setattr(LocMemCache, "get", renewing)


def timeouts_3_percent_long(patch: Patch) -> None:
    """Every timeout lasts 3% longer."""
    deadline = BaseCache.get_backend_timeout

    def later(self: Any, timeout: Any = DEFAULT_TIMEOUT) -> Any:
        return deadline(self, timeout * 1.03)

    patch.setattr(BaseCache, "get_backend_timeout", later)


def clock_not_replaced(patch: Patch) -> None:
    """Django's cache code sees the real clock, in which a run takes no time."""
    patch.setattr(virtual._VirtualTime, "time", staticmethod(time.time))


def judged_at_the_end(patch: Patch) -> None:
    """A read is judged by what was committed when it ended."""
    judge = truth.judge

    def judge_late(key_code: Any, _start_s: Any, end_s: Any, version: Any, commits: Any) -> Any:
        return judge(key_code, end_s, end_s, version, commits)

    patch.setattr(truth, "judge", judge_late)


def caught_by(
    mutation: Callable[[Patch], None], check: Callable[..., None], *args: Any, proof: bool = False, length: int = 1
) -> Any:
    """Return a case: *mutation* must make ``check(*args)`` fail, on runs *length* times as long as usual."""
    marks = [pytest.mark.proof] if proof else []
    return pytest.param(mutation, check, args, length, id=f"{mutation.__name__}-{check.__name__}", marks=marks)


@pytest.mark.parametrize(
    ("mutation", "check", "args", "length"),
    [
        caught_by(sliding_timeout, check_shared_store, 4),
        caught_by(sliding_timeout, check_timeout_only, 1, 1, 1, proof=True),
        caught_by(sliding_timeout, check_jittered_timeout, 0.2, 1.8, proof=True),
        caught_by(sliding_timeout, check_key_based, 2, 1, 1, proof=True),
        caught_by(timeouts_3_percent_long, check_shared_store, 4),
        caught_by(timeouts_3_percent_long, check_timeout_only, 0.8, 0.6, 1, proof=True),
        caught_by(timeouts_3_percent_long, check_timeout_only, 4, 1, 2, proof=True),
        caught_by(timeouts_3_percent_long, check_jittered_timeout, 0.2, 1.8, proof=True),
        caught_by(timeouts_3_percent_long, check_sliding_timeout, 1, 1, 1, proof=True),
        caught_by(timeouts_3_percent_long, check_several_processes, 8, proof=True),
        # Writes end most of these entries: 3% more timeout is 0.8% more hits.
        caught_by(timeouts_3_percent_long, check_key_based, 2, 1, 1, proof=True, length=4),
        caught_by(timeouts_3_percent_long, check_write_through, 1, 1, 1, proof=True),
        caught_by(clock_not_replaced, check_shared_store, 4),
        caught_by(clock_not_replaced, check_timeout_only, 1, 1, 1, proof=True),
        caught_by(clock_not_replaced, check_sliding_timeout, 1, 1, 1, proof=True),
        caught_by(judged_at_the_end, check_overlapping_reads),
    ],
)
def test_a_defect_is_caught(
    mutation: Callable[[Patch], None],
    check: Callable[..., None],
    args: tuple[Any, ...],
    length: int,
    monkeypatch: Patch,
) -> None:
    """The mutated engine disagrees with theory; it does not merely lack power."""
    monkeypatch.setattr(replication, "length", length)
    mutation(monkeypatch)
    with pytest.raises(AssertionError, match="theory says"):
        check(*args)
