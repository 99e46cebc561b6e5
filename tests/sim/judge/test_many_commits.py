"""More commits than there is room for snapshots: what is needed is kept, and what is not is let go."""

import resource
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cachewise.sim.judge import process
from cachewise.sim.judge.compare import Shown
from cachewise.sim.judge.families import snapshots_of
from cachewise.sim.judge.judge import Judge
from cachewise.sim.judge.question import Question, Read, Stores
from tests.helpers import SERVERS
from tests.sim.judge import stage
from tests.sim.judge.stage import apart

PRODUCTS = frozenset({"judged_product"})
FEW_PINS = 50


def commits(database: Any, count: int, room: int | None, behind: int, let_go_after: int | None) -> dict[str, Any]:
    """Change a row again and again; read it now and then, as it is and as it was *behind* commits ago."""
    models = stage.set_up(database)
    snapshots: Any = snapshots_of("sqlite" if isinstance(database, str) else "postgres", ("default",))
    if room is not None:
        snapshots._most = room
    one, two, other = Question("product", (1,)), Question("product", (2,)), Question("product", (3,))
    with closing(Judge(stage.evaluate, snapshots)) as judge:
        judge.start()
        known = [stage.evaluate(one, 0.0, {}).digest]
        judge.ask(Read(0, one, 0.5, 0, 0, known[0]))
        judge.ask(Read(1, two, 0.5, 0, 0, b"of no state"))
        numbers = iter(range(2, 10 * count))
        asked = {}
        for state in range(1, count + 1):
            models.Product.objects.filter(pk__lte=3).update(price=state)
            assert judge.pin(float(state), PRODUCTS) == state
            if let_go_after is not None:
                judge.let_go(state - let_go_after + 0.5)
            known.append(stage.evaluate(one, 0.0, {}).digest if state > count - 3 * behind else b"")
            if state > count - behind:
                for place in (state, state - behind):
                    asked[number := next(numbers)] = state - place
                    judge.ask(Read(number, one, state + 0.5, state, state, known[place]))
        last = next(numbers)
        judge.ask(Read(last, other, count + 0.5, count, count, b"of no state"))
        verdicts = judge.finish()
        open_files = len([*Path(f"/proc/{judge._pid}/fd").iterdir()])
    found = {verdict.number: verdict for verdict in verdicts}
    return {
        "right": all(found[number].behind == behind for number, behind in asked.items()),
        "reads": len(asked),
        "without a clue": [found[number].unknown for number in (1, last)],
        "never true": [found[number].never_true for number in (1, last)],
        "files": open_files,
    }


@pytest.mark.servers
@pytest.mark.parametrize("family", ["sqlite", "postgres"])
def test_snapshots_make_room(tmp_path: Path, family: str) -> None:
    """The oldest goes, once all that is known by then has its value there; of others nobody knows then."""
    database: Any = stage.database_in(tmp_path)
    if family == "postgres":
        database = SERVERS.start("postgres", virtual=False).database
    found = apart(commits, database, 60, 8, 20, None)
    assert found | {"files": 0} == {
        "right": True,
        "reads": 40,
        "without a clue": [False, True],
        "never true": [True, False],
        "files": 0,
    }


@pytest.mark.proof
def test_ten_thousand_commits(tmp_path: Path) -> None:
    """Where copies do not live for ever, few snapshots are open."""
    found = apart(commits, stage.database_in(tmp_path), 10_000, None, 30, 50)
    assert (found["right"], found["reads"], found["never true"]) == (True, 60, [True, True])
    assert found["files"] < 600


def slowly(question: Question, clock_s: float, stores: Stores) -> Shown:
    """Evaluate, slower than commits come."""
    time.sleep(0.03)
    return stage.evaluate(question, clock_s, stores)


def backlog(database: str) -> tuple[int, set[int]]:
    """Have each state judged, many more than there may be snapshots; return the most files, and how far reads lag."""
    models, most = stage.set_up(database), 0
    process.MANY_PINS, process.TOO_MANY_PINS = FEW_PINS // 2, FEW_PINS
    one = Question("product", (1,))
    with closing(Judge(slowly, snapshots_of("sqlite", ("default",)))) as judge:
        judge.start()
        known = [stage.evaluate(one, 0.0, {}).digest]
        for state in range(1, 4 * FEW_PINS):
            models.Product.objects.filter(pk=1).update(price=state)
            judge.pin(float(state), PRODUCTS)
            judge.let_go(state - 4.5)
            known.append(stage.evaluate(one, 0.0, {}).digest)
            if state > 3:
                judge.ask(Read(state, one, state + 0.5, state, state, known[state - 3]))
            most = max(most, len([*Path(f"/proc/{judge._pid}/fd").iterdir()]))
        return most, {one.behind for one in judge.finish()}


def test_the_run_waits_for_a_judge_that_lags_behind(tmp_path: Path) -> None:
    """So there are never many more snapshots than are needed; each is two files."""
    most, behind = apart(backlog, stage.database_in(tmp_path))
    assert behind == {3}
    assert most < 2 * (2 * FEW_PINS)


def test_as_many_snapshots_as_the_system_lets_us_open(tmp_path: Path) -> None:
    """Where they do, the limit of open files is raised, and then it is what counts."""
    found = apart(_few_files, stage.database_in(tmp_path))
    assert (found["right"], found["without a clue"]) == (True, [False, True])
    assert 100 < found["files"] < 400


def _few_files(database: str) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 400))
    return commits(database, 120, None, 15, None)
