"""Reads and writes that are let go while a run goes on give the figures that they give when all are kept."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cachewise import Result, Row, Scenario, Site, UserError
from cachewise.sim.experiment import outcome_of
from cachewise.sim.verdict import records, reduction, truth, writes
from cachewise.sim.verdict.histogram import Histogram
from cachewise.sim.verdict.metrics import MACHINE_METRICS
from cachewise.sim.world import workload
from cachewise.strategies import DeleteOnWrite, KeyBased, TtlOnly, WriteThrough, WriteThroughInTransaction
from tests.helpers import Custom, run

# Long transactions that are often rolled back, on few keys: what a read returned is often decided much later.
BUSY = Scenario(
    "busy",
    keys=8,
    reads_per_s=60,
    writes_per_s=8,
    duration_s=40,
    warmup_s=5,
    cache_rtt_s="exponential:0.004",
    db_read_s="lognormal:0.02:1",
    db_commit_s="uniform:0:0.02",
    transaction_tail_s="exponential:0.5",
    workers=3,
    rollback_ratio=0.3,
)
FEW_THREADS = replace(BUSY, threads=2, db_connections=3, arrivals="bursts:5:0.2:3")
ESTIMATED = ("stale_age_p50_s", "stale_age_p99_s", "response_p50_s", "response_p99_s")


def _behind(site: Site, key: str) -> None:
    """Set the row inside the transaction, undo a part of it, and write once more behind the request's back."""
    with site.db.atomic():
        site.cache.set(key, site.db.write(key))
        try:
            with site.db.atomic():
                site.cache.set(key, site.db.write(key))
                if site.random.random() < 0.5:
                    raise KeyError
        except KeyError:
            site.sleep(0.2)
    site.spawn(lambda: site.cache.set(key, site.db.write(key)), after_s=0.3)


def _foretold(site: Site, key: str) -> Row:
    """Return a version that nobody has written yet, now and then."""
    row = site.db.read(key)
    return row._replace(version=row.version + 1) if site.random.random() < 0.3 else row


RUNS: dict[str, tuple[Scenario, Any]] = {
    "ttl": (FEW_THREADS, TtlOnly(timeout=3)),
    "delete": (FEW_THREADS, DeleteOnWrite()),
    "through": (BUSY, WriteThrough(timeout=5)),
    "in transaction": (BUSY, WriteThroughInTransaction(timeout=20)),
    "key-based": (FEW_THREADS, KeyBased()),
    "behind": (BUSY, Custom(TtlOnly(timeout=3).read, _behind)),
    "foretold": (BUSY, Custom(_foretold)),
}
OFTEN = ("in transaction", "behind")  # what can still change: the others, which take as long, are among the proofs
each_run = pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[] if case in OFTEN else [pytest.mark.proof]) for case in RUNS]
)
Shrink = Callable[..., None]


@pytest.fixture
def shrink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shrink]:
    """Return a function that keeps only so many reads and writes, and lets go of small batches."""
    monkeypatch.setattr(truth.History, "BLOCK", 4)
    monkeypatch.setattr(truth.History, "SLAB_BLOCKS", 3)

    def to(reads: int, batch: int = 64, written: int = 10**9) -> None:
        monkeypatch.setattr(records, "MOST_KEPT_READS", reads)
        monkeypatch.setattr(records, "BATCH_READS", batch)
        monkeypatch.setattr(writes, "MOST_KEPT_WRITES", written)

    monkeypatch.setattr(workload, "CHUNK_REQUESTS", 50)
    return to


def _played(case: str, **options: Any) -> Result:
    scenario, strategy = RUNS[case]
    return run(scenario, strategy, backend="locmem", seed=7, **options)


def _assert_same(found: Result, exact: Result) -> None:
    for name, value in exact.summary.items():
        if name in ESTIMATED:
            assert found.summary[name] == pytest.approx(value, rel=0.001, nan_ok=True), name
        elif name not in MACHINE_METRICS:
            np.testing.assert_equal(found.summary[name], value, name)
    ours, theirs = outcome_of(found), outcome_of(exact)
    assert ours.counts == theirs.counts
    np.testing.assert_array_equal(ours.reads_per_s, theirs.reads_per_s)
    np.testing.assert_array_equal(ours.db_queries_per_s, theirs.db_queries_per_s)
    np.testing.assert_allclose(ours.stale_age_quantiles_s, theirs.stale_age_quantiles_s, rtol=0.001)


@each_run
def test_the_same_figures(case: str, shrink: Shrink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts and loads bit by bit, quantiles within 0.1%, whether reads, writes or both are let go, and since when."""
    shrink(10**9)
    exact = _played(case)
    assert (exact.summary["wrong_ratio"] > 0) == (case != "key-based")
    for limits in ((100,), (1000, 7), (1, 300, 1), (0, 1, 40), (10**9, 64, 40)):
        shrink(*limits)
        summaries = []
        for surely in (0, 10**6):  # what is let go goes once there is too much, or from the beginning
            monkeypatch.setattr(workload.Stream, "surely_from", lambda _stream, _from_s, surely=surely: surely)
            found = _played(case)
            _assert_same(found, exact)
            summaries.append({name: value for name, value in found.summary.items() if name not in MACHINE_METRICS})
        np.testing.assert_equal(*summaries)


def test_only_the_writes_are_let_go(shrink: Shrink) -> None:
    """Reads that are all there are judged by the commits that were taken down."""
    exact = _played("behind")
    shrink(10**9, written=50)
    found = _played("behind")
    _assert_same(found, exact)
    pd.testing.assert_frame_equal(found.reads, exact.reads)
    with pytest.raises(UserError, match=r"had [\d,]+ writes"):
        found.writes  # noqa: B018


@pytest.mark.parametrize("case", ["in transaction", "behind", "foretold"])
def test_let_go_too_early(case: str, shrink: Shrink, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read whose version can still be committed, taken for one that never was: the comparison finds it."""
    exact = _played(case)
    shrink(100)
    monkeypatch.setattr(reduction.Reduction, "_undecided", lambda _self, _columns, verdicts: verdicts.aborted & False)
    with pytest.raises(AssertionError):
        _assert_same(_played(case), exact)


def test_exact_up_to_the_limit(shrink: Shrink) -> None:
    """At the limit all is as it was; one read more, and the reads are gone."""
    exact = _played("ttl")
    shrink(len(exact.reads))
    pd.testing.assert_frame_equal(_played("ttl").reads, exact.reads)
    shrink(len(exact.reads) - 1)
    found = _played("ttl")
    assert (len(exact.notes), len(found.notes)) == (1, 2)  # it is said that quantiles are estimates
    for attribute in ("reads", "stale_ages_s", "query_started_s"):
        with pytest.raises(UserError, match=r"had [\d,]+ reads.*keep_reads=PATH .* --keep-reads"):
            getattr(found, attribute)


@pytest.mark.parametrize(("arrivals", "kept"), [("poisson", 0), ("bursts:2:0.5:0.5", 1000)])
def test_memory_is_used_again(arrivals: str, kept: int, shrink: Shrink, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many reads there are, the log is as long as a batch and what is under way.

    Where so many are sure to come, it never is longer; elsewhere it first grows to the limit. So does that of writes.
    """
    shrink(1000, 64, 1000)
    longest: list[int] = []
    written: list[int] = []
    extend = records.ReadLog.extend

    def watched(log: records.ReadLog, *columns: Any) -> Any:
        rows = extend(log, *columns)
        longest.append(len(log.start_s))
        return rows

    append = writes.WriteLog.append

    def noted(log: writes.WriteLog, *columns: Any) -> int:
        place = append(log, *columns)
        written.append(place + 1)
        return place

    monkeypatch.setattr(records.ReadLog, "extend", watched)
    monkeypatch.setattr(writes.WriteLog, "append", noted)
    run(replace(BUSY, duration_s=200, arrivals=arrivals), TtlOnly(timeout=3), seed=7)
    assert kept - 50 <= max(longest) <= max(kept + 1, 300)
    assert longest[-1] < 300
    assert (max(written), written[-1]) == (kept, 0)


@pytest.mark.parametrize("limit", [0, 1000, 10**9])
@pytest.mark.parametrize("case", ["ttl", "behind"])
def test_reads_in_a_file(case: str, limit: int, shrink: Shrink, tmp_path: Path) -> None:
    """Kept in a file they are the same reads, in order of arrival, and their figures are what they were."""
    exact = _played(case)
    shrink(limit, 64, 100 if limit == 0 else 10**9)
    path = tmp_path / "folder" / "reads.parquet"
    found = _played(case, keep_reads=path)
    pd.testing.assert_frame_equal(found.reads, exact.reads)
    _assert_same(found, exact)
    assert sorted(pd.read_parquet(path)["number"]) == list(range(len(exact.reads)))
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_that_was_not_finished(shrink: Shrink, tmp_path: Path) -> None:
    """A run that fails leaves nothing; what was there before stays. A file that is gone is said."""
    shrink(100)
    path = tmp_path / "new" / "reads.parquet"

    def fail(site: Site, key: str) -> Row:
        if site.time() > 30:
            raise KeyError(key)
        return site.db.read(key)

    with pytest.raises(KeyError):
        run(BUSY, Custom(fail), keep_reads=path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match=r"cannot write the reads to 'reads\.parquet'"):
        run(BUSY, TtlOnly(), keep_reads=tmp_path / "file" / "reads.parquet")
    with pytest.raises(UserError, match="it is a folder"):
        run(BUSY, TtlOnly(), keep_reads=tmp_path)
    result = run(BUSY, TtlOnly(), keep_reads=path)
    path.unlink()
    with pytest.raises(UserError, match=r"kept in '.*reads\.parquet'"):
        result.reads  # noqa: B018


def test_quantiles() -> None:
    """Of numbers of any size, added in pieces, they are within 0.05% of numpy's; zero, least and largest are exact."""
    rng = np.random.default_rng(1)
    values = np.concatenate([np.zeros(50), rng.lognormal(-3, 4, 5000), rng.exponential(1e-9, 50), [1e9]])
    shares = np.linspace(0, 1, 401)
    histogram = Histogram()
    assert np.isnan(histogram.quantiles([0.5])).all()
    for piece in np.array_split(rng.permutation(values), 7):
        histogram.add(piece)
    found = histogram.quantiles(shares)
    np.testing.assert_allclose(found, np.quantile(values, shares), rtol=0.0005)
    assert found[0] == 0
    assert found[-1] == 1e9
