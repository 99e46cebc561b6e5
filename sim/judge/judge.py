"""The judge, as seen from the run's process."""

import pickle
import select
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from ..project.watch import Tables
from .forks import fork, reap
from .process import Asks, JudgeProcess
from .question import Evaluate, Read
from .snapshots import Snapshots
from .verdict import Verdict

ASKS = 200  # reads that are sent at once
PATIENCE_S = 5.0  # for the judge to end its children


class Judge:
    """Judges reads in a separate process, which sees the databases as they were after each commit.

    Args:
        evaluate: gives a question's value without a cache, on the database of Django's connections. It is called in
            children of the judge; an exception of the project's code is a value, too.
        snapshots: pins states of the databases.
        times_asked: how often this process's code has asked for the time so far.
    """

    def __init__(self, evaluate: Evaluate, snapshots: Snapshots, times_asked: Callable[[], int] = lambda: 0) -> None:
        self._evaluate, self._snapshots, self._times_asked = evaluate, snapshots, times_asked
        self._pid: int | None = None
        self._pipe: Connection
        self.raised: dict[str, str] = {}  # function that raised in an evaluation: its first traceback
        self._asks: Asks = []
        self._questions: dict[bytes, int] = {}  # (question, stores) pickled: its number

    def start(self) -> None:
        """Fork the judge, which pins state 0. Call it before the first request, with no database connection open."""
        self._pipe, theirs = Pipe()
        self._pid = fork(partial(self._be_judge, theirs))
        theirs.close()
        self._hear("state")

    def pin(self, at_s: float, tables: Tables) -> int:
        """Pin the state after a commit that changed *tables*, before anything else happens; return its number."""
        self._send_asks()
        self._send("pin", at_s, tables)
        return int(self._hear("state"))

    def ask(self, read: Read) -> None:
        """Have *read* judged, sooner or later."""
        packed = pickle.dumps((read.question, sorted(read.stores.items(), key=lambda item: item[0])))
        known = self._questions.get(packed)
        number = self._questions.setdefault(packed, len(self._questions))
        case = (read.number, read.began_s, read.first, read.last, read.digest)
        self._asks.append((number, packed if known is None else None, *case))
        if len(self._asks) >= ASKS:
            self._send_asks()

    def let_go(self, before_s: float) -> None:
        """Say that no cache holds a value from before that instant any more, so later reads cannot return one."""
        self._send_asks()
        self._send("let go", before_s)

    def finish(self) -> list[Verdict]:
        """Wait for all reads to be judged, and return the verdicts in the order of the reads' numbers."""
        self._send_asks()
        self._send("finish")
        verdicts: list[Verdict]
        verdicts, self.raised = self._hear("verdicts")
        return verdicts

    def close(self) -> None:
        """End the judge and its children, even in the middle of work."""
        if self._pid is None:
            return
        pid, self._pid = self._pid, None
        with suppress(OSError, EOFError):
            self._pipe.send(("close",))
            told = select.poll()  # multiprocessing's own wait uses this process's clock, which may stand still
            told.register(self._pipe, select.POLLIN)
            while told.poll(PATIENCE_S * 1000):
                self._pipe.recv()
        self._pipe.close()
        reap(pid, kill=True)

    def _be_judge(self, pipe: Connection) -> None:
        self._pipe.close()
        JudgeProcess(pipe, self._evaluate, self._times_asked, self._snapshots).serve()

    def _send_asks(self) -> None:
        if self._asks:
            self._send("ask", self._asks)
            self._asks = []

    def _send(self, *message: Any) -> None:
        try:
            self._pipe.send(message)
        except OSError:  # the judge is gone; it may have sent the reason
            self._hear("nothing")

    def _hear(self, expected: str) -> Any:
        try:
            verb, content = self._pipe.recv()
        except (EOFError, OSError):
            raise RuntimeError("the judge has ended") from None
        if verb == "failed":
            raise content
        if verb != expected:
            raise RuntimeError(f"the judge said {verb!r} for {expected!r}")
        return content
