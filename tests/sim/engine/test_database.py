"""The database: transactions, savepoints, hooks, locks and deadlocks, driven by test-local requests."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import OperationalError
from django.db.transaction import TransactionManagementError
from hypothesis import given
from hypothesis import strategies as st

from cachewise.sim.engine.database import DatabaseLatencies, SimulatedDatabase
from cachewise.sim.engine.scheduler import Engine
from tests.helpers import play

READ_S, COMMIT_S, TAIL_S, WRITE_S = 0.25, 0.5, 1.0, 0.125
Request = tuple[float, Callable[[SimulatedDatabase], Any]]


def database(
    *, tail: bool = False, write: bool = False, connections: int | None = None
) -> tuple[Engine, SimulatedDatabase]:
    """Return an engine and a database with binary latencies, so that sums of times are exact."""
    engine = Engine()
    latencies = DatabaseLatencies(
        send=None,
        read=lambda _i, _n: READ_S,
        write=(lambda _i, _n: WRITE_S) if write else None,
        commit=lambda _i, _n: COMMIT_S,
        render=None,
        tail=(lambda _i, _n: TAIL_S) if tail else None,
    )
    return engine, SimulatedDatabase(engine, latencies, {}, lambda key: key.encode(), connections)


def serve(*requests: Request, tail: bool = False, write: bool = False) -> SimulatedDatabase:
    """Run each request at its time, and return the database they left."""
    engine, db = database(tail=tail, write=write)
    for at_s, request in requests:
        engine.call_at(at_s, lambda request=request: request(db))
    play(engine=engine)
    return db


def alone(request: Callable[[SimulatedDatabase], Any], *, tail: bool = False) -> tuple[Any, float, SimulatedDatabase]:
    """Run one request; return what it returned, how long it took, and the database."""
    found: list[Any] = []
    engine, db = database(tail=tail)
    play(lambda: found.append(request(db)), engine=engine)
    return found[0], engine.time(), db


def history(db: SimulatedDatabase) -> list[tuple[float, int]]:
    """Return (commit time, version) of the committed writes, in order of commit."""
    log = db.log
    return sorted(
        (at, version) for at, version, done in zip(log.commit_s, log.version, log.committed, strict=True) if done
    )


def a_then_b(db: SimulatedDatabase) -> None:
    """Write two rows in one transaction that stays open between them."""
    with db.atomic():
        db.write("a")
        db.read("x")
        db.write("b")


class BoomError(Exception):
    """What the tests raise on purpose."""


def test_rows_start_at_version_zero() -> None:
    """Before its first write a key has version 0 and its payload, for the price of one query."""
    row, took_s, _ = alone(lambda db: db.read("k"))
    assert (row, took_s) == (("k", 0, b"k"), READ_S)


def test_autocommit_pays_one_commit() -> None:
    """A write outside atomic commits at once: one commit latency, no transaction tail."""
    row, took_s, db = alone(lambda db: db.write("k"), tail=True)
    assert (row.version, took_s, db.committed("k").version) == (1, COMMIT_S, 1)


def test_version_costs_one_query_and_loads_nothing() -> None:
    """`version` takes as long as a read, counts as a query and not as a full load."""
    engine, db = database()
    counts: list[tuple[int, int]] = []

    def request() -> None:
        assert db.version("k") == 0
        counts.append((engine.current.db_reads, engine.current.db_queries))

    play(request, engine=engine)
    assert (counts, engine.time()) == ([(0, 1)], READ_S)


def test_a_transaction_without_writes_is_free() -> None:
    """Reading inside atomic costs the queries and nothing else, and its hooks run."""

    def request(db: SimulatedDatabase) -> list[str]:
        ran: list[str] = []
        with db.atomic():
            db.on_commit(lambda: ran.append("hook"))
            db.read("k")
        return ran

    ran, took_s, _ = alone(request, tail=True)
    assert (ran, took_s) == (["hook"], READ_S)


def test_a_transaction_pays_its_tail_and_one_commit() -> None:
    """Two writes in one transaction become visible together, after the tail and one commit."""

    def request(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("a")
            db.write("b")

    _, took_s, db = alone(request, tail=True)
    assert took_s == TAIL_S + COMMIT_S
    assert history(db) == [(took_s, 1), (took_s, 1)]


def test_own_writes_are_visible_inside_and_nowhere_else() -> None:
    """A transaction sees what it wrote; another request sees it once it is committed."""
    seen: list[tuple[str, int]] = []

    def writer(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("k")
            seen.append(("own", db.read("k").version))
            seen.append(("own version()", db.version("k")))

    db = serve((0, writer), (0.25, lambda db: seen.append(("other", db.read("k").version))))
    assert sorted(seen) == [("other", 0), ("own", 1), ("own version()", 1)]
    assert db.committed("k").version == 1


def test_rollback_undoes_writes_drops_hooks_and_burns_the_number() -> None:
    """An exception leaves the row as it was, runs no hook, and its version number is not given out again."""

    def request(db: SimulatedDatabase) -> list[str]:
        ran: list[str] = []
        with pytest.raises(BoomError), db.atomic():  # noqa: PT012
            db.write("k")
            db.on_commit(lambda: ran.append("never"))
            raise BoomError
        assert db.read("k").version == 0
        return [*ran, f"then version {db.write('k').version}"]

    ran, took_s, db = alone(request)
    assert (ran, took_s) == (["then version 2"], READ_S + COMMIT_S)
    assert list(db.log.committed) == [0, 1]


def test_hooks_run_in_order_after_the_commit() -> None:
    """Hooks see the committed row, in the order in which they were registered, hooks of hooks at once."""

    def request(db: SimulatedDatabase) -> list[Any]:
        ran: list[Any] = []
        with db.atomic():
            db.on_commit(lambda: ran.append(("first", db.committed("k").version)))
            db.write("k")
            db.on_commit(lambda: db.on_commit(lambda: ran.append("second's own")))
            db.on_commit(lambda: ran.append("third"))
            assert ran == []
        db.on_commit(lambda: ran.append("outside atomic: at once"))
        return ran

    assert alone(request)[0] == [("first", 1), "second's own", "third", "outside atomic: at once"]


def test_a_raising_hook_skips_later_ones_but_the_commit_stands() -> None:
    """As in Django: the exception comes out of atomic, the row stays committed, later hooks never run."""

    def request(db: SimulatedDatabase) -> list[str]:
        ran: list[str] = []
        with pytest.raises(BoomError), db.atomic():  # noqa: PT012
            db.write("k")
            db.on_commit(lambda: ran.append("before"))
            db.on_commit(_boom)
            db.on_commit(lambda: ran.append("after"))
        return ran

    ran, _, db = alone(request)
    assert (ran, db.committed("k").version) == (["before"], 1)


def test_a_robust_hook_is_logged_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """With robust=True a raising hook is logged, and the later ones run."""

    def request(db: SimulatedDatabase) -> list[str]:
        ran: list[str] = []
        with db.atomic():
            db.write("k")
            db.on_commit(_boom, robust=True)
            db.on_commit(lambda: ran.append("after"))
        db.on_commit(_boom, robust=True)
        return ran

    with caplog.at_level(logging.ERROR):
        assert alone(request)[0] == ["after"]
    assert len(caplog.records) == 2


def _boom() -> None:
    raise BoomError


def test_writers_queue_in_order_of_arrival() -> None:
    """Three writers of a row commit one after the other, first come, first served."""
    db = serve(*((at_s, lambda db: db.write("k")) for at_s in (0, 0.125, 0.25)))
    assert history(db) == [(0.5, 1), (1.0, 2), (1.5, 3)]


def test_a_write_takes_its_time_once_the_row_is_locked() -> None:
    """Who waits for the row makes its statements only then: each write takes as long after the one before."""
    db = serve(*((at_s, lambda db: db.write("k")) for at_s in (0, 0.0625)), write=True)
    assert history(db) == [(WRITE_S + COMMIT_S, 1), (2 * (WRITE_S + COMMIT_S), 2)]


def test_a_rollback_hands_the_row_on() -> None:
    """Whoever waits for a row gets it when its owner rolls back, at that instant."""

    def fails(db: SimulatedDatabase) -> None:
        with pytest.raises(BoomError), db.atomic():  # noqa: PT012
            db.write("k")
            db.read("x")
            raise BoomError

    db = serve((0, fails), (0.125, lambda db: db.write("k")))
    assert history(db) == [(READ_S + COMMIT_S, 2)]


def test_a_hook_can_write_the_row_again_while_others_wait() -> None:
    """A hook that writes the row just committed queues behind whoever took the lock over (it hung once)."""

    def twice(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("k")
            db.on_commit(lambda: db.write("k"))

    db = serve((0, twice), (0.125, lambda db: db.write("k")))
    assert history(db) == [(0.5, 1), (1.0, 2), (1.5, 3)]


def test_deadlock_is_detected() -> None:
    """Of two transactions that lock two rows in opposite order the second to wait is refused, the first commits."""
    refused: list[str] = []

    def both(first: str, second: str) -> Callable[[SimulatedDatabase], None]:
        def request(db: SimulatedDatabase) -> None:
            try:
                with db.atomic():
                    db.write(first)
                    db.read("x")
                    db.write(second)
            except OperationalError as error:
                refused.append(f"{first}: {error}")

        return request

    db = serve((0, both("a", "b")), (0.125, both("b", "a")))
    assert len(refused) == 1
    assert refused[0].startswith("b: deadlock detected")
    assert [db.committed(key).version for key in "ab"] == [1, 2]


def test_a_transaction_is_lost_after_a_deadlock() -> None:
    """Whoever swallows the error gets no further, and nothing of the transaction is committed or called."""
    called: list[str] = []

    def stubborn(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("b")
            db.read("x")
            with suppress(OperationalError):
                db.write("a")
            with pytest.raises(TransactionManagementError, match="until the end of the 'atomic' block"):
                db.read("x")
            db.on_commit(lambda: called.append("hook"))

    db = serve((0, a_then_b), (0.125, stubborn))
    assert [db.committed(key).version for key in "ab"] == [1, 2]  # number 1 of b was rolled back
    assert called == []


def test_a_hook_that_cannot_be_called_is_refused_at_once() -> None:
    """As Django does, when it is registered and not after the commit."""

    def request(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("a")
            with pytest.raises(TypeError, match="must be a callable"):
                db.on_commit(None)  # type: ignore[arg-type]

    assert alone(request)[2].committed("a").version == 1


def test_deadlock_of_three_is_detected() -> None:
    """A circle of three is broken too, and the two others commit."""
    refused: list[str] = []

    def chain(first: str, second: str) -> Callable[[SimulatedDatabase], None]:
        def request(db: SimulatedDatabase) -> None:
            try:
                with db.atomic():
                    db.write(first)
                    db.read("x")
                    db.write(second)
            except OperationalError:
                refused.append(first)

        return request

    db = serve((0, chain("a", "b")), (0.0625, chain("b", "c")), (0.125, chain("c", "a")))
    assert refused == ["c"]
    assert len(history(db)) == 4


@given(
    st.lists(
        st.tuples(
            st.integers(0, 16),  # when, in sixteenths of a second
            st.lists(st.sampled_from("abc"), min_size=1, max_size=3),  # the rows it writes, in this order
            st.sampled_from(["commit", "rollback", "savepoint", "autocommit"]),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_version_order_is_commit_order(writers: list[tuple[int, list[str], str]]) -> None:
    """Whatever several writers do, a key's commits ascend in time as in version; no number comes twice, none hangs."""
    requests = [(at / 16, lambda db, keys=keys, how=how: _write(db, keys, how)) for at, keys, how in writers]
    db = serve(*requests)
    log, names = db.log, list(db.key_codes)
    for code, name in enumerate(names):
        mine = [place for place, key in enumerate(log.key_code) if key == code]
        versions = [log.version[place] for place in mine]
        assert versions == sorted(set(versions))
        committed = [log.commit_s[place] for place in mine if log.committed[place]]
        assert committed == sorted(committed)
        assert db.committed(name).version == max((log.version[p] for p in mine if log.committed[p]), default=0)
    assert not db._locks
    assert db.in_flight == 0


def _write(db: SimulatedDatabase, keys: list[str], how: str) -> None:
    try:
        if how == "autocommit":
            for key in keys:
                db.write(key)
            return
        with db.atomic():
            for key in keys:
                db.write(key)
                db.version(key)
            if how == "savepoint":
                with pytest.raises(BoomError), db.atomic():  # noqa: PT012
                    db.write("c")
                    raise BoomError
            if how == "rollback":
                raise BoomError
    except (BoomError, OperationalError):
        pass
