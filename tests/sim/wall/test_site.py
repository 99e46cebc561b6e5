"""The site on the wall clock: the very strategies in real processes, and books that agree with the table."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cachewise import UserError
from cachewise.sim.backends import Place
from cachewise.sim.wall import run as wall_run
from cachewise.sim.wall.ledger import Ledger
from cachewise.sim.wall.outcome import WallResult
from cachewise.sim.wall.run import LEAD_S, MOST_THREADS, Around, _first_instant_s, can_be_real
from cachewise.strategies import STRATEGIES, NoCache, Oracle, TtlOnly, Versioning, WriteThroughInTransaction
from tests.helpers import SERVERS, run
from tests.sim.wall.tools import (
    BRIEF,
    Broken,
    CachedBeforeSlowCommits,
    CachedTooEarly,
    CommittedInTurn,
    Delayed,
    DeletedInTurn,
    Doomed,
    Hanging,
    InAThread,
    Plain,
    Silent,
    Spawning,
    StoredTooLate,
    Undecided,
    Unsendable,
    real,
    timed_script,
)
from tests.strategies.test_conformance import BEFORE_THE_COMMIT

TWO = replace(BRIEF, workers=2)
REAL = [name for name, strategy in STRATEGIES.items() if not getattr(strategy, "needs", ())]


def committed(result: WallResult) -> dict[str, list[int]]:
    """Return the versions that were committed, by key, in the order of their commits."""
    writes = result.writes[result.writes["committed"]]
    return {str(key): group["version"].tolist() for key, group in writes.groupby("key", observed=True)}


@pytest.mark.parametrize("name", REAL)
def test_every_strategy_runs_as_it_is(name: str) -> None:
    """No request fails, every read is judged, and each key's commits are versions 1, 2, 3 … without a gap.

    That the newest of them is what the table holds is checked by every real run itself.
    """
    result = real(BRIEF, STRATEGIES[name]())
    assert not result.errors
    assert result.summary["reads"] == run(BRIEF, STRATEGIES[name](), backend="locmem", seed=1).summary["reads"]
    assert result.summary["writes"] > 10
    assert all(versions == list(range(1, len(versions) + 1)) for versions in committed(result).values())
    assert result.summary["aborted_ratio"] == 0
    assert name in BEFORE_THE_COMMIT or result.summary["dirty_ratio"] == 0


def test_only_the_oracle_stays_behind() -> None:
    """What needs the cache that cannot exist is refused, and nothing else is."""
    assert {name for name, strategy in STRATEGIES.items() if not can_be_real(strategy())} == {"oracle"}
    with pytest.raises(UserError, match=r"'oracle' uses site.ideal, which runs in the simulation only"):
        real(BRIEF, Oracle())


def test_who_does_not_say_so_is_found_out() -> None:
    """A strategy that uses the ideal cache undeclared ends the run with a line, not with failed requests."""
    with pytest.raises(UserError, match=r'site.ideal is in the simulation only.*needs = \("ideal",\)'):
        real(BRIEF, Silent())


def test_same_traffic_as_simulated() -> None:
    """With the same seed a real run serves the very requests of the simulation: arrivals, keys and workers."""
    ours, theirs = real(TWO, TtlOnly(2), seed=7), run(TWO, TtlOnly(2), backend="locmem", seed=7)
    for column in ("arrival_s", "key", "worker"):
        assert ours.reads[column].tolist() == theirs.reads[column].tolist()
        written = [sorted(zip(one.writes["arrival_s"], one.writes[column], strict=True)) for one in (ours, theirs)]
        assert written[0] == written[1]


def test_no_request_starts_before_its_time() -> None:
    """A thread takes a request at its intended time or later, and how much later is reported."""
    result = real(replace(BRIEF, warmup_s=0), Plain())
    late_s = (result.reads["start_s"] - result.reads["arrival_s"]).to_numpy()
    latest_s = max(late_s.max(), (result.writes["start_s"] - result.writes["arrival_s"]).max())
    assert (late_s >= 0).all()
    assert 0 < result.summary["late_p99_s"] <= result.summary["late_max_s"] <= latest_s + 1e-9
    assert (result.reads["end_s"] - result.reads["start_s"] >= BRIEF.db_read_s).all()


def test_a_run_begins_with_a_second() -> None:
    """Its first instant is a whole second of the clock by which a cache without a server of its own expires."""
    before_s = time.monotonic()
    first_s = _first_instant_s(Place(""))
    assert before_s + LEAD_S <= first_s <= time.monotonic() + LEAD_S + 1
    # Between two looks at one clock a busy machine can do anything: of several tries the best one tells.
    assert min(off_a_second(first_s) for _ in range(20)) < 0.001


def off_a_second(instant_s: float) -> float:
    """Return how far *instant_s* (of the monotonic clock) is from a whole second of the machine's."""
    shown_s = instant_s - time.monotonic() + time.time()
    return abs(shown_s - round(shown_s))


def test_rolled_back_writes_are_no_commits() -> None:
    """What a savepoint or a transaction undoes is logged, but not as committed, and its number is not used again."""
    scenario = replace(BRIEF, keys=3, reads_per_s=10, writes_per_s=60, transaction_tail_s=0)
    result = real(scenario, Undecided())
    assert not result.errors
    versions = committed(result)
    assert set(versions) == {"key:0", "key:2"}
    lost = result.writes[~result.writes["committed"]]
    assert set(lost["key"]) == {"key:0", "key:1", "key:2"}
    assert np.isnan(lost["commit_s"]).all()
    for key, group in result.writes.groupby("key", observed=True):
        assert sorted(group["version"]) == list(range(1, len(group) + 1)), f"each number of {key} is given out once"


def test_a_savepoint_is_rolled_back_without_a_word() -> None:
    """As Django does where a block within has doomed it: the books agree with the table, in the simulation too."""
    scenario = replace(BRIEF, keys=4, reads_per_s=10, transaction_tail_s=0)
    ours, theirs = real(scenario, Doomed()), run(scenario, Doomed(), backend="locmem")
    assert not ours.errors
    for result in (ours, theirs):
        assert set(committed(result)) == {"key:0", "key:3"}
        assert set(result.writes.loc[~result.writes["committed"], "key"]) == {"key:1", "key:2"}


def test_what_was_rolled_back_stays_aborted() -> None:
    """A cached row whose transaction failed is aborted for good: no later commit has its number."""
    scenario = replace(BRIEF, transaction_tail_s=0)
    ours, theirs = real(scenario, CachedTooEarly()), run(scenario, CachedTooEarly(), backend="locmem")
    assert 0.2 < ours.summary["aborted_ratio"] < 0.8
    assert 0.2 < theirs.summary["aborted_ratio"] < 0.8
    assert min(ours.summary["keys_left_wrong"], theirs.summary["keys_left_wrong"]) > 0


@pytest.mark.servers
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_the_same_writes_are_rolled_back_for_real(database: str) -> None:
    """`rollback_ratio` rolls real transactions back, of the very requests as in the simulation, and is no error."""
    scenario = replace(BRIEF, transaction_tail_s=0, rollback_ratio=0.3)
    ours, theirs = (
        real(scenario, WriteThroughInTransaction(60), around=Around(database)),
        run(scenario, WriteThroughInTransaction(60), seed=1),
    )
    assert not ours.errors
    lost = [set(one.writes.loc[~one.writes["committed"], "arrival_s"]) for one in (ours, theirs)]
    assert lost[0] == lost[1]
    assert ours.summary["writes_rolled_back"] == theirs.summary["writes_rolled_back"] > 0
    assert ours.summary["writes"] == theirs.summary["writes"] > 0
    assert min(ours.summary["aborted_ratio"], theirs.summary["aborted_ratio"]) > 0.1
    requests, lasted_s = ours.counts()["requests"], max(ours.reads["end_s"].max(), scenario.end_s) - scenario.warmup_s
    answered = requests - ours.summary["writes_rolled_back"]
    assert ours.summary["throughput_per_s"] == pytest.approx(answered / lasted_s)


def test_keys_that_were_never_committed_are_looked_at() -> None:
    """Where every write is rolled back, every cached row is left wrong, though no key has a version in the table."""
    scenario = replace(BRIEF, transaction_tail_s=0, rollback_ratio=1)
    ours, theirs = (
        real(scenario, WriteThroughInTransaction(60)),
        run(scenario, WriteThroughInTransaction(60), backend="locmem", seed=1),
    )
    assert ours.summary["keys_left_wrong"] == theirs.summary["keys_left_wrong"] == ours.writes["key"].nunique() > 0
    assert ours.summary["writes"] == theirs.summary["writes"] == 0


@pytest.mark.servers
def test_whether_a_row_was_committed_can_be_undecidable() -> None:
    """Rows that are cached before a COMMIT of 50 ms: nobody can say of the reads within it whether they were dirty."""
    scenario = replace(BRIEF, keys=1, writes_per_s=15, transaction_tail_s=0)
    found = real(scenario, CachedBeforeSlowCommits(), around=Around("postgres")).summary
    assert found["undecidable"] > 0.2 * found["reads"]


def test_failures_are_counted_and_the_site_goes_on() -> None:
    """Exceptions are counted by type; a transaction left open is undone, and its thread serves on."""
    scenario = replace(BRIEF, threads=1, keys=5, writes_per_s=0, reads_per_s=100, db_read_s=0, warmup_s=0.3)
    result = real(scenario, Broken())
    assert set(result.errors) == {"LookupError", "StrategyError"}
    assert set(result.reads["key"]) == {"key:3", "key:4"}
    assert set(result.reads["version"]) == {0}
    assert result.summary["errors"] == sum(result.errors.values())
    failed = sum(result.errors.values())
    (about,) = [note for note in result.notes if note.startswith(f"{failed} of ")]
    assert " requests failed (warm-up included): LookupError (" in about
    requests, reads = result.counts()["requests"], result.summary["reads"]
    assert reads < requests < reads + sum(result.errors.values())  # failures of the warm-up count, too
    answered_until_s = max(result.reads["end_s"].max(), scenario.end_s) - scenario.warmup_s
    assert result.summary["throughput_per_s"] == pytest.approx(reads / answered_until_s)


def test_what_a_worker_cannot_send_is_said() -> None:
    """An answer that no process can send to another ends the run with one line that says why."""
    with pytest.raises(UserError, match=r"^worker 0: AttributeError: Can't pickle"):
        real(BRIEF, Unsendable())


def test_a_run_that_hangs_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that never returns ends the run with one line, some time after its traffic should have ended."""
    monkeypatch.setattr(wall_run, "PATIENCE_S", 1.0)
    with pytest.raises(UserError, match=r"^worker process 0 has not ended within 3 s: a call of it never returns, or"):
        real(BRIEF, Hanging())


def test_background_work_is_waited_for_and_counted() -> None:
    """The request does not wait for what it spawned; the run does, counts its cost, and the failures of it."""
    result = real(replace(BRIEF, writes_per_s=0), Spawning())
    assert set(result.errors) == {"LookupError"}
    requests = result.counts()["requests"]
    assert result.reads["hit"].all(), "the request itself loads nothing"
    assert 0.7 * requests < result.summary["db_reads"] < requests


def test_sleep_and_late_work_take_real_time() -> None:
    """`site.sleep` and `site.spawn(after_s=...)` last at least as long as they say."""
    result = real(BRIEF, Delayed())
    assert result.errors == {"LookupError": len(result.writes)}
    assert len(result.writes)


@pytest.mark.servers
@pytest.mark.parametrize("backend", ["locmem", "redis", "memcached"])
def test_a_thread_that_uses_the_cache_ends_the_run(backend: str) -> None:
    """As in the simulation, although the thread keeps its error to itself."""
    with pytest.raises(UserError, match=r"^the strategy used the site in its own thread: .*site\.spawn\(func"):
        real(BRIEF, InAThread(), backend=backend)


def test_a_reader_that_stores_too_late(tmp_path: Path) -> None:
    """The stale-set race on the wall clock: a slow reader stores the old row after the delete, and others get it."""
    steps = [(0.05, "read", "a"), (0.3, "write", "a"), (4.9, "read", "a"), (5.0, "read", "a")]
    scenario = timed_script(tmp_path, [(0.0, "read", "b"), *steps], warmup_s=0.01)
    result = real(scenario, StoredTooLate(60))
    reads = result.reads[result.reads["key"] == "a"]
    assert reads["hit"].tolist() == [False, True, True]
    assert reads["version"].tolist() == [0, 0, 0]
    assert reads["stale"].tolist() == [False, True, True]
    (committed_s,) = result.writes["commit_s"]
    ages_s = (reads["start_s"] - committed_s).to_numpy()
    assert reads["stale_age_s"].to_numpy()[1:] == pytest.approx(ages_s[1:], abs=0.001)
    assert ages_s[1] > 1


def test_a_reader_before_the_commit(tmp_path: Path) -> None:
    """Deleting before the commit: who reads between the two stores the old row; after it, the new one is there."""
    steps = [(0.0, "read", "a"), (0.3, "write", "a"), (0.6, "read", "a"), (2.9, "read", "a"), (3.0, "read", "a")]
    scenario = timed_script(tmp_path, steps)
    inside, after = (real(scenario, one(60)).reads for one in (DeletedInTurn, CommittedInTurn))
    assert inside["stale"].tolist() == [False, False, True, True]
    assert after["version"].tolist() == [0, 0, 1, 1]
    assert not after["stale"].any()


@pytest.mark.servers
@pytest.mark.parametrize("backend", ["file", "db", "redis", "memcached", "postgres", "django-redis"])
def test_a_shared_cache_is_one_for_all_workers(backend: str) -> None:
    """What one process has stored another one finds, on rows in PostgreSQL; round trips count as simulated."""
    scenario = replace(TWO, duration_s=2.0, warmup_s=1.0, writes_per_s=5, keys=3)
    ours = real(scenario, Versioning(60), backend=backend, around=Around("postgres"))
    theirs = run(scenario, Versioning(60), backend=backend, seed=1)
    assert not ours.errors
    assert ours.summary["cache_calls_per_request"] == pytest.approx(theirs.summary["cache_calls_per_request"], abs=0.3)
    assert ours.summary["hit_ratio"] > 0.5
    assert ours.summary["stale_ratio"] < 0.1, "with a store each, half of the reads would be outdated"


def test_added_latencies_are_slept_where_simulated() -> None:
    """A load takes what the scenario says with the added latency, and hardly any time without."""
    scenario = replace(BRIEF, writes_per_s=0, reads_per_s=40, db_read_s=0.05)
    slow, fast = real(scenario, Plain()), real(scenario, Plain(), around=Around(pauses=()))
    taken_s = [one.reads["end_s"] - one.reads["start_s"] for one in (slow, fast)]
    assert 0.05 <= taken_s[0].min() < 0.09  # the fastest: a busy machine can take any time for the others
    assert taken_s[1].min() < 0.04
    assert min(slow.steps["db_read_s"]) < 0.04, "what was slept is not the machine's"
    assert slow.slept == ("db_read_s", "render_s", "transaction_tail_s")


def test_a_query_is_sent_before_it_is_executed() -> None:
    """Each query's time is parted where its snapshot is taken; what is slept before that comes before that."""
    scenario = replace(BRIEF, writes_per_s=0, reads_per_s=20, db_send_s=0.05, db_read_s=0.02)
    result = real(scenario, NoCache(), around=Around(pauses=("db_send_s", "db_read_s")))
    sent_s, read_s = result.steps["db_send_s"], result.steps["db_read_s"]
    assert len(sent_s) == len(read_s) == result.summary["reads"]
    assert 0 < min(sent_s) < 0.04, "what was slept is not the machine's"
    assert min(read_s) > 0
    assert (result.reads["end_s"] - result.reads["start_s"]).min() >= 0.07


def test_a_writes_statements_are_a_step_of_their_own() -> None:
    """What is slept of them is slept with the row locked, before the commit, and is not the machine's."""
    # Of two writes of one key, the other's statements can have waited for the first: those are left out.
    scenario = replace(BRIEF, keys=1000, reads_per_s=1, writes_per_s=20, db_write_s=0.05, transaction_tail_s=0)
    result = real(scenario, Plain(), around=Around(pauses=("db_write_s",)))
    writes = result.writes
    assert writes["key"].is_unique
    assert (writes["commit_s"] - writes["start_s"]).min() >= 0.05
    assert len(result.steps["db_write_s"]) == result.summary["writes"]
    assert 0 < min(result.steps["db_write_s"]) < 0.04
    assert result.slept == ("db_write_s",)


def test_a_snapshot_is_in_the_middle_of_the_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement sent at 1 s that took until 1.25 s saw what was committed before 1.125 s."""
    ledger = Ledger()
    clock_s = [1.0]
    monkeypatch.setattr(ledger, "now", lambda: clock_s[-1])
    assert ledger.executed(lambda *parts: clock_s.append(1.25) or parts, "SELECT", ()) == ("SELECT", ())
    assert ledger.request.snapshot_s == 1.125


@pytest.mark.servers
def test_postgres_has_connections_for_all_threads() -> None:
    """Every thread of the largest run may have two: to the rows, and to a cache table beside them."""
    import psycopg

    base = SERVERS.start("postgres", virtual=False).database  # type: ignore[attr-defined]
    where = {"host": base["HOST"], "port": base["PORT"], "user": base["USER"], "dbname": base["NAME"]}
    with psycopg.connect(**where) as admin:
        most = admin.execute("SHOW max_connections").fetchone()
    assert most is not None
    assert int(most[0]) >= 2 * MOST_THREADS + 20
