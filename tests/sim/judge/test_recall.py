"""Values that are found by asking the database the same again: where that is enough, and where it is not."""

import pickle
import sys
from collections.abc import Sequence
from contextlib import closing
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import cachewise.sim.judge.recall as recall_module
from cachewise.sim.judge import process
from cachewise.sim.judge.compare import Shown
from cachewise.sim.judge.families import snapshots_of
from cachewise.sim.judge.heard import Asked, Heard, Statement
from cachewise.sim.judge.history import History
from cachewise.sim.judge.judge import Judge
from cachewise.sim.judge.memory import Called, Memory
from cachewise.sim.judge.question import Question, Read, Stores
from cachewise.sim.judge.recall import MOST_SURPRISES, Recall, Recalled
from cachewise.sim.judge.sqlite import SqliteSnapshots
from cachewise.sim.project.databases.connections import Sent
from cachewise.sim.project.databases.tables import Nature
from tests.helpers import SERVERS
from tests.sim.judge import stage
from tests.sim.judge.stage import apart

PRODUCTS = frozenset({"judged_product"})
CALLS = Path("calls")


class Colour(Enum):
    """What a query can be asked with."""

    RED = "red"


def counted(question: Question, clock_s: float, stores: Stores) -> Shown:
    """Evaluate, and leave a mark in the folder that the last argument names."""
    name, (*args, folder) = question.name, question.args
    with (Path(folder) / CALLS).open("a") as calls:
        calls.write(f"{name}\n")
    return stage.evaluate(question._replace(args=tuple(args)), clock_s, stores)


def judge_of(database: Any) -> tuple[Any, Judge]:
    """Return the models, and a judge that has begun."""
    models = stage.set_up(database)
    snapshots = snapshots_of("sqlite" if isinstance(database, str) else "postgres", ("default",))
    judge = Judge(counted, snapshots, lambda: stage.TIMES_ASKED[0])
    judge.start()
    return models, judge


def other_rows_change(database: Any, folder: str, name: str = "product") -> tuple[list[bool], int]:
    """Read a row on each of many states that another row has brought; return what is wrong, and count the calls."""
    models, judge = judge_of(database)
    with closing(judge):
        question = Question(name, (2, folder))
        digest = stage.evaluate(Question(name, (2,)), 0.0, {}).digest
        stage.ASKED[0] = 0
        judge.ask(Read(0, question, 0.5, 0, 0, digest))
        judge.finish()
        for state in range(1, 21):
            models.Product.objects.filter(pk=1).update(price=state)
            judge.pin(float(state), PRODUCTS)
            judge.ask(Read(state, question, state + 0.5, state, state, digest))
        verdicts = judge.finish()
    return [one.stale or one.never_true for one in verdicts], len((Path(folder) / CALLS).read_text().split())


@pytest.mark.servers
@pytest.mark.parametrize("family", ["sqlite", "postgres"])
def test_a_change_of_another_row_calls_nothing(tmp_path: Path, family: str) -> None:
    """The table has changed twenty times; the function was called once, and once more to know it."""
    database: Any = stage.database_in(tmp_path)
    if family == "postgres":
        database = SERVERS.start("postgres", virtual=False).database
    assert apart(other_rows_change, database, str(tmp_path)) == ([False] * 20, 2)


def test_who_gives_something_else_each_time_is_called_each_time(tmp_path: Path) -> None:
    """The counter of its process begins anew on each state, so it is not wrong."""
    wrong, calls = apart(other_rows_change, stage.database_in(tmp_path), str(tmp_path), "restless")
    assert wrong == [False] * 20
    assert calls > 20


def waited_for(database: str, folder: str) -> list[bool]:
    """Let the run wait for all that is asked, one question at a time."""
    process.AT_ONCE, process.TOO_MANY_PINS = 1, 0
    models, judge = judge_of(database)
    with closing(judge):
        digests = {pk: stage.evaluate(Question("product", (pk,)), 0.0, {}).digest for pk in (2, 3, 4)}
        for state in range(1, 6):
            models.Product.objects.filter(pk=1).update(price=state)
            judge.pin(float(state), PRODUCTS)
            judge.let_go(state + 0.5)
            for pk, digest in digests.items():
                judge.ask(
                    Read(10 * state + pk, Question("product", (pk, folder)), state + 0.5, state - 1, state, digest)
                )
        return [one.stale or one.never_true for one in judge.finish()]


def test_a_run_that_waits_goes_on_once_all_is_known_by_heart(tmp_path: Path) -> None:
    """Nobody is called at the end of that, whose answer would wake the judge."""
    assert apart(waited_for, stage.database_in(tmp_path), str(tmp_path)) == [False] * 15


def asked_and_changed(database: Any, folder: str, name: str, args: Sequence[Any], price: int) -> Any:
    """Read at 10 s and at 30 s, with a new price of the first product in between; return what is wrong."""
    models, judge = judge_of(database)
    with closing(judge):
        questions = [Question(name, (*few, folder)) for few in args]
        truth = [[stage.evaluate(Question(name, few), 10.0, {}).digest for few in args]]
        for number, question in enumerate(questions):
            judge.ask(Read(number, question, 10.0, 0, 0, truth[0][number]))
        judge.finish()
        models.Product.objects.filter(pk=1).update(price=price)
        stage._least_price.cache_clear()
        judge.pin(20.0, PRODUCTS)
        truth.append([stage.evaluate(Question(name, few), 30.0, {}).digest for few in args])
        for number, question in enumerate(questions):
            judge.ask(Read(10 + number, question, 30.0, 1, 1, truth[0][number]))
            judge.ask(Read(20 + number, question, 30.0, 1, 1, truth[1][number]))
        return truth[0] != truth[1], [(one.number, one.stale, one.never_true) for one in judge.finish()]


def test_a_row_that_the_process_remembers_is_not_asked_for_again(tmp_path: Path) -> None:
    """Its table changes, so the value is not that of before, although every query gives what it gave."""
    args = [(2,), (3,), (4,)]
    found = apart(asked_and_changed, stage.database_in(tmp_path), str(tmp_path), "above_the_least", args, 7)
    assert found == (True, [*((10 + n, True, False) for n in range(3)), *((20 + n, False, False) for n in range(3))])


def test_a_query_that_names_the_time_is_not_the_same_later(tmp_path: Path) -> None:
    """What is not due before 20 s makes no difference to who asks at 10 s, and to who asks at 30 s it does."""
    found = apart(asked_and_changed, stage.database_in(tmp_path), str(tmp_path), "dear_but_due", [()], 20)
    assert found == (True, [(10, True, False), (20, False, False)])


def test_what_the_driver_is_asked_directly_is_not_heard(tmp_path: Path) -> None:
    """So the value is not that of before, although every query that was heard gives what it gave."""
    found = apart(asked_and_changed, stage.database_in(tmp_path), str(tmp_path), "past_django", [(2,)], 7)
    assert found == (True, [(10, True, False), (20, False, False)])


def test_a_query_that_fails_in_the_driver_is_the_projects_own_affair(tmp_path: Path) -> None:
    """It lives with the exception, and so does the judge."""
    found = apart(asked_and_changed, stage.database_in(tmp_path), str(tmp_path), "too_large", [(1,)], 7)
    assert found == (True, [(10, True, False), (20, False, False)])


def memory_of(name: str, database: str) -> tuple[set[int], set[str]]:
    """Look at a question twice, as a child does, and return which are restless, and what is kept."""
    stage.set_up(database)
    adopted = SqliteSnapshots(("default",))
    seen = adopted.adopt(adopted.pin())
    memory = Memory()

    def called() -> Called:
        with seen.evaluation() as heard:
            return Called(stage.evaluate(Question(name, (2,)), 0.0, {}).digest, heard)

    memory.look_at(5, called(), called)
    return memory.restless, memory.kept


@pytest.mark.parametrize(
    ("name", "restless", "kept"),
    [
        ("product", set(), set()),
        ("restless", {5}, set()),
        ("above_the_least", set(), {"judged_product"}),
        ("on_the_shelf", set(), {"judged_shelf"}),
    ],
)
def test_what_a_second_look_shows(tmp_path: Path, name: str, restless: set[int], kept: set[str]) -> None:
    """Who gives something else is not recalled; what is not asked for again is remembered."""
    assert apart(memory_of, name, stage.database_in(tmp_path)) == (restless, kept)


def locked_rows(database: Any, folder: str, name: str) -> tuple[int, list[tuple[int, bool, bool]]]:
    """Ask on two states; then write the row, and lock its table, on a connection that waits for nobody."""
    import psycopg
    from django.db import connection

    models, judge = judge_of(database)
    with closing(judge):
        questions = [Question(name, (pk, folder)) for pk in (2, 3)]
        digests = [stage.evaluate(Question(name, (pk,)), 0.0, {}).digest for pk in (2, 3)]
        connection.close()
        for question, digest in zip(questions, digests, strict=True):
            judge.ask(Read(0, question, 0.5, 0, 0, digest))
        judge.finish()
        models.Product.objects.filter(pk=1).update(price=50)
        judge.pin(1.0, PRODUCTS)
        judge.ask(Read(1, questions[0], 1.5, 1, 1, digests[0]))
        found = judge.finish()
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SET lock_timeout = '10s'")
            other.execute("UPDATE judged_product SET price = 5 WHERE id = 2")
            other.execute("LOCK TABLE judged_product")  # as some requests do, for as long as their transaction takes
            judge.ask(Read(2, questions[1], 1.5, 1, 1, digests[1]))
            state = judge.pin(2.0, PRODUCTS)
        found += judge.finish()
    return state, [(one.number, one.stale, one.unknown) for one in found]


@pytest.mark.servers
@pytest.mark.parametrize("name", ["product", "locked"])
def test_the_judge_holds_no_lock_and_waits_for_none(tmp_path: Path, name: str) -> None:
    """A request may write and lock what was judged, and the judge pins its commit while the lock is there."""
    state, found = apart(locked_rows, SERVERS.start("postgres", virtual=False).database, str(tmp_path), name)
    assert state == 2
    assert found == [(1, False, False), (2, False, False)]


def heard(sql: str, kind: Any = "read", params: Any = (), *, views: bool = False) -> Heard:
    """Return what is heard of one statement."""
    one = Heard()
    one.hear("default", Sent(sql, params, Nature(kind, PRODUCTS, views)))
    return one


def test_what_can_be_asked_again() -> None:
    """Queries whose parameters pickle, and that do nothing but ask; savepoints do not matter."""
    assert heard("SELECT price FROM judged_product WHERE id = %s", params=(1,)).only_asked
    assert heard('SAVEPOINT "s1"', "free").only_asked
    assert heard('SAVEPOINT "s1"', "free").tables == frozenset()
    assert not heard("SELECT nextval('numbers')").only_asked
    assert not heard("SELECT set_config('app.tenant', %s, true)", params=("1",)).only_asked
    assert not heard("SELECT price FROM judged_product FOR NO KEY UPDATE").only_asked
    assert not heard("SELECT price FROM judged_product WHERE day < date('now')").only_asked
    assert not heard("SELECT price FROM cheap_ones", views=True).only_asked
    assert not heard("SELECT pg_advisory_xact_lock(1)").only_asked
    assert not heard("PRAGMA case_sensitive_like = ON", "free").only_asked
    assert not heard("UPDATE judged_product SET price = 1", "write").only_asked
    assert not heard("SELECT %s", params=(lambda: None,)).only_asked


def test_texts_that_differ_in_values_are_one_query() -> None:
    """Lists of any length, numbers and words in quotes are what varies."""
    texts = [
        "SELECT 1 FROM t WHERE id IN (%s, %s) AND name = 'a' LIMIT 20",
        "SELECT 1 FROM t WHERE id IN (%s, %s, %s) AND name = 'it''s' LIMIT 5",
    ]
    first, second = (heard(text).statements[0] for text in texts)
    assert first.text == second.text
    assert first.packed != second.packed


def test_equal_parameters_are_equal_whoever_made_them() -> None:
    """A pickle that tells one object from two equal ones would not."""
    word, other = str(10**6), str(10**6)
    first = heard("SELECT %s, %s", params=(word, word)).statements[0]
    assert first == heard("SELECT %s, %s", params=(word, other)).statements[0]


def test_a_parameter_loads_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the judge has loaded all children have, and what its module remembers."""
    statement = heard("SELECT %s", params=(Colour.RED,)).statements[0]
    assert statement.sent() == ("SELECT %s", (Colour.RED,))
    monkeypatch.delitem(sys.modules, Colour.__module__)
    with pytest.raises(pickle.UnpicklingError, match="is not loaded here"):
        statement.sent()
    assert Colour.__module__ not in sys.modules


A, B, C = (Statement("default", name, name.encode(), PRODUCTS) for name in "abc")


class Rows:
    """Answers queries, and counts them."""

    def __init__(self, **rows: bytes) -> None:
        self.rows, self.asked = rows, list[str]()

    def __call__(self, statement: Statement) -> bytes:
        """Return a digest."""
        self.asked.append(statement.text)
        return self.rows[statement.text]


def recall_with(*paths: tuple[list[Asked], bytes], kept: frozenset[str] = frozenset()) -> tuple[Recall, History]:
    """Return what is known after evaluations of question 0, each on a state of its own."""
    history = History()
    recall = Recall(history)
    for number, (path, digest) in enumerate(paths):
        recall.learn(0, number, path, kept, Recalled(digest, PRODUCTS))
        history.commit(number + 1.0, PRODUCTS)
    return recall, history


def test_the_rows_of_one_query_decide_on_the_next() -> None:
    """Two ways: the second query of each is asked where the first one's rows are those of that way."""
    recall, _history = recall_with(
        ([Asked(A, b"1"), Asked(B, b"1")], b"left"),
        ([Asked(A, b"2"), Asked(C, b"1")], b"right"),
    )
    left, right, neither = Rows(a=b"1", b=b"1"), Rows(a=b"2", c=b"1"), Rows(a=b"1", b=b"3")
    assert recall.value(0, 2, frozenset(), left) == Recalled(b"left", PRODUCTS)
    assert recall.value(0, 2, frozenset(), right) == Recalled(b"right", PRODUCTS)
    assert recall.value(0, 2, frozenset(), neither) is None
    assert recall.value(1, 2, frozenset(), left) is None
    assert (left.asked, right.asked, neither.asked) == (["a", "b"], ["a", "c"], ["a", "b"])


def test_rows_that_the_project_remembers_hold_until_their_table_changes() -> None:
    """Before the first query it is asked which version they are of; and what is remembered may turn out to be more."""
    recall, _history = recall_with(([Asked(B, b"1")], b"value"), kept=PRODUCTS)
    assert recall.value(0, 0, PRODUCTS, Rows(b=b"1")) == Recalled(b"value", PRODUCTS)
    assert recall.value(0, 1, PRODUCTS, Rows(b=b"1")) is None
    assert recall.value(0, 0, PRODUCTS | {"another"}, Rows(b=b"1")) is None


def test_who_asks_something_else_after_the_same_rows_is_not_trusted() -> None:
    """The last one counts, until there were too many surprises; another question does not suffer."""
    surprises = [([Asked(A if number % 2 else B, b"1")], b"value") for number in range(MOST_SURPRISES + 1)]
    recall, _history = recall_with(*surprises)
    assert recall.value(0, 0, frozenset(), Rows(a=b"1", b=b"1")) == Recalled(b"value", PRODUCTS)
    recall.learn(0, 0, [Asked(C, b"1")], frozenset(), Recalled(b"value", PRODUCTS))
    recall.learn(1, 0, [Asked(C, b"1")], frozenset(), Recalled(b"value", PRODUCTS))
    assert recall.value(0, 0, frozenset(), Rows(a=b"1", b=b"1", c=b"1")) is None
    assert recall.value(1, 0, frozenset(), Rows(c=b"1")) == Recalled(b"value", PRODUCTS)


def test_who_gives_something_else_after_the_same_rows_is_not_trusted() -> None:
    """What has the same rows and another value depends on something that no query tells."""
    recall, _history = recall_with(*(([Asked(A, b"1")], str(number).encode()) for number in range(5)))
    assert recall.value(0, 0, frozenset(), Rows(a=b"1")) is None


def test_when_there_is_too_much_to_know_all_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it begins anew, with all questions."""
    monkeypatch.setattr(recall_module, "MOST_NODES", 2)
    recall, _history = recall_with(
        *(([Asked(A, b"1"), Asked(B, str(number).encode())], b"value") for number in range(2))
    )
    assert recall.value(0, 0, frozenset(), Rows(a=b"1", b=b"0")) == Recalled(b"value", PRODUCTS)
    for question in (1, 2):
        recall.learn(question, 0, [Asked(C, b"1")], frozenset(), Recalled(b"value", PRODUCTS))
    assert recall.value(0, 0, frozenset(), Rows(a=b"1", b=b"0")) is None
    assert recall.value(1, 0, frozenset(), Rows(c=b"1")) is None
    assert recall.value(2, 0, frozenset(), Rows(c=b"1")) == Recalled(b"value", PRODUCTS)
