"""Transactions within transactions: savepoints, and blocks without one."""

from contextlib import suppress

import pytest
from django.db import InternalError, OperationalError
from django.db.transaction import TransactionManagementError

from cachewise.sim.engine.database import SimulatedDatabase
from tests.sim.engine.test_database import COMMIT_S, BoomError, a_then_b, alone, history, serve


def test_a_savepoint_undoes_its_own_part_only() -> None:
    """A rolled-back inner atomic takes its writes and hooks along; the outer ones stay."""

    def request(db: SimulatedDatabase) -> list[str]:
        ran: list[str] = []
        with db.atomic():
            db.write("outer")
            db.on_commit(lambda: ran.append("outer"))
            with pytest.raises(BoomError), db.atomic():  # noqa: PT012
                db.write("inner")
                db.on_commit(lambda: ran.append("inner"))
                raise BoomError
            assert db.version("inner") == 0
            with db.atomic():
                db.write("kept")
                db.on_commit(lambda: ran.append("kept"))
        return ran

    ran, _, db = alone(request)
    assert ran == ["outer", "kept"]
    assert [db.committed(key).version for key in ("outer", "inner", "kept")] == [1, 0, 1]


def test_a_savepoint_gives_back_the_locks_it_took() -> None:
    """After a rollback to a savepoint another writer gets the row, while the outer transaction is still open."""

    def holder(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("outer")
            with pytest.raises(BoomError), db.atomic():  # noqa: PT012
                db.write("inner")
                raise BoomError
            db.read("x")
            db.read("x")

    db = serve((0, holder), (0.125, lambda db: db.write("inner")))
    assert db.committed("inner").version == 2
    assert history(db)[0][0] == 0.125 + COMMIT_S


def test_a_savepoint_mends_a_deadlock() -> None:
    """Rolled back to the savepoint set before it, the transaction goes on."""

    def careful(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("c")
            with suppress(OperationalError), db.atomic():
                db.write("b")
                db.read("x")
                db.write("a")

    db = serve((0, a_then_b), (0.125, careful))
    assert [db.committed(key).version for key in "abc"] == [1, 2, 1]


def test_atomic_takes_djangos_arguments() -> None:
    """`durable` refuses to be nested; without a savepoint an inner exception dooms the whole transaction."""

    def request(db: SimulatedDatabase) -> None:
        with db.atomic(durable=True):
            db.write("a")
            with pytest.raises(RuntimeError, match="durable"), db.atomic(durable=True):
                pass
        with db.atomic():
            db.write("b")
            with suppress(BoomError), db.atomic(savepoint=False):
                raise BoomError

    db = alone(request)[2]
    assert [db.committed(key).version for key in "ab"] == [1, 0]


def test_a_savepoint_mends_what_a_block_without_one_has_doomed() -> None:
    """As in Django: the savepoint around it is rolled back without a word, and the rest is committed."""
    called: list[str] = []

    def request(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("a")
            with db.atomic():
                db.write("b")
                db.on_commit(lambda: called.append("b"))
                with suppress(BoomError), db.atomic(savepoint=False):
                    db.write("c")
                    raise BoomError
                with pytest.raises(TransactionManagementError):
                    db.write("d")
            db.write("e")

    db = alone(request)[2]
    assert [db.committed(key).version for key in "abcde"] == [1, 0, 0, 0, 1]
    assert called == []


def test_a_savepoint_cannot_be_released_after_a_deadlock() -> None:
    """Whoever swallows the error within a savepoint is told at its end, as by PostgreSQL; the rest can go on."""

    def careful(db: SimulatedDatabase) -> None:
        with db.atomic():
            db.write("c")
            with pytest.raises(InternalError, match="current transaction is aborted"), db.atomic():  # noqa: PT012
                db.write("b")
                db.read("x")
                with suppress(OperationalError):
                    db.write("a")

    db = serve((0, a_then_b), (0.125, careful))
    assert [db.committed(key).version for key in "abc"] == [1, 2, 1]
