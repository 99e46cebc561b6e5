"""The crew: a real run's worker processes, which answer questions one by one; none outlives the harness."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from ..errors import CodeError, UserError, one_line
from ..processes.children import end_all, start_tracker
from ..processes.interrupts import finish, interrupts_held
from ..processes.parcels import Parcel, UnsendableError
from .ledger import CLOCK
from .worker import Job, work

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

WATCH_S = 0.5  # how often the state of the run is checked
PATIENCE_S = 1.0  # for a process that was told to end


class Crew:
    """The worker processes of one run, in order."""

    def __init__(self, pipes: Sequence[Connection], watch: Callable[[], None]) -> None:
        self._pipes = pipes
        self._watch = watch

    def ask(self, worker: int, verb: str, *args: Any) -> Any:
        """Let one worker call *verb* (a method of `cachewise.sim.wall.worker.Worker`) and return its answer."""
        self._tell(worker, verb, args)
        return self._hear(worker)

    def ask_all(self, verb: str, *args: Any, within_s: float = inf) -> list[Any]:
        """Let all workers call *verb* at once and return their answers in order.

        Raises:
            UserError: if one of them has not answered after *within_s* seconds.
        """
        for worker in range(len(self._pipes)):
            self._tell(worker, verb, args)
        answers: dict[int, Any] = {}
        deadline_s = time.monotonic() + within_s
        while len(answers) < len(self._pipes):
            # Answers are read as they come: a dead worker sends none, and the others may take long.
            self._watch()
            if time.monotonic() > deadline_s:
                late = next(nth for nth in range(len(self._pipes)) if nth not in answers)
                raise UserError(
                    f"worker process {late} has not ended within {within_s:,.0f} s: "
                    "a call of it never returns, or this machine is too slow for so much traffic"
                )
            for ready in wait([pipe for nth, pipe in enumerate(self._pipes) if nth not in answers], WATCH_S):
                worker = next(nth for nth, pipe in enumerate(self._pipes) if pipe is ready)
                answers[worker] = self._hear(worker)
        return [answers[worker] for worker in sorted(answers)]

    def entries(self) -> float:
        """Return how many entries the run's caches hold."""
        return float(sum(self.ask_all("entries")))

    def check_clock(self) -> None:
        """Make sure that time stamps of different processes can be compared: one clock for the whole machine.

        Raises:
            UserError: otherwise.
        """
        self.ask_all("clock")  # the first question sets a worker up: ask all at once
        for worker in range(len(self._pipes)):
            before_s = time.monotonic()
            clock, shown_s = self.ask(worker, "clock")
            if clock != CLOCK or not before_s <= shown_s <= time.monotonic():
                raise UserError(f"the wall clock needs a clock that all processes share (CLOCK_MONOTONIC), not {clock}")

    def _tell(self, worker: int, verb: str, args: tuple[Any, ...]) -> None:
        try:
            self._pipes[worker].send((verb, args))
        except OSError:
            raise _died(worker) from None

    def _hear(self, worker: int) -> Any:
        try:
            fine, answer = self._pipes[worker].recv()
        except (EOFError, OSError):
            raise _died(worker) from None
        if not fine:
            raise answer if isinstance(answer, CodeError) else UserError(one_line(answer, 300))
        return answer


@contextmanager
def crew(jobs: Sequence[Job], watch: Callable[[], None]) -> Iterator[Crew]:
    """Start one process for each job; all end with the block. *watch* is called while they work, and may raise."""
    start_tracker()
    context = multiprocessing.get_context("spawn")  # a fork would inherit the harness's Django and locks
    processes: list[BaseProcess] = []
    pipes: list[Connection] = []
    try:
        with interrupts_held():
            for job in jobs:
                ours, theirs = context.Pipe()
                process = context.Process(target=work, args=(Parcel(job), theirs), daemon=True)
                process.start()
                theirs.close()  # so that a worker's death is noticed
                processes.append(process)
                pipes.append(ours)
        yield Crew(pipes, watch)
    except UnsendableError as error:
        mend = "define it, and everything in it, at the top level of a file; a real run always has some"
        why = one_line(error, 120)
        raise UserError(f"a strategy cannot be sent to a worker process ({why}): {mend}") from None
    finally:
        finish(lambda: end_all(processes, PATIENCE_S))


def _died(worker: int) -> UserError:
    return UserError(f"worker process {worker} ended in mid-run")
