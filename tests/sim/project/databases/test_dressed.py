"""A request's statements: what they take, when others see them, who waits for whom. On the real databases."""

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction

from cachewise.sim.contract import RollbackError
from tests.sim.project.databases.stage import FAMILIES, price, private, refill, set_price, stage


@pytest.fixture(params=FAMILIES, scope="module")
def database(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give a private database of each family."""
    with private(request.param, tmp_path_factory.mktemp("rows")):
        yield


@pytest.fixture(autouse=True)
def _rows(database: None) -> None:  # noqa: ARG001 - it is there
    refill()


def test_each_step_takes_its_time() -> None:
    """A query takes send and read, a write and its commit theirs; BEGIN, savepoints and empty commits nothing."""
    with stage() as one:
        times: list[float] = []

        def request() -> None:
            price()
            times.append(one.now_s())
            set_price(1)
            times.append(one.now_s())
            with transaction.atomic():
                times.append(one.now_s())
                with transaction.atomic():
                    set_price(2)
                times.append(one.now_s())
            times.append(one.now_s())
            with transaction.atomic():
                price()
            times.append(one.now_s())

        one.play((0.0, request))
        assert times == [0.004, 0.011, 0.011, 0.016, 0.018, 0.022]
        assert [round(statement.seconds, 9) for statement in one.heard.statements] == [0.004, 0.007, 0.005, 0.004]
        assert one.heard.commits == [(0.011, ["shop_product"]), (0.018, ["shop_product"])]


def test_a_query_sees_what_was_committed_when_it_arrived() -> None:
    """The snapshot is taken after the way there: a commit before it is seen, one during the way back is not."""
    with stage() as one:
        seen: list[int] = []

        def read() -> None:
            seen.append(price())

        one.play((0.0, lambda: set_price(7)), (0.005, read), (0.0065, read))  # it is committed at 0.007
        assert seen == [0, 7]


def test_an_autocommitted_write_is_seen_at_its_commit() -> None:
    """Nobody sees it while its statement or its commit is under way."""
    with stage(db_send_s=0.0, db_read_s=0.0) as one:
        seen: list[tuple[float, int]] = []
        reads = [(at_s, lambda: seen.append((one.now_s(), price()))) for at_s in (0.001, 0.0049, 0.0069, 0.0071)]
        one.play((0.0, lambda: set_price(7)), *reads)
        assert seen == [(0.001, 0), (0.0049, 0), (0.0069, 0), (0.0071, 7)]


def test_writers_of_one_row_queue_in_virtual_time() -> None:
    """First come, first served; each begins its statement when the one before it has committed."""
    with stage() as one:
        done: list[tuple[int, float]] = []

        def write(number: int) -> None:
            set_price(number)
            done.append((number, one.now_s()))

        one.play(*((number / 1000, lambda number=number: write(number)) for number in range(4)))
        assert done == [(0, 0.007), (1, 0.014), (2, 0.021), (3, 0.028)]
        assert [at_s for at_s, _tables in one.heard.commits] == [0.007, 0.014, 0.021, 0.028]


def test_no_transaction_waits_for_a_reader() -> None:
    """Reads go on beside a writer that holds its locks for long."""
    with stage() as one:
        seen: list[tuple[float, int]] = []

        def write() -> None:
            with transaction.atomic():
                set_price(1)
                one.engine.wait(1)

        one.play((0.0, write), (0.5, lambda: seen.append((one.now_s(), price()))), (0.6, price))
        assert seen == [(0.5, 0)]
        assert one.now_s() == 1.007


def test_rolled_back_changes_are_never_seen() -> None:
    """After an exception the rows are as before, others go on, and nothing is told; the connection serves the next."""
    with stage() as one:

        def write() -> None:
            with suppress(KeyError), transaction.atomic():
                set_price(1)
                raise KeyError
            assert price() == 0

        one.play((0.0, write), (0.001, lambda: set_price(5, key=2)))
        assert [tables for _at_s, tables in one.heard.commits] == [["shop_product"]]
        assert (price(1), price(2)) == (0, 5)


@pytest.mark.parametrize("atomic", [True, False])
def test_the_rollback_that_a_scenario_asks_for(atomic: bool) -> None:
    """It comes where the transaction would commit, in autocommit, too; what was put off until then never runs."""
    with stage() as one:
        ran: list[str] = []

        def set_price_and_hook() -> None:
            if atomic:
                transaction.on_commit(lambda: ran.append("hook"))
            set_price(1)

        def write() -> None:
            one.engine.current.rolls_back = True
            with pytest.raises(RollbackError), transaction.atomic() if atomic else nullcontext():
                set_price_and_hook()
            assert price() == 0
            set_price(2)

        one.play((0.0, write))
        assert ran == []
        assert price() == 2
        assert len(one.heard.commits) == 1


def test_a_write_that_changes_no_row_tells_of_no_commit() -> None:
    """It takes its time all the same."""
    with stage() as one:
        one.play((0.0, lambda: set_price(1, key=99)))
        assert one.heard.commits == []
        assert one.now_s() == 0.007


def test_a_refused_statement() -> None:
    """The project gets the database's own error, and its connection serves on."""
    with stage() as one:

        def write() -> None:
            with pytest.raises(IntegrityError), connections["default"].cursor() as cursor:
                cursor.execute("INSERT INTO shop_product VALUES (1, 1)")
            set_price(3)

        one.play((0.0, write))
        assert price() == 3
        assert [statement.writes for statement in one.heard.statements] == [True, True]


def test_a_pool_of_connections() -> None:
    """A request waits for its connection at its first statement, and gives it back at its end."""
    with stage(pool=1) as one:
        done: list[float] = []
        read = lambda: (price(), done.append(one.now_s()))  # noqa: E731
        one.play((0.0, read), (0.0, read))
        assert done == [0.004, 0.008]


def test_two_requests_on_one_connection_end_the_run() -> None:
    """Even where the project catches the error."""
    with stage() as one:
        kept: list[Any] = []

        def keep() -> None:
            kept.append(connections["default"])
            price()

        def take() -> None:
            with kept[0].cursor() as cursor:
                cursor.execute("SELECT 1")

        one.play((0.0, keep))
        one.engine.current = type(one.engine.current)(one.engine)  # another thread's
        with pytest.raises(ValueError, match="two requests at once use one connection"):
            one._serve(1, 0.0, take)
        with pytest.raises(ValueError, match="two requests at once"):
            one.engine.end_if_strayed()


def test_what_is_heard() -> None:
    """Each statement says whether it writes, and which tables it names."""
    with stage() as one:

        def request() -> None:
            with connections["default"].cursor() as cursor, transaction.atomic():
                cursor.execute("SELECT p.price FROM shop_product p JOIN shop_order o ON o.id = p.id")
                cursor.execute("DELETE FROM shop_order WHERE id IN (SELECT id FROM shop_product)")

        one.play((0.0, request))
        both = frozenset({"shop_product", "shop_order"})
        assert [(one.writes, one.tables) for one in one.heard.statements] == [(False, both), (True, both)]


def test_the_same_run_twice() -> None:
    """The same requests give the same times, whoever waits for whom."""

    def heard() -> list[Any]:
        with stage() as one:
            one.play(*((number / 3000, lambda number=number: set_price(number, number % 3)) for number in range(30)))
            return [*one.heard.commits, *one.heard.statements]

    assert heard() == heard()


def test_an_error_outside_requests_is_plain() -> None:
    """Set-up takes no time, and nobody is told."""
    with stage() as one:
        set_price(4)
        assert price() == 4
        with pytest.raises(DatabaseError), connections["default"].cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        assert one.now_s() == 0
        assert one.heard.statements == []
