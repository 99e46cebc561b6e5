"""Every verdict against a brute-force oracle: on real runs, and on histories that Hypothesis makes up."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachewise import Result, Scenario, Site
from cachewise.sim.verdict.truth import Commits, Verdicts, judge
from cachewise.strategies import DeleteInTransaction, DeleteOnWrite, TtlOnly, Versioning, WriteThrough
from tests.helpers import STORING, Custom, run
from tests.sim.verdict.oracle import Commit, Judged, Read, judged

BUSY = Scenario(
    "busy",
    keys=8,
    reads_per_s=60,
    writes_per_s=12,
    duration_s=20,
    warmup_s=5,
    cache_rtt_s="exponential:0.004",
    db_read_s="lognormal:0.02:1",
    db_commit_s="uniform:0:0.02",
    transaction_tail_s="exponential:0.1",
    workers=3,
    threads=2,
)


class BoomError(Exception):
    """What rolls a transaction back."""


def _reckless(site: Site, key: str) -> None:
    """Store the row before the commit, and roll back every now and then: dirty and aborted reads."""
    try:
        with site.db.atomic():
            row = site.db.write(key)
            site.cache.set(key, row)
            if site.random.random() < 0.3:
                raise BoomError
    except BoomError:
        pass


RECKLESS = Custom(TtlOnly(timeout=3).read, _reckless)


@pytest.mark.parametrize("backend", STORING)
@pytest.mark.parametrize(
    "strategy",
    [TtlOnly(timeout=2), DeleteInTransaction(), DeleteOnWrite(), WriteThrough(timeout=5), Versioning(), RECKLESS],
    ids=["ttl-only", "delete-in-transaction", "delete-on-write", "write-through", "versioning", "reckless"],
)
def test_every_read_of_real_runs(strategy: Any, backend: str) -> None:
    """The frames `reads` and `writes` alone give, read by read, the verdicts that the frame holds."""
    result = run(BUSY, strategy, backend=backend, seed=7)
    expected = _recomputed(result)
    reads, summary = result.reads, result.summary
    assert reads["latest_version"].tolist() == [truth.latest_version for truth in expected]
    assert reads["stale"].tolist() == [truth.stale for truth in expected]
    assert reads["versions_behind"].tolist() == [truth.versions_behind for truth in expected]
    np.testing.assert_array_equal(reads["stale_age_s"], [truth.stale_age_s for truth in expected])
    for part in ("stale", "dirty", "aborted"):
        assert reads[part].tolist() == [getattr(truth, part) for truth in expected]
        assert summary[f"{part}_ratio"] == pytest.approx(np.mean([getattr(truth, part) for truth in expected]))
    wrong = [truth.stale or truth.dirty or truth.aborted for truth in expected]
    assert summary["wrong_ratio"] == pytest.approx(np.mean(wrong))
    assert summary["wrong_reads_per_day"] == pytest.approx(sum(wrong) / BUSY.duration_s * 86_400)
    assert summary["writes"] + summary["writes_rolled_back"] == (result.writes["arrival_s"] >= BUSY.warmup_s).sum()
    if strategy is RECKLESS:
        assert min(reads[part].sum() for part in ("dirty", "aborted")) > 0
        assert summary["writes_rolled_back"] > 0


def _recomputed(result: Result) -> list[Judged]:
    done = result.writes[result.writes["committed"]]
    commits = [Commit(*row) for row in zip(done["key"], done["commit_s"], done["version"], strict=True)]
    frame = result.reads
    reads = [Read(*row) for row in zip(frame["key"], frame["start_s"], frame["end_s"], frame["version"], strict=True)]
    return [judged(read, commits) for read in reads]


# Times lie on a coarse grid, so that reads begin and end at the very instants of commits.
GRID = st.integers(0, 12).map(lambda step: step / 4)
# Per key: gaps between commits (0: one transaction writes twice) and between versions (above 1: a rolled-back one).
HISTORY = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3)), max_size=6)
READS = st.lists(st.tuples(st.integers(0, 2), GRID, GRID, st.integers(0, 12)), max_size=12)


@settings(max_examples=500)
@given(st.lists(HISTORY, min_size=3, max_size=3), READS, st.randoms(use_true_random=False))
def test_every_read_of_made_up_histories(
    histories: list[list[tuple[int, int]]], reads: list[tuple[int, float, float, int]], rng: Any
) -> None:
    """Ties, gaps, unread keys, versions from the future or never committed: the same verdicts as by brute force."""
    commits = []
    for key, history in enumerate(histories):
        at_s, version = 0.0, 0
        for gap, step in history:
            at_s, version = at_s + gap / 4, version + step
            commits.append(Commit(str(key), at_s, version))
    rng.shuffle(commits)  # the log is in the order of the statements, not of the commits
    asked = [Read(str(key), start_s, start_s + took_s, version) for key, start_s, took_s, version in reads]
    found = _judged_by_sim(asked, commits)
    for place, read in enumerate(asked):
        truth = judged(read, commits)
        assert found.latest_version[place] == truth.latest_version
        assert found.stale[place] == truth.stale
        np.testing.assert_equal(found.stale_age_s[place], truth.stale_age_s)
        assert found.versions_behind[place] == truth.versions_behind
        assert found.dirty[place] == truth.dirty
        assert found.aborted[place] == truth.aborted
        assert found.wrong[place] == found.stale[place] + found.dirty[place] + found.aborted[place], "one way at most"


def _judged_by_sim(reads: list[Read], commits: list[Commit]) -> Verdicts:
    history = Commits.of(
        np.array([int(commit.key) for commit in commits], np.int32),
        np.array([commit.commit_s for commit in commits], np.float64),
        np.array([commit.version for commit in commits], np.int32),
        keys=3,
    )
    return judge(
        np.array([int(read.key) for read in reads], np.int32),
        np.array([read.start_s for read in reads], np.float64),
        np.array([read.end_s for read in reads], np.float64),
        np.array([read.version for read in reads], np.int32),
        history,
    )


def test_a_read_is_wrong_in_one_way_at_most() -> None:
    """What was never committed is not outdated by what came after it; what is committed later is dirty until then."""
    commits = [Commit("0", 1.0, 1), Commit("0", 5.0, 3)]  # version 2 was rolled back
    asked = [
        Read("0", 2.0, 2.0, 0),  # superseded by 1
        Read("0", 2.0, 2.0, 1),
        Read("0", 2.0, 2.0, 2),
        Read("0", 6.0, 6.0, 2),  # and by now there is a newer one
        Read("0", 4.0, 4.5, 3),
        Read("0", 4.0, 5.0, 3),  # committed by the time it was returned
        Read("1", 2.0, 2.0, 1),  # a key without a commit
    ]
    found = _judged_by_sim(asked, commits)
    assert found.stale.tolist() == [True, False, False, False, False, False, False]
    assert found.aborted.tolist() == [False, False, True, True, False, False, True]
    assert found.dirty.tolist() == [False, False, False, False, True, False, False]
    assert np.isnan(found.stale_age_s[1:]).all()
    assert found.versions_behind.tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_a_read_that_began_at_the_commit_is_not_stale() -> None:
    """Superseded *before* the read began means strictly before."""
    commits = [Commit("0", 1.0, 1)]
    verdicts = _judged_by_sim([Read("0", 1.0, 1.0, 0), Read("0", np.nextafter(1.0, 2), 2.0, 0)], commits)
    assert verdicts.stale.tolist() == [False, True]
    assert verdicts.latest_version.tolist() == [0, 1]
