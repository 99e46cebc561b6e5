"""The judge on the wall clock: a commit lies between two stamps, and a read that depends on where is undecidable."""

from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewise.sim.verdict.truth import Commits, judge
from cachewise.sim.wall.ledger import Records, Write
from cachewise.sim.wall.outcome import most_at_once, statements_s, writes_of
from cachewise.sim.wall.verdicts import DoubleVerdict, judge_twice, tightened

Judge = Callable[[dict[str, Any], dict[str, Any], int], DoubleVerdict]


def reads(*starts_s: float, version: int = 0, hit: bool = False) -> dict[str, Any]:
    """Return reads of the one key that took no time and returned *version*."""
    count = len(starts_s)
    return {
        "key_code": np.zeros(count, np.int32),
        "start_s": np.array(starts_s),
        "end_s": np.array(starts_s),
        "version": np.full(count, version, np.int32),
        "hit": np.full(count, hit),
    }


def commits(*stamps: tuple[float, float]) -> dict[str, Any]:
    """Return the one key's commits, versions 1, 2 … each between two stamps."""
    before_s, after_s = np.array(stamps).T
    count = len(stamps)
    return {
        "key_code": np.zeros(count, np.int32),
        "version": np.arange(1, count + 1, dtype=np.int32),
        "committed": np.ones(count, np.int8),
        "before_s": before_s,
        "after_s": after_s,
    }


def assert_the_gap_is_undecidable(judged: Judge) -> None:
    """Assert that reads before, within and after a commit's two stamps are fresh, undecidable and stale."""
    found = judged(reads(0.9, 1.05, 1.2), commits((1.0, 1.1)), 1)
    assert found.agreed.stale.tolist() == [False, False, True]
    assert found.undecidable.tolist() == [False, True, False]
    assert found.agreed.stale_age_s[2] == pytest.approx(0.1)


def test_the_gap_is_undecidable() -> None:
    """A read that starts between the two stamps of a commit is neither stale nor fresh: it is counted apart."""
    assert_the_gap_is_undecidable(judge_twice)


@pytest.mark.parametrize("stamp", ["before_s", "after_s"])
def test_one_stamp_is_not_enough(stamp: str) -> None:
    """A judge that trusts either stamp alone fails the test above."""

    def once(reads: dict[str, Any], writes: dict[str, Any], keys: int) -> DoubleVerdict:
        return judge_twice(reads, {**writes, "before_s": writes[stamp], "after_s": writes[stamp]}, keys)

    with pytest.raises(AssertionError):
        assert_the_gap_is_undecidable(once)


def test_a_fresh_load_in_the_gap_is_decided() -> None:
    """What a read in the gap loaded is committed by then, and fresh whenever the commit was."""
    found = judge_twice(reads(1.05, version=1), commits((1.0, 1.1)), 1)
    assert not found.undecidable.any()
    assert not found.agreed.stale.any()
    assert not found.agreed.dirty.any()


def test_whether_a_hit_in_the_gap_is_dirty_is_undecidable() -> None:
    """The newer version came out of the cache: before its commit it is dirty, within it nobody knows, then not."""
    found = judge_twice(reads(0.9, 1.05, 1.2, version=1, hit=True), commits((1.0, 1.1)), 1)
    assert found.agreed.dirty.tolist() == [True, False, False]
    assert found.undecidable.tolist() == [False, True, False]
    assert not found.agreed.stale.any()


def test_versions_commit_in_order() -> None:
    """A late stamp of an older version is narrowed by a newer one's, as row locks keep them in order."""
    before_s, after_s = tightened(
        np.zeros(2, np.int32), np.array([1, 2], np.int32), np.array([1.0, 0.5]), np.array([3.0, 2.0])
    )
    assert before_s.tolist() == [1.0, 1.0]
    assert after_s.tolist() == [2.0, 2.0]


def test_a_late_stamp_does_not_change_the_order() -> None:
    """A thread held up between its COMMIT and the stamp after it: the log still has the commits as they came."""
    older, newer = Write(0, 0, 0, 0.5, 1.0, 3.0, "a", 1), Write(0, 0, 0, 0.5, 1.5, 2.0, "a", 2)
    undone = Write(0, 0, 0, 0.5, nan, nan, "a", 2)
    writes = writes_of([Records(writes=[undone, newer]), Records(writes=[older])], {"a": 0})
    assert writes["version"].tolist() == [1, 2, 2]
    assert writes["committed"].tolist() == [1, 1, 0]
    assert writes["commit_s"][:2].tolist() == [2.0, 2.0]
    assert writes["before_s"][:2].tolist() == [1.0, 1.5]


def test_waiting_for_a_row_is_no_statement() -> None:
    """Asked for while another transaction has it, a row is free once that one has committed: only then time counts."""
    waited = [
        Write(0, 0, asked_s=1.0, done_s=1.5, before_s=4.0, after_s=4.25, key="a", version=1),
        Write(0, 0, asked_s=2.0, done_s=4.5, before_s=5.0, after_s=5.5, key="a", version=2),
        Write(0, 0, asked_s=2.0, done_s=2.125, before_s=3.0, after_s=3.5, key="b", version=1),
        Write(0, 0, asked_s=9.0, done_s=9.0625, before_s=9.5, after_s=9.5, key="a", version=3),
        Write(0, 0, asked_s=2.0, done_s=9.0, before_s=nan, after_s=nan, key="b", version=2),
    ]
    found = statements_s(writes_of([Records(writes=waited)], {"a": 0, "b": 1}), warmup_s=0)
    assert sorted(found) == [0.0625, 0.125, 0.25, 0.5]
    assert len(statements_s(writes_of([Records(writes=waited)], {"a": 0, "b": 1}), warmup_s=1)) == 0


def test_a_row_of_its_own_or_with_a_late_stamp() -> None:
    """A transaction does not wait for itself; of a row that was free later than it was written nothing is known."""
    twice = [
        Write(0, 1, asked_s=1.0, done_s=1.5, before_s=4.0, after_s=4.25, key="a", version=1),
        Write(0, 1, asked_s=2.0, done_s=2.25, before_s=4.0, after_s=4.25, key="a", version=2),
        Write(0, 0, asked_s=1.0, done_s=1.125, before_s=1.5, after_s=9.0, key="b", version=1),
        Write(0, 2, asked_s=2.0, done_s=2.5, before_s=3.0, after_s=3.5, key="b", version=2),
    ]
    found = statements_s(writes_of([Records(writes=twice)], {"a": 0, "b": 1}), warmup_s=0)
    assert sorted(found) == [0.125, 0.25, 0.5]


def test_rolled_back_writes_do_not_count() -> None:
    """A write that was rolled back outdates nothing."""
    writes = commits((1.0, 1.1))
    writes["committed"] = np.zeros(1, np.int8)
    assert not judge_twice(reads(2.0), writes, 1).agreed.stale.any()


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.integers(0, 5), st.integers(0, 2), st.floats(0, 1)), min_size=1, max_size=12
    ),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=20),
)
def test_what_is_decided_is_right(
    history: list[tuple[int, int, int, float]], asked: list[tuple[int, int, int]]
) -> None:
    """Wherever between its stamps each commit really was, a read that is not undecidable has its true verdict."""
    at_s, issued, rows = [0.0] * 3, [0] * 3, []
    for gap, width, key, where in history:
        # A key's commits come in order; each lies somewhere between its stamps.
        true_s = at_s[key] + gap + 0.5
        at_s[key], issued[key] = true_s, issued[key] + 1
        rows.append((key, issued[key], true_s - where * width, true_s, true_s + (1 - where) * width))
    key_code, version, before_s, true_s, after_s = (np.array(column) for column in zip(*rows, strict=True))
    key_code, version = key_code.astype(np.int32), version.astype(np.int32)
    before_s, after_s = tightened(key_code, version, before_s, after_s)
    starts, keys, versions = (np.array(column) for column in zip(*asked, strict=True))
    read = {
        "key_code": keys.astype(np.int32),
        "start_s": starts.astype(float),
        "end_s": starts.astype(float),
        "version": versions.astype(np.int32),
        "hit": np.ones(len(asked), np.bool_),
    }
    writes = {"key_code": key_code, "version": version, "committed": np.ones(len(rows), np.int8)}
    found = judge_twice(read, {**writes, "before_s": before_s, "after_s": after_s}, 3)
    truth = judge(
        read["key_code"],
        read["start_s"],
        read["end_s"],
        read["version"],
        Commits.of(key_code, true_s, version, 3),
    )
    decided = ~found.undecidable
    assert (found.agreed.stale[decided] == truth.stale[decided]).all()
    assert (found.agreed.dirty[decided] == truth.dirty[decided]).all()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=30))
def test_most_at_once(spans: list[tuple[int, int]]) -> None:
    """The most intervals under way at once are those counted one instant after the other."""
    intervals = np.array([(start, start + length) for start, length in spans], float).reshape(-1, 2)
    counted = [int(((intervals[:, 0] <= at) & (at < intervals[:, 1])).sum()) for at in np.arange(0, 42, 0.5)]
    assert most_at_once(intervals) == max(counted)
