"""What the crews of tests do, in their processes."""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cachewise.sim.processes.interrupts import temporary_folder

LONG_S = 600.0


def chore(task: tuple[str, object]) -> object:
    """Do what *task* says: a word, and what it is about."""
    word, about = task
    return CHORES[word](about)


def hang(started: str) -> None:
    """Hang in C, with Python in its hands: neither a signal nor another thread is heard here."""
    Path(started).touch()
    ctypes.PyDLL(None).sleep(int(LONG_S))


def deaf(started: str) -> None:
    """Sleep through SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(started).touch()
    time.sleep(LONG_S)


def tidy(place: str) -> None:
    """Sleep, with a temporary folder that goes when this is unwound."""
    with temporary_folder("tidy-", Path(place)):
        time.sleep(LONG_S)


def serve(started: str) -> None:
    """Have Redis and PostgreSQL up, and sleep."""
    up(None)
    Path(started).touch()
    time.sleep(LONG_S)


def up(_: object) -> None:
    """Have Redis and PostgreSQL up from now on."""
    from cachewise.sim.daemons.session import kept_servers  # it takes a while, which the others do not

    for kind in ("redis", "postgres"):
        kept_servers().start(kind, virtual=kind != "postgres").begin()


def wait_for(event: str) -> None:
    """Wait until there is such a file."""
    while not Path(event).exists():
        time.sleep(0.005)


def kill(number: int) -> None:
    """Send a signal to this process."""
    os.kill(os.getpid(), number)
    time.sleep(LONG_S)


def alone(_: object) -> int:
    """Return how many of these were under way at once in this process."""
    _AT_WORK.append(threading.get_ident())
    try:
        time.sleep(0.01)
        return len(_AT_WORK)
    finally:
        _AT_WORK.pop()


def fail(what: str) -> None:
    """Fail."""
    raise LookupError(what)


_AT_WORK: list[int] = []
CHORES: dict[str, Callable[..., object]] = {
    "square": lambda number: number * number,
    "touch": lambda path: Path(path).touch(),
    "who": lambda _: os.getpid(),
    "alone": alone,
    "deaf": deaf,
    "fail": fail,
    "hang": hang,
    "kill": kill,
    "serve": serve,
    "tidy": tidy,
    "up": up,
    "wait for": wait_for,
}
