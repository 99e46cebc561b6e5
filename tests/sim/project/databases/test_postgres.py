"""PostgreSQL's own locks, in virtual time: who waits, who goes on, and which errors reach the project."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import DatabaseError, InternalError, OperationalError, connections, transaction
from psycopg import sql

from cachewise.sim.errors import ForbiddenError
from cachewise.sim.project.databases.cluster import connect
from cachewise.sim.project.databases.connections import version
from cachewise.sim.project.databases.places import Places
from tests.helpers import wait_until
from tests.sim.project.databases.stage import Stage, price, private, refill, set_price, stage

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """Give a private database."""
    with private("postgres", tmp_path_factory.mktemp("rows")) as places:
        yield places


@pytest.fixture(autouse=True)
def _rows(places: Places) -> None:  # noqa: ARG001 - it is there
    refill()


def run(statement: Any) -> Any:
    """Run a statement, as a view would."""
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def holding(one: Stage, seconds: float, *keys: int) -> Callable[[], None]:
    """Return a request that locks rows for a while."""

    def hold() -> None:
        with transaction.atomic():
            for key in keys:
                set_price(100, key)
            one.engine.wait(seconds)

    return hold


def test_the_servers_version_is_told() -> None:
    """As the server itself says it, without what a distribution adds."""
    ((said,),) = run("SHOW server_version")
    assert version() == f"PostgreSQL {said.split()[0]}"


def test_an_update_is_lost_where_it_would_be() -> None:
    """READ COMMITTED: who has read before the other's commit overwrites it; an expression in SQL does not."""
    with stage() as one:

        def add_in_python() -> None:
            with transaction.atomic():
                set_price(price() + 1)

        one.play((0.0, add_in_python), (0.001, add_in_python))
        assert price() == 1
    with stage() as one:
        add_in_sql = lambda: run("UPDATE shop_product SET price = price + 1 WHERE id = 2")  # noqa: E731
        one.play((0.0, add_in_sql), (0.001, add_in_sql))
        assert price(2) == 2


def test_the_level_of_isolation_is_the_projects(tmp_path: Path) -> None:
    """REPEATABLE READ keeps its snapshot, and refuses the second writer."""
    with private("postgres", tmp_path / "own", OPTIONS={"isolation_level": 3}), stage() as one:
        seen: list[int] = []

        def twice() -> None:
            with transaction.atomic():
                seen.append(price())
                one.engine.wait(1)
                seen.append(price())
                with pytest.raises(OperationalError, match="could not serialize"):
                    set_price(5)
                transaction.set_rollback(True)

        one.play((0.0, twice), (0.5, lambda: set_price(1)))
        assert seen == [0, 0]


def test_a_row_that_is_locked_for_update() -> None:
    """A query waits for it and then reads on; who locked it pays for no commit, as nothing was written."""
    with stage() as one:
        got: list[tuple[float, Any]] = []

        def lock() -> None:
            with transaction.atomic():
                run("SELECT price FROM shop_product WHERE id = 1 FOR UPDATE")
                one.engine.wait(0.5)
            got.append((one.now_s(), "first"))

        def wait() -> None:
            with transaction.atomic():
                got.append((one.now_s(), run("SELECT price FROM shop_product WHERE id = 1 FOR UPDATE")))
            got.append((one.now_s(), "second"))

        one.play((0.0, lock), (0.1, wait))
        assert got == [(0.504, "first"), (0.1, [(0,)]), (0.507, "second")]


def test_a_deadlock_is_the_servers_own_error() -> None:
    """It meets the one whose wait closes the circle, and the other goes on at that instant."""
    with stage() as one:
        told: list[tuple[float, str]] = []

        def both(first: int, second: int) -> Callable[[], None]:
            def request() -> None:
                try:
                    with transaction.atomic():
                        set_price(1, first)
                        one.engine.wait(0.1)
                        set_price(1, second)
                    told.append((one.now_s(), "committed"))
                except OperationalError as error:
                    told.append((one.now_s(), str(error).splitlines()[0]))

            return request

        one.play((0.0, both(1, 2)), (0.001, both(2, 1)))
        assert told == [(0.106, "deadlock detected"), (0.113, "committed")]


def test_a_lock_of_somebody_else_is_waited_for_in_real_time(places: Places) -> None:
    """The judge's queries hold some for a moment: no time passes in the run, and nothing is left waiting."""
    with stage() as free:
        free.play((0.0, lambda: set_price(6)))
    with stage() as one, connect(places["default"]) as stranger, connect(places["default"]) as looking:
        stranger.autocommit = False
        stranger.execute("SELECT FROM shop_product WHERE id = 1 FOR SHARE")
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"

        def let_go() -> None:
            wait_until(lambda: looking.execute(waits).fetchone() != (0,))
            stranger.rollback()

        letting_go = Thread(target=let_go)
        letting_go.start()
        one.play((0.0, lambda: set_price(7)))
        letting_go.join()
        assert price() == 7
        assert one.heard.commits == free.heard.commits != []


def test_a_truncate_is_refused() -> None:
    """Snapshots of before it would be empty, too."""
    with stage() as one:
        refused: list[str] = []

        def empty() -> None:
            with pytest.raises(ForbiddenError) as refusal:
                run("TRUNCATE shop_product")
            refused.append(str(refusal.value))

        one.play((0.0, empty))
        assert refused == [
            "TRUNCATE also empties the snapshots on which earlier reads are judged; use DELETE or QuerySet.delete()"
        ]


def test_many_waiters_of_one_row_go_on_as_they_came() -> None:
    """Not as the server's processes happen to race for the row's next version."""
    with stage() as one:
        done: list[int] = []
        requests = [
            (0.1 + number / 1000, lambda number=number: (set_price(number), done.append(number)))
            for number in range(12)
        ]
        one.play((0.0, holding(one, 1.0, 1)), *requests)
        assert done == [*range(12)]
        assert price() == 11


def test_waiters_of_different_rows_go_on_at_once() -> None:
    """A commit that frees several rows lets all who wait for them go on at its instant."""
    with stage() as one:
        done: list[tuple[int, float]] = []
        requests = [
            (0.1 * key, lambda key=key: (set_price(key, key), done.append((key, one.now_s())))) for key in (1, 2, 3)
        ]
        one.play((0.0, holding(one, 1.0, 1, 2, 3)), *requests)
        assert done == [(1, 1.024), (2, 1.024), (3, 1.024)]


@pytest.mark.parametrize("how", ["savepoint", "close", "advisory"])
def test_locks_that_go_without_a_commit(how: str) -> None:
    """A savepoint that is rolled back, a connection that is closed, an advisory lock that is given back."""
    with stage() as one:
        done: list[float] = []

        def hold() -> None:
            with transaction.atomic():
                sid = transaction.savepoint()
                set_price(1)
                one.engine.wait(1)
                if how == "savepoint":
                    transaction.savepoint_rollback(sid)
                    one.engine.wait(1)

        def close() -> None:
            connections["default"].set_autocommit(False)
            set_price(1)
            one.engine.wait(1)
            connections["default"].close()

        def advise() -> None:
            run("SELECT pg_advisory_lock(1)")
            one.engine.wait(1.001)
            run("SELECT pg_advisory_unlock(1)")

        def wait() -> None:
            run("SELECT pg_advisory_lock(1)") if how == "advisory" else set_price(7)
            done.append(one.now_s())

        first = {"savepoint": hold, "close": close, "advisory": advise}[how]
        one.play((0.0, first), (0.5, wait))
        assert done == [1.012]


def test_an_insert_of_a_taken_key_waits_for_its_fate() -> None:
    """A duplicate that is not committed yet decides whether the second one is refused."""
    with stage() as one:
        told: list[str] = []

        def insert(fails: bool) -> None:
            try:
                with transaction.atomic():
                    run("INSERT INTO shop_product VALUES (77, 1)")
                    one.engine.wait(1)
                    if fails:
                        raise KeyError
                told.append("inserted")
            except (DatabaseError, KeyError) as error:
                told.append(type(error).__name__)

        one.play((0.0, lambda: insert(True)), (0.1, lambda: insert(False)), (0.2, lambda: insert(False)))
        assert told == ["KeyError", "inserted", "IntegrityError"]


def test_an_aborted_transaction_refuses_further_statements() -> None:
    """With the server's own error, where the project goes on in it."""
    with stage() as one:

        def request() -> None:
            with connections["default"].cursor() as cursor, transaction.atomic():
                with pytest.raises(DatabaseError):
                    cursor.execute("SELECT nothing FROM nowhere")
                with pytest.raises(InternalError, match="aborted"):
                    cursor.execute("SELECT 1")
                transaction.set_rollback(True)

        one.play((0.0, request))


def test_the_same_run_twice() -> None:
    """Under many waits and some deadlocks, all that is heard is the same."""

    def heard() -> list[Any]:
        told: list[Any] = []

        def both(number: int) -> None:
            try:
                with transaction.atomic():
                    set_price(number, number * 7 % 4)
                    set_price(number, number * 5 % 3)
                told.append(number)
            except OperationalError:
                told.append(-number)

        with stage() as one:
            one.play(*((number / 700, lambda number=number: both(number)) for number in range(50)))
            return [*told, *one.heard.commits, *one.heard.statements]

    first = heard()
    assert any(isinstance(one, int) and one < 0 for one in first)
    assert heard() == first


def test_what_a_statement_waits_for_ends_with_the_run(places: Places) -> None:
    """A run that ends while somebody waits leaves no stopped process of the server behind."""
    with stage() as one:

        def fail() -> None:
            one.engine.wait(0.5)
            raise KeyError

        with pytest.raises(KeyError):
            one.play((0.0, holding(one, 1.0, 1)), (0.1, lambda: set_price(1)), (0.2, fail))
    with connect(places["default"], "postgres") as connection:
        name = places["default"]["NAME"]
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        while connection.execute("SELECT FROM pg_stat_activity WHERE datname = %s", (name,)).fetchone():
            pass


def test_a_copy_in_a_request_is_refused() -> None:
    """Nobody could tell what it writes."""
    with stage() as one:

        def request() -> None:
            with connections["default"].cursor() as cursor, cursor.copy("COPY shop_product FROM STDIN"):
                pass

        with pytest.raises(ValueError, match=r"calls cursor.copy\(\) of DATABASES"):
            one.play((0.0, request))


def test_projects_that_hear_no_notices() -> None:
    """Where a project has turned the server's notices off, a silence makes us ask who waits."""
    with stage() as one:
        done: list[float] = []

        def deaf() -> None:
            run("SET client_min_messages = error")
            set_price(2)
            done.append(one.now_s())

        one.play((0.0, holding(one, 1.0, 1)), (0.1, deaf))
        assert done == [1.014]


def test_statements_of_psycopgs_own() -> None:
    """A composed statement is read as its text."""
    with stage() as one:
        statement = sql.SQL("SELECT price FROM {}").format(sql.Identifier("shop_product"))
        one.play((0.0, lambda: run(statement)))
        assert [(one.writes, one.tables) for one in one.heard.statements] == [(False, frozenset({"shop_product"}))]


def test_times_of_the_servers_own_are_said(tmp_path: Path) -> None:
    """A default, or a statement, that stamps a row with the machine's time."""
    with private("postgres", tmp_path / "own"):
        run("CREATE TABLE stamped (id integer, at timestamptz DEFAULT statement_timestamp())")
        with stage() as one:
            one.play((0.0, lambda: run("INSERT INTO stamped VALUES (1, now())")))
            notes = [note.partition(" is the real time")[0] for note in one.databases.notes()]
            assert "the default of stamped.at" in notes
            assert "what 'INSERT INTO stamped VALUES (1, now())' writes" in notes
