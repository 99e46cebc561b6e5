"""A read that writes is evaluated on a private copy: its truth is right, and the run feels nothing of it."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cachewise.sim.judge.compare import shown
from cachewise.sim.judge.families import snapshots_of
from cachewise.sim.judge.judge import Judge
from cachewise.sim.judge.question import Question, Read
from tests.helpers import SERVERS
from tests.sim.judge import stage
from tests.sim.judge.stage import apart

TABLES = frozenset({"judged_product", "judged_visit"})


def reads_that_write(database: Any) -> dict[str, Any]:
    """Read six times by a function that adds a row, and let all be evaluated while the run holds what they write."""
    from django.db import transaction

    models = stage.set_up(database)
    family = "sqlite" if isinstance(database, str) else "postgres"
    question, plain = Question("visited", (1,)), Question("product", (2,))
    with closing(Judge(stage.evaluate, snapshots_of(family, ("default",)))) as judge:
        judge.start()
        for number in range(6):
            digest = stage.evaluate(question, 0.0, {}).digest
            judge.pin(number + 1.0, TABLES)
            judge.ask(Read(2 * number, question, number + 0.5, number, number, digest))
            judge.ask(Read(2 * number + 1, plain, number + 0.5, number, number, stage.evaluate(plain, 0.0, {}).digest))
        judge.ask(Read(12, question, 9.0, 6, 6, digest))  # what the one before was told
        judge.ask(Read(13, Question("stubborn", (3,)), 9.0, 6, 6, shown(1).digest))
        with transaction.atomic():
            models.Product.objects.select_for_update().filter(pk=1).update(price=5)
            verdicts = judge.finish()
        new = models.Visit.objects.create(product=9).pk
        visits = models.Product.objects.get(pk=1).visits
    return {
        "fresh": [not (one.stale or one.never_true or one.unknown) for one in verdicts],
        "age_s": verdicts[12].age_s,
        "new": new,
        "visits": visits,
        "raised": judge.raised,
    }


@pytest.mark.servers
@pytest.mark.parametrize("family", ["sqlite", "postgres"])
def test_a_read_that_writes(tmp_path: Path, family: str) -> None:
    """Neither a lock of the run's, nor a later commit stops it; the run's rows and numbers stay as they are."""
    database: Any = stage.database_in(tmp_path)
    if family == "postgres":
        database = SERVERS.start("postgres", virtual=False).database
    found = apart(reads_that_write, database)
    assert found == {"fresh": [True] * 12 + [False, True], "age_s": 3.0, "new": 7, "visits": 6, "raised": {}}


def locked_rows(database: Any) -> list[Any]:
    """Evaluate a SELECT ... FOR UPDATE of rows that the run has locked and changed since."""
    from django.db import transaction

    models = stage.set_up(database)
    question = Question("locked", (1,))
    with closing(Judge(stage.evaluate, snapshots_of("postgres", ("default",)))) as judge:
        judge.start()
        judge.ask(Read(0, question, 0.5, 0, 0, stage.evaluate(question, 0.0, {}).digest))
        with transaction.atomic():
            models.Product.objects.filter(pk=1).update(price=5)
        judge.pin(1.0, TABLES)
        with transaction.atomic():
            models.Product.objects.filter(pk=1).update(price=6)
            return [judge.finish(), judge.raised]


@pytest.mark.servers
def test_a_read_that_locks() -> None:
    """Its locks are on a copy as well."""
    verdicts, raised = apart(locked_rows, SERVERS.start("postgres", virtual=False).database)
    assert ([one.stale for one in verdicts], raised) == ([False], {})
