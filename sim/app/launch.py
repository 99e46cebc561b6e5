"""Starts processes of a project, each in a private folder with an errand, watches them, and ends them in any case."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from ..daemons.session import Servers
from ..errors import masked, one_line
from ..processes.cores import cores
from ..processes.interrupts import finish, interrupts_held, raise_if_received
from .errand import ANSWER, ERRAND, SERVED, Answer, Errand, leave, take

LOG = "log.txt"  # what the project's code prints, in the process's folder
LOOK_S = 0.01  # how often the parent looks which processes have ended
LAST_LINES = 30
CORES_A_RUN = 2  # one for the run, one for its judge


class Process:
    """A process of a project. The thread that starts it must live as long as the process: see `die_with_parent`."""

    def __init__(self, errand: Errand, folder: Path) -> None:
        self.errand = replace(errand, folder=str(folder))
        self.folder = folder
        leave(folder, ERRAND, self.errand)
        command = [sys.executable, "-P", "-m", f"{__package__}.entry", str(folder), str(os.getpid())]
        with (folder / LOG).open("wb") as log:
            self._popen = subprocess.Popen(  # noqa: S603 - it runs Python
                command,
                env=environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # a terminal's Ctrl-C is the parent's to handle
            )

    def ended(self) -> bool:
        """Return whether it has ended."""
        return self._popen.poll() is not None

    def served(self) -> int:
        """Return how many requests it has served so far."""
        try:
            return int((self.folder / SERVED).read_text())
        except (OSError, ValueError):
            return 0

    def answer(self) -> Answer:
        """Wait for its end and return its answer; if it gave none, an answer that says how it ended."""
        answer: Answer | None = take(self.folder, ANSWER)
        if answer is not None:
            return answer
        log = (self.folder / LOG).read_text(encoding="utf-8", errors="replace")
        return Answer(crash=_how_it_ended(self._popen.wait(), log), frames=masked(last_lines(log)))

    def end(self) -> None:
        """Kill it and all processes that it has started; harmless to repeat."""
        with suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, if all of the group have ended
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


def default_jobs() -> int:
    """Return how many runs go side by side: each uses about two cores, its own and that of its judge."""
    return max(1, cores() // CORES_A_RUN)


def run_all(
    errands: Sequence[Errand],
    jobs: int,
    session: Servers,
    done: Callable[[Errand, Answer], None] = lambda _errand, _answer: None,
    served: Callable[[int], None] = lambda _requests: None,
) -> list[Answer]:
    """Start a process for each errand, *jobs* at a time in this order, and return their answers in the same order.

    *done* is called as each process ends. An exception in it ends all other processes, as do Ctrl-C and any other error
    here. *served* is called from time to time with the number of requests that the running processes have served.
    """
    waiting = deque(enumerate(errands))
    under_way: dict[int, tuple[Process, ExitStack]] = {}
    answers: dict[int, Answer] = {}
    try:
        while waiting or under_way:
            while waiting and len(under_way) < jobs:
                place, errand = waiting.popleft()
                with interrupts_held():
                    under_way[place] = _started(errand, session)
            for place in [place for place, (process, _) in under_way.items() if process.ended()]:
                process, gone = under_way[place]
                answers[place] = process.answer()
                finish(gone.close)
                del under_way[place]
                done(errands[place], answers[place])
            served(sum(process.served() for process, _ in under_way.values()))
            raise_if_received()
            time.sleep(LOOK_S)
    finally:
        for _, gone in under_way.values():
            finish(gone.close)
    return [answers[place] for place in range(len(errands))]


def run_one(errand: Errand, session: Servers) -> Answer:
    """Start a process for *errand*, and return its answer."""
    return run_all([errand], 1, session)[0]


def _started(errand: Errand, session: Servers) -> tuple[Process, ExitStack]:
    """Return a process, and a stack that ends it and removes its folder when it is closed."""
    with ExitStack() as undone:
        folder = undone.enter_context(session.folder())
        process = Process(errand, folder)
        undone.callback(process.end)
        return process, undone.pop_all()


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of a project, made from *ours*.

    It has no variable that leads libpq to a server, it fixes the order of sets, and the child imports this cachewise.
    """
    kept = {name: value for name, value in ours.items() if not name.startswith("PG")}
    places = [str(Path(one).resolve()) for one in kept.get("PYTHONPATH", "").split(os.pathsep) if one]
    top = str(Path(sys.modules["cachewise"].__file__ or "").resolve().parents[1])
    installed = {str(Path(sysconfig.get_path(name)).resolve()) for name in ("purelib", "platlib")}
    if top not in installed and top not in places:  # it may be found here only through the current folder
        places.insert(0, top)
    return {**kept, "PYTHONPATH": os.pathsep.join(places), "PYTHONHASHSEED": "0"}


def last_lines(log: str) -> str:
    """Return the last lines of a process's output."""
    return "\n".join(log.rstrip().splitlines()[-LAST_LINES:])


def _how_it_ended(code: int, log: str) -> str:
    """Say how a process ended that gave no answer; for a crash, with the place in its code if Python printed it."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    if code == -signal.SIGKILL:
        return "its process was killed (is the memory full? try --jobs 1)"
    if code >= 0:
        said = f"; the last line that it printed: {lines[-1]}" if lines else ""
        return masked(one_line(f"its process ended itself with exit code {code}{said}", 300))
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    first = next((nth for nth, line in enumerate(lines) if line.endswith("(most recent call first):")), len(lines))
    where = f" in {lines[first + 1]}" if first + 1 < len(lines) else ""
    return masked(one_line(f"its process crashed with {name}{where}", 300))
