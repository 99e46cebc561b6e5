"""The judge as a process: how it ends, what it says where it cannot judge, and how it makes do with few snapshots."""

import importlib
import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cachewise.sim.errors import UserError
from cachewise.sim.judge.compare import raised, shown
from cachewise.sim.judge.families import snapshots_of
from cachewise.sim.judge.judge import Judge
from cachewise.sim.judge.question import Question, Read, Stores
from tests.helpers import wait_until
from tests.sim.judge import stage
from tests.sim.judge.stage import apart


def begun(database: str, evaluate: Any = stage.evaluate) -> tuple[Any, Judge]:
    """Return the models, and a judge that has begun."""
    models = stage.set_up(database)
    judge = Judge(evaluate, snapshots_of("sqlite", ("default",)))
    judge.start()
    return models, judge


def hang(question: Question, clock_s: float, stores: Stores) -> Any:  # noqa: ARG001 - as it is called
    """Say who evaluates, and never end."""
    told = Path(question.args[0])
    told.with_suffix(".new").write_text(f"{os.getpid()} {os.getppid()}")
    told.with_suffix(".new").rename(told)  # whoever finds it finds all of it
    time.sleep(1000)


def killed(database: str, told: str) -> None:
    """Let the judge evaluate for ever, and be killed."""
    _models, judge = begun(database, hang)
    judge.ask(Read(0, Question("product", (told,)), 0.0, 0, 0, b""))
    wait_until(lambda: _let_be_judged(judge) or Path(told).exists())
    os.kill(os.getpid(), signal.SIGKILL)


def _let_be_judged(judge: Judge) -> None:
    if judge._asks:
        judge._send_asks()
        judge._send("finish")


def test_a_run_that_is_killed_leaves_no_judge(tmp_path: Path) -> None:
    """Neither the judge outlives it, nor the judge's child in the middle of an evaluation."""
    told = tmp_path / "who"
    with pytest.raises(EOFError):
        apart(killed, stage.database_in(tmp_path), str(told))
    child, judge = map(int, told.read_text().split())
    wait_until(lambda: not _lives(child) and not _lives(judge))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def closed(database: str, told: str) -> list[bool]:
    """Close a judge whose child never ends, and return who is left."""
    _models, judge = begun(database, hang)
    judge.ask(Read(0, Question("product", (told,)), 0.0, 0, 0, b""))
    wait_until(lambda: _let_be_judged(judge) or Path(told).exists())
    pids = [int(pid) for pid in Path(told).read_text().split()]
    judge.close()
    judge.close()
    return [_lives(pid) for pid in pids]


def test_a_judge_that_is_closed_leaves_nobody(tmp_path: Path) -> None:
    """Its child is gone with it when `close` returns."""
    assert apart(closed, stage.database_in(tmp_path), str(tmp_path / "who")) == [False, False]


def end_itself(question: Question, clock_s: float, stores: Stores) -> Any:  # noqa: ARG001 - as it is called
    """Kill the process that evaluates."""
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse(question: Question, clock_s: float, stores: Stores) -> Any:  # noqa: ARG001 - as it is called
    """Refuse, as the guard does that lets nothing outside."""
    raise UserError("no socket to anywhere")


def fail(question: Question, clock_s: float, stores: Stores) -> Any:  # noqa: ARG001 - as it is called
    """Raise, as a project's function does for a row that is not there."""
    raise LookupError(f"no product {question.args[0]}")


def judged(database: str, evaluate: Any) -> Any:
    """Judge one read, and return what came of it."""
    _models, judge = begun(database, evaluate)
    with closing(judge):
        judge.ask(Read(0, Question("product", (1,)), 0.0, 0, 0, raised(LookupError("no product 1")).digest))
        try:
            return judge.finish(), {name: frames.splitlines()[-1] for name, frames in judge.raised.items()}
        except UserError as error:
            return str(error)


@pytest.mark.parametrize(
    ("evaluate", "said"),
    [
        (end_itself, "an evaluation of a read without a cache ended its process (signal SIGSEGV)"),
        (refuse, "no socket to anywhere"),
    ],
)
def test_why_it_cannot_judge(tmp_path: Path, evaluate: Any, said: str) -> None:
    """The run hears of it, in a line."""
    assert apart(judged, stage.database_in(tmp_path), evaluate) == said


def refuse_when_told(question: Question, clock_s: float, stores: Stores) -> Any:  # noqa: ARG001 - as it is called
    """Say that somebody evaluates, and refuse as soon as a file is there."""
    folder = Path(question.args[0])
    (folder / "evaluating").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    raise UserError("no socket to anywhere")


def told_while_it_goes_on(database: str, folder: str) -> str:
    """Go on while the judge fails, which has not read all that it was told."""
    _models, judge = begun(database, refuse_when_told)
    with closing(judge):
        judge.ask(Read(0, Question("product", (folder,)), 0.0, 0, 0, b""))
        judge._send_asks()
        wait_until((Path(folder) / "evaluating").exists)
        assert judge._pid is not None
        os.kill(judge._pid, signal.SIGSTOP)
        for _ in range(20):
            judge.let_go(0.0)
        (Path(folder) / "go").touch()
        os.kill(judge._pid, signal.SIGCONT)
        wait_until(lambda: judge._pipe.poll(0.1))
        try:
            judge.pin(1.0, frozenset({"judged_product"}))
        except UserError as error:
            return str(error)
    return ""


def test_why_it_cannot_judge_is_told_to_a_run_that_goes_on(tmp_path: Path) -> None:
    """What the run has sent meanwhile is read first: else the system would throw away what it is told."""
    assert apart(told_while_it_goes_on, stage.database_in(tmp_path), str(tmp_path)) == "no socket to anywhere"


def test_an_exception_is_a_truth(tmp_path: Path) -> None:
    """What a read raises without a cache is what it gives, and the first traceback of each function is told."""
    (verdict,), raised = apart(judged, stage.database_in(tmp_path), fail)
    assert not verdict.stale
    assert not verdict.never_true
    assert raised == {"product": "LookupError: no product 1"}


def stores_told(database: str) -> list[bool]:
    """Ask the same question with two values of a store."""
    _models, judge = begun(database)
    with closing(judge):
        question = Question("session", (1,))
        for number, value in enumerate(("ann", "bob", "ann")):
            stores = {("default", "session"): value}
            judge.ask(Read(number, question, 0.0, 0, 0, stage.evaluate(question, 0.0, stores).digest, stores))
        wrong = {("default", "session"): "bob"}
        judge.ask(Read(3, question, 0.0, 0, 0, stage.evaluate(question, 0.0, wrong).digest, stores))
        return [one.never_true for one in judge.finish()]


def test_a_store_keeps_its_value(tmp_path: Path) -> None:
    """Each read is evaluated with what the stores have told it."""
    assert apart(stores_told, stage.database_in(tmp_path)) == [False, False, False, True]


def import_lazily(question: Question, clock_s: float, stores: Stores) -> Any:  # noqa: ARG001 - as it is called
    """Say what was loaded before, of a library and of the project, and load it."""
    before = [name in sys.modules for name in LAZY]
    for name in LAZY:
        importlib.import_module(name)
    return shown(before)


LAZY = ("django.contrib.syndication.views", "tests.sim.judge.test_compare")


def loaded_twice(database: str) -> list[bool]:
    """Evaluate on two states, one after the other."""
    _models, judge = begun(database, import_lazily)
    with closing(judge):
        found = []
        for state, library in enumerate((False, True)):
            judge.ask(Read(state, Question("imports"), 0.0, state, state, shown([library, False]).digest))
            found += [one.never_true or one.stale for one in judge.finish()]
            judge.pin(1.0, frozenset({"*"}))
        return found


def test_what_a_child_has_loaded_the_next_one_has(tmp_path: Path) -> None:
    """Of libraries; the project's own modules, which may remember rows, each child loads anew."""
    assert apart(loaded_twice, stage.database_in(tmp_path)) == [False, False]
