"""A child of the judge: it evaluates questions on one state, one after another, and ends."""

import pickle
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from django.db import Error

from ..errors import StrategyError, UserError
from ..project.databases.statements import asks_the_time
from ..project.watch import Tables
from .compare import raised
from .heard import Heard, Traced
from .loaded import Loading
from .memory import Called, Memory
from .question import Evaluate, Question, Stores
from .snapshots import Adopted

Work = list[tuple[int, bytes, float]]  # (question's number; question and stores, pickled; clock)


class Answer(NamedTuple):
    """What a question gives, and which tables it depends on; `path` is what it asked, if that can be asked again."""

    question: int
    digest: bytes
    tables: Tables
    raised: tuple[str, str] | None = None  # the function's name, and the traceback
    path: list[Traced] | None = None


def serve(pipe: Connection, evaluate: Evaluate, adopted: Adopted, memory: Memory) -> None:
    """Answer what comes through *pipe* until it is closed; *memory* is what the judge knows of the project's."""
    loading = Loading()
    with suppress(EOFError):
        while True:
            work: Work = pipe.recv()
            try:
                answers = [_answered(evaluate, adopted, memory, *one) for one in work]
                pipe.send((answers, loading.new(), memory))
            except UserError as error:
                pipe.send(error)
            except Exception:  # noqa: BLE001 - it is raised in the run
                pipe.send(RuntimeError(traceback.format_exc()))


def _answered(
    evaluate: Evaluate, adopted: Adopted, memory: Memory, number: int, packed: bytes, clock_s: float
) -> Answer:
    question, stores = pickle.loads(packed)

    def called(later_s: float = 0.0) -> Called:
        return adopted.writing(lambda: _called(evaluate, adopted, question, clock_s + later_s, dict(stores)))

    first = called()
    memory.look_at(question.name, first, called)
    tables = first.heard.tables | memory.kept
    frames = (question.name, first.frames) if first.frames else None
    return Answer(number, first.digest, tables, frames, _path(adopted, memory, question.name, first.heard))


def _called(evaluate: Evaluate, adopted: Adopted, question: Question, clock_s: float, stores: Stores) -> Called:
    with adopted.evaluation() as heard:
        try:
            return Called(evaluate(question, clock_s, stores).digest, heard)
        except (UserError, StrategyError):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - that is what the read gives there
            return Called(raised(error).digest, heard, traceback.format_exc())


def _path(adopted: Adopted, memory: Memory, name: str, heard: Heard) -> list[Traced] | None:
    """Return what was asked, and what the rows are; None: it cannot be asked again, or that would not be enough."""
    if not heard.only_asked or name in memory.timed:
        return None
    path = []
    with adopted.undone():
        for one in heard.statements:
            unsteady = (name, one.alias, one.text) in memory.unsteady or asks_the_time(one.text)
            try:
                path.append(Traced(one, None if unsteady else adopted.rows_of(one)))
            except Error:  # the project has caught it
                return None
    return path
