"""A child of the judge: it evaluates questions on one state, one after another, and ends."""

import pickle
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from ..errors import StrategyError, UserError
from ..project.watch import Tables
from .compare import raised
from .loaded import Loading
from .memory import Memory
from .question import Evaluate, Question, Stores
from .snapshots import Adopted

Work = list[tuple[int, bytes, float]]  # (question's number; question and stores, pickled; clock)


class Answer(NamedTuple):
    """What a question gives, and which tables it depends on."""

    question: int
    digest: bytes
    tables: Tables
    raised: tuple[str, str] | None = None  # the function's name, and the traceback


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

    def attempt() -> Answer:
        return adopted.writing(lambda: _evaluated(evaluate, adopted, number, question, clock_s, dict(stores)))

    answer = attempt()
    return answer._replace(tables=memory.all_of(question.name, answer.tables, lambda: attempt().tables))


def _evaluated(
    evaluate: Evaluate, adopted: Adopted, number: int, question: Question, clock_s: float, stores: Stores
) -> Answer:
    with adopted.evaluation() as tables:
        try:
            return Answer(number, evaluate(question, clock_s, stores).digest, frozenset(tables))
        except (UserError, StrategyError):
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - that is what the read gives there
            frames = traceback.format_exc()
            return Answer(number, raised(error).digest, frozenset(tables), (question.name, frames))
