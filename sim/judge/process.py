"""The judge's process: it pins a snapshot at each commit, and lets children evaluate the wanted questions."""

import os
import selectors
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from ..errors import UserError
from ..processes.cores import cores
from ..project.watch import Tables
from .child import Child
from .docket import Docket
from .forks import fork, reap
from .history import History
from .loaded import load
from .memory import Memory
from .question import Evaluate
from .recall import Recall, Recalled
from .snapshots import Adopted, Snapshots

BATCH = 32  # questions that a child gets at once
WORTH_A_CHILD = 64  # questions: a fork costs as much as some evaluations
AT_ONCE = 50  # questions that are recalled before the run's next message is read
MANY_PINS = 200  # needed only by waiting reads: from here on, one question is worth a child
TOO_MANY_PINS = 400  # of the same kind: from here on the run waits; otherwise memory and forks would grow
Asks = list[tuple[int, bytes | None, int, float, int, int, bytes]]  # (question, packed if new, number, ...)


@dataclass
class _Child:
    pid: int
    state: int
    pipe: Connection
    busy: bool = False


class JudgeProcess:
    """Serves the run until the run has its verdicts, or is gone."""

    def __init__(
        self, run: Connection, evaluate: Evaluate, times_asked: Callable[[], int], snapshots: Snapshots
    ) -> None:
        self._run, self._snapshots = run, snapshots
        self._evaluate, self._times_asked = evaluate, times_asked
        history = History()
        self._docket, self._recall = Docket(history), Recall(history)
        self._readers: dict[int, Adopted] = {}  # state: its snapshot, opened for reading in this process
        self._pins: dict[int, Any] = {}
        self._packed: dict[int, bytes] = {}
        self._children: dict[int, _Child] = {}
        self._dying: list[int] = []  # processes
        self._memory = Memory()
        self._held: tuple[float, Tables] | None = None  # a commit, while the run waits for it to be pinned
        self._raised: dict[str, str] = {}  # function: the first traceback
        self._last = 0  # the state that last got a child
        self._finishing = self._ended = False
        self._cores = cores()
        self._selector = selectors.DefaultSelector()
        self._selector.register(run, selectors.EVENT_READ, self._hear)
        self._verbs: dict[str, Any] = {
            "ask": self._ask,
            "pin": self._pin,
            "let go": self._let_go,
            "finish": self._finish,
            "close": self._close,
        }

    def serve(self) -> None:
        """Serve the run; errors are sent to it."""
        try:
            self._pins[0] = self._snapshots.pin()
            self._run.send(("state", 0))
            while not self._ended:
                for key, _mask in self._selector.select(0 if self._docket.fresh else None):
                    key.data()
                self._ask_again()
                self._make_room()  # it may have waited only for a value that has just been found
                self._employ()
                self._deliver()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass  # the run is gone
        except UserError as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - it is raised there
            self._fail(RuntimeError(traceback.format_exc()))
        finally:
            for pid in (*self._dying, *(one.pid for one in self._children.values())):
                reap(pid, kill=True)

    def _fail(self, error: Exception) -> None:
        """Send *error* to the run, then read all its messages: otherwise closing the pipe would lose the error."""
        with suppress(OSError, EOFError):
            self._run.send(("failed", error))
            while self._run.recv()[0] != "close":
                pass

    def _hear(self) -> None:
        verb, *arguments = self._run.recv()
        self._verbs[verb](*arguments)

    def _ask(self, asks: Asks) -> None:
        for question, packed, number, began_s, first, last, digest in asks:
            if packed is not None:
                self._packed[question] = packed
            self._docket.ask(question, number, began_s, first, last, digest)

    def _pin(self, at_s: float, tables: Tables) -> None:
        self._held = at_s, tables
        if not self._snapshots.has_room():
            self._forget()
            if not self._snapshots.has_room():
                self._docket.keep(min(self._pins))

    def _let_go(self, before_s: float) -> None:
        self._docket.let_go(before_s)
        self._forget()

    def _finish(self) -> None:
        self._finishing = True

    def _close(self) -> None:
        self._ended = True

    def _forget(self) -> None:
        """Close the snapshots that are no longer needed. Until the project's memory is known, all may be needed."""
        if not self._memory.seen:
            return
        needed = self._docket.needed_from()
        for state in [state for state in self._pins if state < needed and state not in self._children]:
            if not self._docket.is_due(state):
                self._drop(state)

    def _drop(self, state: int) -> None:
        self._readers.pop(state, None)
        self._snapshots.let_go(self._pins.pop(state))
        self._docket.gone(state)

    def _make_room(self) -> None:
        """Pin the run's last commit and let the run go on; if there are too many snapshots, drop the oldest."""
        if self._held is None or (self._docket.detained() > TOO_MANY_PINS and self._is_at_work()):
            return
        if not self._snapshots.has_room():
            oldest = min(self._pins)
            if self._docket.is_due(oldest):
                return
            if oldest in self._children:
                self._dismiss(self._children[oldest])
            self._drop(oldest)
        pin = self._snapshots.pin()
        state = self._docket.history.commit(*self._held)
        self._pins[state], self._held = pin, None
        self._run.send(("state", state))

    def _ask_again(self) -> None:
        """Answer newly wanted questions from known values, if their queries give known rows on the wanted state."""
        found = False
        for _ in range(min(AT_ONCE, len(self._docket.fresh))):
            question, state = self._docket.fresh.popleft()
            if state in self._pins and state not in self._children and self._docket.is_wanted(question, state):
                found |= self._is_recalled(question, state)
        if found:
            self._forget()

    def _is_recalled(self, question: int, state: int) -> bool:
        reader = self._readers.get(state) or self._readers.setdefault(state, self._snapshots.adopt(self._pins[state]))
        try:
            with reader.undone():
                reader.hurry()
                value = self._recall.value(question, state, frozenset(self._memory.kept), reader.rows_of)
        except Exception:  # noqa: BLE001 - then an evaluation finds the project's result
            del self._readers[state]
            return False
        if value is not None:
            self._docket.recalled(question, state, value.tables, value.digest)
        return value is not None

    def _employ(self) -> None:
        """Give out wanted questions: to the child of their state, or to a new child that replaces an idle one."""
        for one in self._children.values():
            if not one.busy and one.state in self._docket.wanted:
                self._hand(one)
        while (state := self._next_state()) is not None:
            idle = next((one for one in self._children.values() if not one.busy), None)
            if idle is not None:
                self._dismiss(idle)
            elif len(self._children) >= self._most_children():
                return
            self._hand(self._bear(state))

    def _next_state(self) -> int | None:
        """Return a state that should get a child, or None if no state is worth one.

        States are visited from the newest down, round and round: a search for the last state with a value goes this
        way.
        """
        if self._docket.fresh:  # a recall may make an evaluation needless
            return None
        wanted = {state: len(few) for state, few in self._docket.wanted.items() if state not in self._children}
        if not self._snapshots.has_room() and min(self._pins) in wanted:
            return min(self._pins)
        busy = any(one.busy for one in self._children.values())  # its values may lead to questions on the same states
        hurried = self._finishing or self._held or self._docket.detained() > MANY_PINS or not self._memory.seen
        patient = busy or not hurried
        worth = [state for state in wanted if not patient or wanted[state] >= WORTH_A_CHILD]
        return max((state for state in worth if state < self._last), default=max(worth, default=None))

    def _most_children(self) -> int:
        return self._cores if self._finishing or self._held else max(1, self._cores - 1)  # its core is free

    def _is_at_work(self) -> bool:
        return bool(self._docket.wanted or self._docket.fresh or any(one.busy for one in self._children.values()))

    def _hand(self, one: _Child) -> None:
        work = [(number, self._packed[number], clock_s) for number, clock_s in self._docket.take(one.state, BATCH)]
        one.busy = True
        one.pipe.send(work)

    def _learn(self, one: _Child) -> None:
        try:
            answered = one.pipe.recv()
        except EOFError:
            status = reap(self._children.pop(one.state).pid)
            why = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
            raise UserError(f"an evaluation of a read without a cache ended its process ({why})") from None
        if isinstance(answered, Exception):
            raise answered
        one.busy = False
        answers, loaded, memory = answered
        load(loaded)
        self._memory.join(memory)
        kept = self._docket.kept = frozenset(self._memory.kept)
        for answer in answers:
            value = Recalled(answer.digest, answer.tables | kept)
            self._docket.learn(answer.question, one.state, value.tables, value.digest)
            if answer.path is not None:
                self._recall.learn(answer.question, one.state, answer.path, kept, value)
            if answer.raised:
                self._raised.setdefault(*answer.raised)
        self._forget()

    def _bear(self, state: int) -> _Child:
        self._readers.pop(state, None)
        ours, theirs = Pipe()
        pid = fork(partial(self._be_child, theirs, [ours, self._run], self._pins[state]))
        theirs.close()
        one = self._children[state] = _Child(pid, state, ours)
        self._last = state
        self._selector.register(ours, selectors.EVENT_READ, partial(self._learn, one))
        return one

    def _be_child(self, pipe: Connection, strange: list[Connection], pin: Any) -> None:
        for connection in (*strange, *(one.pipe for one in self._children.values())):
            connection.close()  # so that the other ends notice when they are closed
        Child(self._evaluate, self._times_asked, self._snapshots.adopt(pin), self._memory).serve(pipe)

    def _dismiss(self, one: _Child) -> None:
        self._selector.unregister(one.pipe)
        one.pipe.close()
        del self._children[one.state]
        os.kill(one.pid, signal.SIGKILL)  # it has nothing to clean up
        self._dying = [pid for pid in (*self._dying, one.pid) if not os.waitpid(pid, os.WNOHANG)[0]]

    def _deliver(self) -> None:
        if self._finishing and not self._is_at_work():
            self._finishing = False
            self._run.send(("verdicts", (sorted(self._docket.verdicts), self._raised)))
            self._docket.verdicts.clear()
