"""Small scripts of requests, whole logs compared with literal lists; all times can be checked with a pencil."""

from pathlib import Path

import pytest

from cachewise import Row, Site
from cachewise.strategies import DeleteInTransaction, DeleteOnWrite, NoCache, TtlOnly, WriteThrough
from tests.helpers import ONE_STORE, STORING, Custom, calls, logged, rows, run, script

READ = ("arrival_s", "start_s", "end_s", "hit", "version", "latest_version", "stale")
WRITE = ("arrival_s", "start_s", "commit_s", "key", "version", "committed")
STALE_SET = [(0.0, "read", "k"), (0.002, "write", "k"), (5.0, "read", "k")]


@pytest.mark.parametrize("backend", STORING)
def test_stale_set_race(tmp_path: Path, backend: str) -> None:
    """A read that loaded its row before a commit stores it after the delete, and the old row is served from then on."""
    scenario = script(tmp_path, STALE_SET, db_read_s=0.020, db_commit_s=0.004)
    log: list = []
    result = run(scenario, DeleteOnWrite(), backend=backend, log=log)
    assert calls(log) == logged(
        backend, (0.0, "get", "k"), (0.006, "delete", "k"), (0.02, "set", "k"), (5.0, "get", "k")
    )
    assert rows(result.reads, *READ) == [
        (0.0, 0.0, 0.02, False, 0, 0, False),
        (5.0, 5.0, 5.0, True, 0, 1, True),
    ]
    assert rows(result.writes, *WRITE) == [(0.002, 0.002, 0.006, "k", 1, True)]
    assert rows(result.reads, "stale_age_s", "versions_behind")[1] == (4.994, 1)
    assert result.summary["keys_left_wrong"] == 1


def test_stale_set_race_needs_a_store(tmp_path: Path) -> None:
    """With no cache at all the same script is served fresh."""
    scenario = script(tmp_path, STALE_SET, db_read_s=0.020, db_commit_s=0.004)
    result = run(scenario, DeleteOnWrite(), backend="dummy")
    assert rows(result.reads, "end_s", "hit", "version", "stale") == [(0.02, False, 0, False), (5.02, False, 1, False)]


@pytest.mark.parametrize("backend", STORING)
def test_half_round_trips(tmp_path: Path, backend: str) -> None:
    """A call takes effect half a round trip after it was sent; the way back delays what the request does next."""
    steps = [(0.0, "read", "k"), (1.5, "read", "k"), (2.0, "write", "k")]
    scenario = script(tmp_path, steps, cache_rtt_s=0.004, db_read_s=0.010, db_commit_s=0.006, render_s=0.1)
    log: list = []
    result = run(scenario, DeleteOnWrite(), backend=backend, log=log)
    # get sent 0.000, served 0.002, back 0.004; query until 0.014; rendered at 0.114; set served 0.116, back 0.118.
    assert calls(log) == logged(
        backend, (0.002, "get", "k"), (0.116, "set", "k"), (1.502, "get", "k"), (2.008, "delete", "k")
    )
    assert rows(result.reads, "start_s", "end_s", "hit") == [(0.0, 0.118, False), (1.5, 1.504, True)]
    assert rows(result.writes, "start_s", "commit_s") == [(2.0, 2.006)]


def test_two_calls_in_a_row_pay_two_whole_round_trips(tmp_path: Path) -> None:
    """The second call is sent when the first one's answer is back: effects are a whole round trip apart."""
    clock = []

    def read(site: Site, key: str) -> Row:
        site.cache.set("a", 1)
        site.cache.set("b", 2)
        clock.append(site.time())
        return site.db.read(key)

    log: list = []
    scenario = script(tmp_path, [(0.0, "read", "k"), (0.5, "write", "k")], cache_rtt_s=0.01)
    result = run(scenario, Custom(read), log=log)
    assert calls(log) == [(0.005, "set", "a"), (0.015, "set", "b")]
    assert rows(result.reads, "end_s") == [(0.02,)]
    assert clock[0] == pytest.approx(0.02)  # the request's own clock counts the way back


@pytest.mark.parametrize("backend", STORING)
def test_delete_in_transaction_race(tmp_path: Path, backend: str) -> None:
    """A read between the delete and the commit stores the old row again, and nothing removes it."""
    steps = [(0.0, "read", "k"), (1.0, "write", "k"), (1.2, "read", "k"), (2.5, "read", "k")]
    scenario = script(tmp_path, steps, transaction_tail_s=0.5, db_commit_s=0.01)
    log: list = []
    result = run(scenario, DeleteInTransaction(), backend=backend, log=log)
    assert calls(log) == logged(
        backend,
        (0.0, "get", "k"),
        (0.0, "set", "k"),
        (1.0, "delete", "k"),
        (1.2, "get", "k"),
        (1.2, "set", "k"),
        (2.5, "get", "k"),
    )
    assert rows(result.writes, *WRITE) == [(1.0, 1.0, 1.51, "k", 1, True)]
    assert rows(result.reads, "start_s", "hit", "version", "latest_version", "stale_age_s")[2] == (
        2.5,
        True,
        0,
        1,
        0.99,
    )


@pytest.mark.parametrize("backend", ONE_STORE)
def test_writers_set_out_of_order(tmp_path: Path, backend: str) -> None:
    """Under write-through the older row stays when its writer is the slower one to store it."""

    def write(site: Site, key: str) -> None:
        with site.db.atomic():
            row = site.db.write(key)
        if row.version == 1:
            site.db.read("something slow")
        site.cache.set(key, row)

    steps = [(0.0, "read", "k"), (1.0, "write", "k"), (1.01, "write", "k"), (2.0, "read", "k")]
    scenario = script(tmp_path, steps, db_read_s=0.1, db_commit_s=0.001)
    result = run(scenario, Custom(WriteThrough().read, write), backend=backend)
    assert rows(result.writes, "commit_s", "version") == [(1.001, 1), (1.011, 2)]
    assert rows(result.reads, "version", "latest_version", "stale", "stale_age_s")[1] == (1, 2, True, 0.989)


def test_threads_queue_and_response_counts_from_arrival(tmp_path: Path) -> None:
    """Open arrivals: with one thread the third read waits for two queries, and its response time says so."""
    steps = [(0.0, "read", "a"), (0.1, "read", "b"), (0.2, "read", "c"), (9.5, "read", "a")]
    result = run(script(tmp_path, steps, db_read_s=1.0, threads=1), NoCache())
    assert rows(result.reads, "arrival_s", "start_s", "end_s") == [
        (0.0, 0.0, 1.0),
        (0.1, 1.0, 2.0),
        (0.2, 2.0, 3.0),
        (9.5, 9.5, 10.5),
    ]
    assert result.summary["response_p50_s"] == pytest.approx((1.0 + 1.9) / 2)


def test_two_threads_serve_two(tmp_path: Path) -> None:
    """With two threads two queries overlap, and the third read waits for the first to end."""
    steps = [(0.0, "read", "a"), (0.1, "read", "b"), (0.2, "read", "c")]
    result = run(script(tmp_path, steps, db_read_s=1.0, threads=2), NoCache())
    assert rows(result.reads, "start_s", "end_s") == [(0.0, 1.0), (0.1, 1.1), (1.0, 2.0)]
    assert result.summary["db_peak_in_flight"] == 2


def test_a_thread_is_busy_until_the_answer_is_back(tmp_path: Path) -> None:
    """The way back of the last cache call keeps the thread: the next request starts when it is over."""
    steps = [(0.0, "read", "a"), (0.05, "read", "a")]
    result = run(script(tmp_path, steps, cache_rtt_s=0.1, threads=1), Custom(_seen))
    assert rows(result.reads, "start_s", "end_s") == [(0.0, 0.1), (0.1, 0.2)]


def _seen(site: Site, key: str) -> Row:
    row = site.db.read(key)
    site.cache.get(key)
    return row


def test_db_connections_queue(tmp_path: Path) -> None:
    """With one connection the queries follow each other, though every request has its thread at once."""
    steps = [(0.0, "read", "a"), (0.1, "read", "b"), (0.2, "read", "c")]
    result = run(script(tmp_path, steps, db_read_s=1.0, db_connections=1), NoCache())
    assert rows(result.reads, "start_s", "end_s") == [(0.0, 1.0), (0.1, 2.0), (0.2, 3.0)]
    assert result.summary["db_peak_in_flight"] == 1


def test_a_connection_is_held_until_the_request_ends(tmp_path: Path) -> None:
    """A request keeps its connection while it talks to the cache afterwards, as Django's does."""
    steps = [(0.0, "read", "a"), (0.1, "read", "b")]
    settings = {"db_read_s": 1.0, "cache_rtt_s": 0.5, "db_connections": 1}
    result = run(script(tmp_path, steps, **settings), Custom(_seen))
    assert rows(result.reads, "end_s") == [(1.5,), (3.0,)]


def test_row_lock(tmp_path: Path) -> None:
    """A second writer of a row waits for the first one's commit; a writer of another row does not."""
    steps = [(0.0, "read", "k"), (0.1, "write", "k"), (0.2, "write", "k"), (0.3, "write", "other")]
    result = run(script(tmp_path, steps, transaction_tail_s=1.0, db_commit_s=0.5), NoCache())
    assert rows(result.writes, *WRITE) == [
        (0.1, 0.1, 1.6, "k", 1, True),
        (0.3, 0.3, 1.8, "other", 1, True),
        (0.2, 0.2, 3.1, "k", 2, True),
    ]


def test_commit_is_visible_when_its_latency_has_passed(tmp_path: Path) -> None:
    """A query sees what was committed when it started: the old row during the commit, though it returns after it."""
    steps = [(0.0, "write", "k"), (0.9, "read", "k"), (1.0, "read", "k")]
    result = run(script(tmp_path, steps, db_commit_s=1.0, db_read_s=0.5), NoCache())
    assert rows(result.writes, "commit_s") == [(1.0,)]
    assert rows(result.reads, "start_s", "end_s", "version", "latest_version", "stale") == [
        (0.9, 1.4, 0, 0, False),
        (1.0, 1.5, 1, 0, False),  # committed at the very instant it began: not *before* it
    ]


def test_a_query_sees_what_is_committed_when_it_has_been_sent(tmp_path: Path) -> None:
    """Asked before the commit and sent after it, a query sees the new row; it is back `db_read_s` later."""
    steps = [(0.0, "write", "k"), (0.7, "read", "k"), (0.9, "read", "k")]
    result = run(script(tmp_path, steps, db_commit_s=1.0, db_send_s=0.2, db_read_s=0.5), NoCache())
    assert rows(result.reads, "start_s", "end_s", "version", "latest_version", "stale") == [
        (0.7, 1.4, 0, 0, False),
        (0.9, 1.6, 1, 0, False),
    ]
    assert list(result.query_started_s) == [0.7, 0.9]


def test_a_commit_that_overlaps_the_read_makes_nothing_stale(tmp_path: Path) -> None:
    """Stale is judged from the read's start: what commits while it is under way is no fault of the cache."""
    steps = [(0.0, "read", "k"), (1.5, "write", "k"), (1.6, "read", "k")]
    scenario = script(tmp_path, steps, cache_rtt_s=0.8, db_commit_s=0.2)
    result = run(scenario, TtlOnly())
    assert rows(result.reads, "start_s", "end_s", "version", "stale")[1] == (1.6, 2.4, 0, False)
    assert rows(result.writes, "commit_s") == [(1.7,)]


@pytest.mark.parametrize(("backend", "hit"), [("shared", False), ("locmem", False), ("file", True), ("db", True)])
def test_the_instant_of_expiry(tmp_path: Path, backend: str, hit: bool) -> None:
    """At exactly t + timeout LocMem has expired, while the file and database backends still serve."""
    steps = [(0.0, "read", "k"), (9.5, "read", "other"), (10.0, "read", "k"), (10.1, "read", "k")]
    result = run(script(tmp_path, steps), TtlOnly(timeout=10), backend=backend)
    reads = dict(rows(result.reads, "arrival_s", "hit"))
    assert reads == {0.0: False, 9.5: False, 10.0: hit, 10.1: not hit}


def test_each_worker_has_its_own_locmem(tmp_path: Path) -> None:
    """On locmem a key is loaded once a worker; on the shared backend once."""
    steps = [(0.0, "read", "k"), *((number + 0.5, "read", "k") for number in range(40))]
    scenario = script(tmp_path, steps, workers=3)
    own = run(scenario, TtlOnly(), backend="locmem").reads
    assert len(own[~own["hit"]]) == 3
    assert own[~own["hit"]]["worker"].nunique() == 3
    assert len(run(scenario, TtlOnly(), backend="shared").reads.query("not hit")) == 1


def test_the_warm_up_is_left_out(tmp_path: Path) -> None:
    """Reads and costs count from the warm-up's end, by arrival; writes are all there, and the cache is warm."""
    steps = [(0.0, "read", "k"), (4.5, "write", "k"), (4.9, "read", "slow"), (5.0, "read", "k"), (6.5, "write", "j")]
    log: list = []
    result = run(script(tmp_path, steps, warmup_s=5, db_read_s=0.2, db_commit_s=0.1), TtlOnly(), log=log)
    assert rows(result.reads, "arrival_s", "hit", "version") == [(5.0, True, 0)]
    assert rows(result.writes, "arrival_s", "key") == [(4.5, "k"), (6.5, "j")]
    summary = result.summary
    assert (summary["reads"], summary["writes"], summary["db_reads"], summary["db_peak_in_flight"]) == (1, 1, 0, 0)
    assert summary["cache_calls_per_request"] == 0.5
    assert len(log) == 5


def test_the_look_at_what_is_left_is_no_traffic(tmp_path: Path) -> None:
    """Reading every written key once more at the end leaves no trace in the query counts nor in the log of calls."""
    log: list = []
    result = run(script(tmp_path, [(0.0, "read", "a"), (0.5, "write", "b")], db_read_s=0.1), TtlOnly(), log=log)
    assert result.query_started_s.tolist() == [0.0]
    assert (result.summary["db_queries"], len(log)) == (1, 2)


def test_the_first_row_is_time_zero(tmp_path: Path) -> None:
    """A trace's times count from its first row, whatever clock it was recorded with."""
    path = tmp_path / "late.csv"
    path.write_text("time_s,key\n1000.25,a\n1001.5,b\n")
    scenario = script(tmp_path, [(0.0, "read", "x"), (0.5, "read", "x")]).with_settings({"trace": str(path)})
    assert rows(run(scenario, NoCache()).reads, "arrival_s", "key") == [(0.0, "a"), (1.25, "b")]
