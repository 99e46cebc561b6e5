"""What is wanted, and what follows from it: against a reference that goes through all states, without a process."""

import random

import pytest

from cachewise.sim.judge.docket import Docket
from cachewise.sim.judge.history import History, Values
from cachewise.sim.judge.verdict import Verdict
from cachewise.sim.project.watch import ALL_TABLES, Tables
from tests.sim.judge.test_judge import plain

NAMES = ("a", "b", "c", "d")


class Rows:
    """A database of one row a table; a question reads tables, and which ones depends on what it finds in the first."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.history = History()
        self.states = [dict.fromkeys(NAMES, 0)]

    def commit(self) -> None:
        """Change some rows; now and then nobody can say which."""
        rows, changed = dict(self.states[-1]), self.dice.sample(NAMES, self.dice.choice([1, 1, 2]))
        rows.update({name: self.dice.randint(0, 2) for name in changed})
        self.states.append(rows)
        tables: Tables = ALL_TABLES if self.dice.random() < 0.05 else frozenset(changed)
        self.history.commit(float(len(self.states) - 1), tables)

    def evaluate(self, question: int, state: int) -> tuple[bytes, Tables]:
        """Return what *question* gives on *state*, and the tables that it has read."""
        rows, first = self.states[state], NAMES[question % 4]
        if question == 7:
            return repr(sorted(rows.items())).encode(), ALL_TABLES
        if rows[first] == 1:
            return b"1", frozenset({first})
        second = NAMES[(question + 1) % 4]
        return repr((rows[first], rows[second])).encode(), frozenset({first, second})


def reference(rows: Rows, case: tuple[int, int, float, int, int, bytes], oldest: int = 0) -> Verdict:
    """Return the verdict by definition."""
    question, number, began_s, first, last, digest = case
    true_on = [state for state in range(last + 1) if rows.evaluate(question, state)[0] == digest]
    if any(state >= first for state in true_on):
        return Verdict(number)
    before = [state for state in true_on if oldest <= state < first]
    if not before:
        return Verdict(number, never_true=True)
    last_true = before[-1]
    given = [rows.evaluate(question, state)[0] for state in range(first + 1)]
    return Verdict(
        number,
        stale=True,
        age_s=began_s - rows.history.commit_s[last_true + 1],
        outdated_by=last_true + 1,
        behind=first - last_true,
        changed=tuple(state for state in range(last_true + 1, first + 1) if given[state] != given[state - 1]),
    )


def work(rows: Rows, docket: Docket, evaluated: list[tuple[int, int]], most: int | None = None) -> None:
    """Evaluate what is wanted, in any order, and late."""
    while docket.wanted and (most is None or most > 0):
        state = rows.dice.choice(list(docket.wanted))
        for question, _clock_s in docket.take(state, rows.dice.randint(1, 3)):
            evaluated.append((question, state))
            digest, tables = rows.evaluate(question, state)
            docket.learn(question, state, tables, digest)
        most = None if most is None else most - 1


def asked(rows: Rows, docket: Docket, number: int) -> tuple[int, int, float, int, int, bytes]:
    """Ask for a read of any age, or of none."""
    dice, last = rows.dice, len(rows.states) - 1
    question = dice.randrange(8)
    first = max(0, last - dice.choice([0, 0, 1, 4]))
    digest = rows.evaluate(question, dice.choice([last, first, dice.randint(0, last)]))[0]
    case = (question, number, last + dice.random(), first, last, digest if dice.random() < 0.9 else b"of no state")
    docket.ask(*case)
    return case


@pytest.mark.parametrize("seed", range(20))
def test_verdicts_by_definition(seed: int) -> None:
    """Whatever is carried over, and in whichever order the values come; none is evaluated twice, nor without need."""
    rows = Rows(random.Random(seed))
    docket, cases, evaluated = Docket(rows.history), [], list[tuple[int, int]]()
    for _ in range(60):
        rows.commit()
        cases += [asked(rows, docket, len(cases) + n) for n in range(rows.dice.randint(0, 4))]
        work(rows, docket, evaluated, rows.dice.randint(0, 3))
    work(rows, docket, evaluated)
    assert plain(sorted(docket.verdicts)) == plain(reference(rows, case) for case in cases)
    assert len(set(evaluated)) == len(evaluated)
    segments = {(question, _segment(rows, question, state)) for question, state in evaluated}
    assert len(segments) == len(evaluated)
    assert docket.needed_from() == 0


def _segment(rows: Rows, question: int, state: int) -> int:
    return rows.history.began(rows.evaluate(question, state)[1], state)


@pytest.mark.parametrize("seed", range(10))
def test_old_states_are_let_go(seed: int) -> None:
    """What no cache can hold any more is not looked at; what an earlier read needs is kept for it."""
    rows = Rows(random.Random(seed))
    docket, cases, evaluated, oldest = Docket(rows.history), [], list[tuple[int, int]](), list[int]()
    for _ in range(60):
        rows.commit()
        before_s = max(0.0, len(rows.states) - 1 - 10.0)
        docket.let_go(before_s)
        new = [asked(rows, docket, len(cases) + n) for n in range(rows.dice.randint(0, 4))]
        cases += new
        # State k was superseded at k + 1: so the oldest that is left is the first with k + 1 >= before_s.
        oldest += [min(max(0, int(before_s) - 1), case[3]) for case in new]
        work(rows, docket, evaluated, rows.dice.randint(0, 3))
        left = [floor for case, floor in zip(cases, oldest, strict=True) if case[1] not in _decided(docket)]
        assert docket.needed_from() == min([max(0, int(before_s) - 1), *left])
    work(rows, docket, evaluated)
    found = [reference(rows, case, floor) for case, floor in zip(cases, oldest, strict=True)]
    assert plain(sorted(docket.verdicts)) == plain(found)


def test_what_the_projects_memory_holds_is_needed_and_not_in_arrears() -> None:
    """Its states are kept from before its table changed; nobody need hurry for that, nor wait."""
    history = History()
    docket = Docket(history)
    docket.kept = frozenset({"site"})
    for number in range(1, 11):
        history.commit(float(number), frozenset({"site"} if number == 4 else {"page"}))
    docket.let_go(9.5)
    assert (docket.needed_from(), docket.detained()) == (3, 0)
    docket.ask(0, 0, 9.6, 10, 10, b"some")
    docket.let_go(20.0)
    assert (docket.needed_from(), docket.detained()) == (3, 1)


def _decided(docket: Docket) -> set[int]:
    return {verdict.number for verdict in docket.verdicts}


def test_what_is_kept_of_a_state_that_had_to_go() -> None:
    """Questions that were known by then are judged as ever; of another one nobody can say."""
    rows = Rows(random.Random(1))
    docket, evaluated = Docket(rows.history), list[tuple[int, int]]()
    docket.ask(7, 0, 0.0, 0, 0, rows.evaluate(7, 0)[0])
    rows.commit()
    old = rows.evaluate(7, 1)[0]
    docket.keep(1)
    assert docket.is_due(1)
    work(rows, docket, evaluated)
    assert not docket.is_due(1)
    docket.gone(1)
    rows.commit()
    rows.commit()
    docket.ask(7, 1, 3.5, 3, 3, old)
    docket.ask(3, 2, 3.5, 3, 3, b"of no state")
    work(rows, docket, evaluated)
    assert (7, 1) in evaluated
    verdicts = {verdict.number: verdict for verdict in docket.verdicts}
    assert plain([verdicts[1]]) == plain([reference(rows, (7, 1, 3.5, 3, 3, old))])
    assert verdicts[2].unknown
    assert (3, 1) not in evaluated


def test_how_long_a_value_holds() -> None:
    """From the last commit that changed one of its tables to the next; who knows no table is changed by each."""
    history = History()
    for number, tables in enumerate([{"a"}, {"b"}, {"a"}, {"*"}, {"b"}], 1):
        history.commit(float(number), frozenset(tables))
    values = Values(history)
    assert [history.began(frozenset({"a"}), state) for state in range(6)] == [0, 1, 1, 3, 4, 4]
    assert [history.ended(frozenset({"a"}), state) for state in range(6)] == [1, 3, 3, 4, None, None]
    assert [history.began(ALL_TABLES, state) for state in (0, 5)] == [0, 5]
    assert [history.ended(ALL_TABLES, state) for state in (0, 5)] == [1, None]
    values.learn(2, frozenset({"a"}), b"two")
    found = [values.at(state) for state in range(6)]
    assert [value and value.digest for value in found] == [None, b"two", b"two", None, None, None]


def test_a_value_that_named_fewer_tables_ends_where_another_was_known() -> None:
    """What an evaluation names may vary (a process remembers things): each state still has one value, once learned."""
    history = History()
    values = Values(history)
    for tables in ({"a"}, {"b"}, {"b"}, {"a"}):
        history.commit(1.0, frozenset(tables))
    values.learn(2, frozenset({"a", "b"}), b"both")
    values.learn(4, frozenset({"c"}), b"less")
    found = [values.at(state) for state in range(5)]
    assert [None if one is None else one.digest for one in found] == [None, None, b"both", b"less", b"less"]
