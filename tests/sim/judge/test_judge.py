"""Each read held against the truth, on real databases, by a real judge in processes of its own."""

import random
from contextlib import closing
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from cachewise.sim.judge.families import snapshots_of
from cachewise.sim.judge.judge import Judge
from cachewise.sim.judge.question import Question, Read
from cachewise.sim.judge.verdict import Verdict
from tests.helpers import SERVERS
from tests.sim.judge import stage
from tests.sim.judge.stage import apart

QUESTIONS = [
    *(Question("product", (pk,)) for pk in range(1, 7)),
    *(Question("listing", (shelf,)) for shelf in (1, 2, 3)),
    Question("shelves"),
]
TABLES = {"product": "judged_product", "shelf": "judged_shelf"}


def by_definition(read: Read, truth: list[dict[int, bytes]], commit_s: list[float]) -> Verdict:
    """Return the verdict as the issue words it, over all states."""
    true_on = [state for state, values in enumerate(truth) if values[QUESTIONS.index(read.question)] == read.digest]
    if any(read.first <= state <= read.last for state in true_on):
        return Verdict(read.number)
    before = [state for state in true_on if state < read.first]
    if not before:
        return Verdict(read.number, never_true=True)
    after = before[-1] + 1
    given = [values[QUESTIONS.index(read.question)] for values in truth]
    return Verdict(
        read.number,
        stale=True,
        age_s=read.began_s - commit_s[after],
        outdated_by=after,
        behind=read.first - before[-1],
        changed=tuple(state for state in range(after, read.first + 1) if given[state] != given[state - 1]),
    )


def true_now() -> dict[int, bytes]:
    """Return what each question gives at this moment."""
    return {number: stage.evaluate(question, 0.0, {}).digest for number, question in enumerate(QUESTIONS)}


def change(models: Any, dice: random.Random) -> frozenset[str]:
    """Commit a change, now and then back to an old value; return the tables."""
    if dice.random() < 0.3:
        models.Shelf.objects.filter(pk=dice.randint(1, 3)).update(name=f"shelf {dice.randint(0, 3)}")
        return frozenset({"judged_shelf"})
    models.Product.objects.filter(pk=dice.randint(1, 6)).update(price=dice.randint(0, 3))
    return frozenset({"judged_product"})


def random_run(database: Any, seed: int, *, late: bool = False, commits: int = 25) -> tuple[list[Any], list[Any]]:
    """Return the verdicts of a run with many reads of all sorts, and what they must be."""
    models = stage.set_up(database)
    family = "sqlite" if isinstance(database, str) else "postgres"
    dice, now_s, reads, commit_s = random.Random(seed), 0.0, list[Read](), [0.0]
    with closing(Judge(stage.evaluate, snapshots_of(family, ("default",)))) as judge:
        judge.start()
        truth = [true_now()]
        held: list[tuple[float, frozenset[str]]] = []
        for _ in range(commits):
            now_s += dice.expovariate(1)
            held.append((now_s, change(models, dice)))
            if len(held) > late:
                assert judge.pin(*held.pop(0)) == len(truth) - late
            commit_s.append(now_s)
            truth.append(true_now())
            for _ in range(dice.randint(0, 12)):
                question, last = dice.choice(QUESTIONS), len(truth) - 1 - len(held)
                first = max(0, last - dice.choice([0, 0, 0, 1, 3]))
                origin = dice.choice([last, last, dice.randint(0, last)])
                digest = truth[origin][QUESTIONS.index(question)] if dice.random() < 0.95 else b"of no state"
                reads.append(Read(len(reads), question, now_s + dice.random(), first, last, digest))
                judge.ask(reads[-1])
        found = judge.finish()
    return plain(found), plain(by_definition(read, truth, commit_s) for read in reads)


def plain(verdicts: Any) -> list[Any]:
    """Return verdicts as tuples that can be compared: no number is none."""
    return [tuple(None if isinstance(one, float) and isnan(one) else one for one in verdict) for verdict in verdicts]


def test_the_verdicts_are_those_of_the_definition(tmp_path: Path) -> None:
    """Carried-over values and few evaluations change nothing."""
    found, expected = apart(random_run, stage.database_in(tmp_path), 1)
    assert found == expected
    assert {verdict[1:4:2] for verdict in found} == {(False, False), (True, False), (False, True)}


def test_a_snapshot_that_is_pinned_one_commit_late_is_seen(tmp_path: Path) -> None:
    """The same run, with each state pinned after the following commit, has other verdicts."""
    found, expected = apart(_late, stage.database_in(tmp_path))
    assert found != expected


def _late(database: str) -> Any:
    return random_run(database, 1, late=True)


def what_a_process_remembers(database: Any) -> list[Verdict]:
    """Read twice, with a commit in between, what the process keeps in a cache and in a module."""
    models = stage.set_up(database)
    with closing(Judge(stage.evaluate, snapshots_of("sqlite", ("default",)))) as judge:
        judge.start()
        numbers = iter(range(10))
        for state in (0, 1):
            for name in ("remembered", "kept"):
                question = Question(name, (1,))
                digest = stage.evaluate(question, 0.0, {}).digest
                judge.ask(Read(next(numbers), question, 5.0, state, state, digest))
            models.Product.objects.filter(pk=1).update(price=77 + state)
            judge.pin(2.0 + state, frozenset({"judged_product"}))
        return judge.finish()


def test_what_the_process_remembers_hides_nothing(tmp_path: Path) -> None:
    """An lru_cache and a dict in a module serve old values, and that is seen."""
    verdicts = apart(what_a_process_remembers, stage.database_in(tmp_path))
    assert [(one.stale, one.outdated_by, one.behind) for one in verdicts] == [(False, -1, 0)] * 2 + [(True, 1, 1)] * 2
    assert [one.age_s for one in verdicts[2:]] == [3.0, 3.0]


def what_all_questions_share(database: Any) -> list[Verdict]:
    """Ask for all rows, before and after a change of another one that the process remembers."""
    models = stage.set_up(database)
    questions = [Question("on_the_shelf", (pk,)) for pk in range(1, 7)]
    with closing(Judge(stage.evaluate, snapshots_of("sqlite", ("default",)))) as judge:
        judge.start()
        old = [stage.evaluate(question, 0.0, {}).digest for question in questions]
        reads = [Read(number, questions[number], 1.0, 0, 0, digest) for number, digest in enumerate(old)]
        for read in reads:
            judge.ask(read)
        models.Shelf.objects.update(name="moved")
        judge.pin(2.0, frozenset({"judged_shelf"}))
        for read in reads:
            judge.ask(read._replace(number=read.number + len(reads), began_s=3.0, first=1, last=1))
        return judge.finish()


def test_what_one_evaluation_has_left_in_memory_counts_for_the_next(tmp_path: Path) -> None:
    """Only the first question on a state reads the row that all of them show; each of them depends on it."""
    verdicts = apart(what_all_questions_share, stage.database_in(tmp_path))
    assert [one.stale for one in verdicts] == [False] * 6 + [True] * 6


@pytest.mark.servers
def test_the_verdicts_are_those_of_the_definition_on_postgres() -> None:
    """Snapshots of PostgreSQL show each state, too."""
    found, expected = apart(random_run, SERVERS.start("postgres", virtual=False).database, 3)
    assert found == expected
