"""A child of the judge: it evaluates questions on one state, one after another, and ends."""

import pickle
from contextlib import suppress
from multiprocessing.connection import Connection

from .questions import Evaluate, Evaluated, Question, Stores
from .snapshots import Adopted, WriteError

Work = list[tuple[int, bytes, float]]  # (question's number, question and stores pickled, clock)


def serve(pipe: Connection, evaluate: Evaluate, adopted: Adopted) -> None:
    """Answer what comes through *pipe* until it is closed."""
    with suppress(EOFError):
        while True:
            work: Work = pipe.recv()
            answers = []
            for number, packed, clock_s in work:
                question, items = pickle.loads(packed)
                found = evaluated(evaluate, adopted, question, clock_s, dict(items))
                answers.append((number, found.tables, found.shown.digest))
            pipe.send(answers)


def evaluated(evaluate: Evaluate, adopted: Adopted, question: Question, clock_s: float, stores: Stores) -> Evaluated:
    """Return what *question* gives on the state that was adopted; on a private copy of it, if it writes."""
    while True:
        try:
            with adopted.evaluation():
                return evaluate(question, clock_s, stores)
        except WriteError as error:
            adopted.copy(error.alias, error.sql)
