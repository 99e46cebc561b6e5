"""Write requests that fail where they would commit: what comes of them, and that nothing else in the run moves."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cachewise import RollbackError, Row, Scenario, Site
from cachewise.strategies import STRATEGIES, DeleteOnWrite, TtlOnly, WriteThrough, WriteThroughInTransaction
from tests.helpers import STORING, Custom, rows, run, script

BUSY = Scenario("busy", keys=5, reads_per_s=60, writes_per_s=20, duration_s=20, warmup_s=2, transaction_tail_s=0.02)
WRITE = ("arrival_s", "commit_s", "version", "committed")
LOAD = TtlOnly(timeout=None).read


def set_inside(site: Site, key: str) -> None:
    """Store the row before the commit, as many projects do."""
    with site.db.atomic():
        site.cache.set(key, site.db.write(key), None)


def always(steps: list[tuple[float, str, str]], folder: Path, **settings: Any) -> Scenario:
    """Return a script whose writes are all rolled back."""
    return script(folder, steps, rollback_ratio=1, **settings)


STEPS = [(0.0, "read", "k"), (1.0, "write", "k"), (1.5, "read", "k"), (4.0, "read", "k")]


@pytest.mark.parametrize("backend", STORING)
def test_a_rolled_back_set(tmp_path: Path, backend: str) -> None:
    """The incident: what was set inside `atomic` stays in the cache though the row never was. It is no perfect run."""
    result = run(always(STEPS, tmp_path), Custom(LOAD, set_inside), backend=backend)
    reads, summary = result.reads, result.summary
    assert rows(reads, "version", "latest_version", "stale", "aborted")[1:] == [(1, 0, False, True)] * 2
    assert (summary["wrong_ratio"], summary["aborted_ratio"], summary["stale_ratio"]) == (2 / 3, 2 / 3, 0)
    assert summary["keys_left_wrong"] == 1
    assert (summary["writes"], summary["writes_rolled_back"]) == (0, 1)


def test_a_row_that_never_was_lives_until_the_timeout(tmp_path: Path) -> None:
    """Set inside `atomic` and rolled back, it is served until its timeout, or until a later write stores another."""
    steps = [(0.0, "read", "k"), (1.0, "write", "k"), (5.5, "read", "k"), (6.5, "read", "k")]
    reads = run(always(steps, tmp_path), WriteThroughInTransaction(timeout=5)).reads
    assert rows(reads, "hit", "version", "aborted")[1:] == [(True, 1, True), (False, 0, False)]


def test_it_fails_where_it_would_commit(tmp_path: Path) -> None:
    """The tail passes, the commit does not; until then the row is locked, and what was on_commit never happens."""
    called: list[str] = []

    def write(site: Site, key: str) -> None:
        with site.db.atomic():
            row = site.db.write(key)
            site.db.on_commit(lambda: called.append("hook"))
            assert site.db.read(key) == row, "its own row, within"
        called.append("after")

    steps = [(0.0, "read", "k"), (1.0, "write", "k"), (1.25, "write", "k"), (9.0, "read", "k")]
    scenario = always(steps, tmp_path, transaction_tail_s=1, db_commit_s=4, db_write_s=0.5)
    result = run(scenario, Custom(writer=write))
    assert called == []
    assert result.writes["version"].tolist() == [1, 2], "no number is given out twice"
    assert not result.writes["committed"].any()
    # The first one is rolled back at 1 + 0.5 + 1, the second one has its row from then on.
    assert result.reads["version"].tolist() == [0, 0]
    assert result.summary["keys_left_wrong"] == 0


def test_the_next_writer_has_waited_for_the_lock(tmp_path: Path) -> None:
    """A transaction that is rolled back holds its row until then."""
    at_s: list[float] = []

    def write(site: Site, key: str) -> None:
        with site.db.atomic():
            site.db.write(key)
            at_s.append(site.time())

    steps = [(0.0, "read", "k"), (1.0, "write", "k"), (1.25, "write", "k")]
    run(always(steps, tmp_path, transaction_tail_s=1), Custom(writer=write))
    assert at_s == [1.0, 2.0]


def test_outside_atomic_the_statement_fails(tmp_path: Path) -> None:
    """A write that commits by itself fails after its time, and what follows it does not run."""
    called: list[float] = []

    def write(site: Site, key: str) -> None:
        try:
            site.db.write(key)
        finally:
            called.append(site.time())
        called.append(-1)

    result = run(always(STEPS, tmp_path, db_write_s=0.25), Custom(writer=write))
    assert called == [1.25]
    assert result.reads["version"].tolist() == [0, 0, 0]


def test_only_the_outermost_block_fails(tmp_path: Path) -> None:
    """A savepoint ends as ever; the transaction around it is what is rolled back."""
    seen: list[str] = []

    def write(site: Site, key: str) -> None:
        with site.db.atomic():
            with site.db.atomic():
                site.db.write(key)
            seen.append("savepoint released")

    result = run(always(STEPS, tmp_path), Custom(writer=write))
    assert seen == ["savepoint released"]
    assert not result.writes["committed"].any()


def test_whoever_catches_it_may_try_again(tmp_path: Path) -> None:
    """It is raised once a request: a second try is committed, and then the request has not failed at all."""

    def write(site: Site, key: str) -> None:
        try:
            set_inside(site, key)
        except RollbackError:
            set_inside(site, key)

    result = run(always(STEPS, tmp_path), Custom(LOAD, write))
    assert rows(result.writes, *WRITE)[1] == (1.0, 1.0, 2, True)
    assert result.reads["version"].tolist() == [0, 2, 2]
    assert result.summary["wrong_ratio"] == 0


def test_an_error_of_its_own_made_of_it_is_one_too(tmp_path: Path) -> None:
    """Raised from it, or while it is handled, it fails the request; any other is a mistake and ends the run."""

    def wrapped(site: Site, key: str) -> None:
        try:
            set_inside(site, key)
        except RollbackError as error:
            raise LookupError("the service is sorry") from error

    def usual(site: Site, key: str) -> None:
        try:
            wrapped(site, key)
        except Exception:  # noqa: BLE001 - as much of Django code has it
            raise RuntimeError("the order could not be saved")  # noqa: B904 - so has it

    def clumsy(site: Site, key: str) -> None:
        with contextlib.suppress(RollbackError):
            set_inside(site, key)
        raise LookupError("a typing error behind the handler")

    for sorry in (wrapped, usual):
        assert run(always(STEPS, tmp_path), Custom(LOAD, sorry)).summary["writes_rolled_back"] == 1
    with pytest.raises(LookupError, match="typing error"):
        run(always(STEPS, tmp_path), Custom(LOAD, clumsy))


def test_a_read_that_writes_is_left_alone(tmp_path: Path) -> None:
    """Only write requests are chosen: what a read does to the database is committed, and so is background work."""

    def read(site: Site, key: str) -> Row:
        set_inside(site, key)
        return site.db.read(key)

    def write(site: Site, key: str) -> None:
        site.spawn(lambda: set_inside(site, key))

    writes = run(always(STEPS, tmp_path), Custom(read, write)).writes
    assert set(writes["arrival_s"]) >= {0, 1, 1.5, 4}
    assert writes["committed"].all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_survives(name: str) -> None:
    """A tenth of the writes fails under every strategy, no other request does, and only the committed ones count."""
    backend = "django-redis" if name == "delete-pattern" else "shared"
    result, plain = (
        run(replace(BUSY, rollback_ratio=ratio), STRATEGIES[name](), backend=backend, seed=5) for ratio in (0.1, 0)
    )
    summary, requests = result.summary, plain.counts()["requests"]
    assert result.counts()["requests"] == requests
    assert summary["writes"] + summary["writes_rolled_back"] == plain.summary["writes"]
    assert 0.05 < summary["writes_rolled_back"] / plain.summary["writes"] < 0.15
    assert result.reads["arrival_s"].tolist() == plain.reads["arrival_s"].tolist()
    assert (summary["aborted_ratio"] > 0) == (name == "write-through-in-transaction")


def test_the_others_meet_what_they_would_have_met() -> None:
    """Without a cache the reads take what they take without rollbacks: no latency is drawn otherwise."""
    never = Custom()
    ours, theirs = (run(replace(BUSY, rollback_ratio=ratio), never, seed=2).reads for ratio in (0.3, 0))
    assert ours["end_s"].tolist() == theirs["end_s"].tolist()
    assert ours["version"].tolist() != theirs["version"].tolist()


def test_what_is_set_after_the_commit_is_never_aborted() -> None:
    """`on_commit` is the cure: with a third of the writes rolled back, no read is of a row that never was."""
    for strategy in (WriteThrough(), DeleteOnWrite()):
        summary = run(replace(BUSY, rollback_ratio=0.3), strategy).summary
        assert (summary["aborted_ratio"], summary["dirty_ratio"]) == (0, 0)
