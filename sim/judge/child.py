"""A child of the judge: it evaluates questions on one state, one after another, and ends."""

import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from ..errors import StrategyError, UserError
from ..project.watch import Tables
from .compare import raised
from .heard import Asked
from .loaded import Loading
from .memory import Called, Memory
from .question import Evaluate, Question, Stores
from .snapshots import Adopted

Work = list[tuple[int, bytes, float]]  # (question's number; question and stores, pickled; clock)


class Answer(NamedTuple):
    """A question's result, and the tables it depends on; `path` is its queries, if they can be repeated."""

    question: int
    digest: bytes
    tables: Tables
    raised: tuple[str, str] | None  # the function's name, and the traceback
    path: list[Asked] | None


class Child:
    """Evaluates questions on its database state; *memory* is the judge's knowledge of what the project remembers."""

    def __init__(self, evaluate: Evaluate, times_asked: Callable[[], int], adopted: Adopted, memory: Memory) -> None:
        self._evaluate, self._times_asked = evaluate, times_asked
        self._adopted, self._memory = adopted, memory

    def serve(self, pipe: Connection) -> None:
        """Answer the questions that come through *pipe* until it is closed."""
        loading = Loading()
        with suppress(EOFError):
            while True:
                work: Work = pipe.recv()
                learned = Memory()
                try:
                    answers = [self._answer(learned, *one) for one in work]
                    self._adopted.rest()
                    pipe.send((answers, loading.new(), learned))
                except UserError as error:
                    pipe.send(error)
                except Exception:  # noqa: BLE001 - it is raised in the run
                    pipe.send(RuntimeError(traceback.format_exc()))

    def _answer(self, learned: Memory, number: int, packed: bytes, clock_s: float) -> Answer:
        question, stores = pickle.loads(packed)

        def called() -> Called:
            return self._adopted.writing(lambda: self._called(question, clock_s, dict(stores)))

        first = called()
        learned.join(self._memory.look_at(number, first, called))
        tables = first.heard.tables | self._memory.kept
        frames = (question.name, first.frames) if first.frames else None
        return Answer(number, first.digest, tables, frames, self._path(number, first))

    def _called(self, question: Question, clock_s: float, stores: Stores) -> Called:
        before = self._times_asked()
        with self._adopted.evaluation() as heard:
            frames = ""
            try:
                digest = self._evaluate(question, clock_s, stores).digest
            except (UserError, StrategyError):
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001 - this is the read's true result there
                digest, frames = raised(error).digest, traceback.format_exc()
            return Called(digest, heard, self._times_asked() > before, frames)

    def _path(self, number: int, first: Called) -> list[Asked] | None:
        """Return the queries and their rows, or None if repeating the queries is impossible or not enough."""
        if first.timed or not first.heard.only_asked or number in self._memory.restless:
            return None
        with self._adopted.undone():
            try:
                return [Asked(one, self._adopted.rows_of(one)) for one in first.heard.statements]
            except Exception:  # noqa: BLE001 - the project got the same error and handled it
                return None
