"""Tests of a user's cache class: it must work, use the run's time, and connect only to the session's servers."""

import os
import random
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any

from django.core.cache.backends.dummy import DummyCache

from ..engine.virtual import CURRENT_RUN, EPOCH_S, CurrentRun, virtualise_ancestry
from ..errors import ForbiddenError, UserError, file_name, one_line
from .places import Backend, Place
from .wire import wired

TRIAL_KEY = "cachewise-trial"
Owns = Callable[[str], bool]  # whether the unix socket at a path belongs to one of our servers
Refused = list[ForbiddenError]  # the refusals so far: the refused code may catch the error
# The name of the guarded backend, the sockets it may connect to, and its refusals so far.
_GUARD: ContextVar[tuple[str, Owns, Refused] | None] = ContextVar("cachewise_guard", default=None)
_watching: list[bool] = []


@contextmanager
def only_ours(name: str, owns: Owns) -> Iterator[Refused]:
    """Refuse code of the run that tries to connect to a server other than ours, before it sends anything.

    Only Python's own sockets are watched. A client in C with another server in its OPTIONS is not seen.
    """
    if not _watching:
        sys.addaudithook(_watch)  # it cannot be removed, and does nothing outside such runs
        _watching.append(True)
    refused: Refused = []
    token = _GUARD.set((name, owns, refused))
    try:
        with ending(refused):
            yield refused
    finally:
        _GUARD.reset(token)


def only_ours_for_good(name: str, owns: Owns) -> Refused:
    """Do the same in this whole process until its end, also in threads that the class starts.

    A refusal ends only the thread that gets it; the returned list holds all refusals.
    """
    refused: Refused = []
    sys.addaudithook(lambda event, args: _refuse_others(event, args, name, owns, refused))
    return refused


def quiet_threads() -> None:
    """From now on a refused thread ends without a message, because the run reports the refusal."""
    last_words = threading.excepthook

    def without_ours(args: Any) -> None:
        if not isinstance(args.exc_value, ForbiddenError):
            last_words(args)

    threading.excepthook = without_ours


@contextmanager
def ending(refused: Refused) -> Iterator[None]:
    """If anything was refused, raise the refusal at the end of the block, even if its code has caught it.

    Raises:
        ForbiddenError: in that case.
    """
    try:
        yield
    except Exception:
        if refused:
            raise refused[0] from None
        raise
    if refused:
        raise refused[0]


def _watch(event: str, args: tuple[Any, ...]) -> None:
    guard = _GUARD.get()
    if guard is not None:
        _refuse_others(event, args, *guard)


# The address's position among the event's arguments. Looking up a host's address also contacts a server.
REACHING = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


def _refuse_others(event: str, args: tuple[Any, ...], name: str, owns: Owns, refused: Refused) -> None:
    if event not in REACHING:
        return
    at = REACHING[event]
    address = args[at]
    if event == "socket.sendmsg" and address is None:  # to the connected address
        return
    if at and args[0].family == socket.AF_UNIX and owns(os.fsdecode(address)):
        return
    error = ForbiddenError(
        f"{file_name(name)}: its cache wants to connect to {one_line(address)}; a run never talks to a server that it "
        "did not start: take this out of its OPTIONS, or use a class without it"
    )
    refused.append(error)
    raise error


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def time(self) -> float:
        """Return seconds since the trial's start."""
        return self.now_s


@contextmanager
def usable(backend: Backend) -> Iterator[None]:
    """Report any exception of *backend*'s class in one line: the class cannot be used.

    Raises:
        UserError: in that case.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {one_line(error, 160)}"
        raise UserError(f"{file_name(backend.name)}: {backend.load().__qualname__} cannot be used: {told}") from error


def try_out(backend: Backend, place: Place, refused: Refused) -> None:
    """Store an entry for a second, and look for it at once and three seconds later; check *refused* at each step.

    Raises:
        UserError: if the class cannot do that, or the entry is not there at first, or still there at last: then it
            keeps time in a place unknown here.
    """
    cls, clock = backend.load(virtual=True), _Clock()
    epoch_s = EPOCH_S if place.server is None else EPOCH_S + place.server.begin()
    current = CurrentRun(clock, random.Random(0), place.database_alias, epoch_s=epoch_s)

    def trial() -> Any:
        CURRENT_RUN.set(current)
        make: Any = cls
        with ending(refused):
            cache = make(place.location, wired(backend.params, backend.wire, virtual=True))
            cache.set(TRIAL_KEY, 1, 1)
            cache.get(TRIAL_KEY)
        virtualise_ancestry(cls)  # some classes import their clock's module late: by now they have
        with ending(refused):
            cache.set(TRIAL_KEY, 1, 1)
        with ending(refused):
            at_first = cache.get(TRIAL_KEY)
        clock.now_s = 3.0
        if place.server is not None:
            place.server.move(clock.now_s)
        with ending(refused):
            at_last = cache.get(TRIAL_KEY)
        with ending(refused):
            cache.clear()
        cache.close()
        return at_first, at_last

    with usable(backend):
        at_first, at_last = copy_context().run(trial)
    if at_first != 1 and not issubclass(cls, DummyCache):
        raise UserError(
            f"{file_name(backend.name)}: an entry of {cls.__qualname__} that was stored for 1 s is not there at once: "
            f"get() gives {one_line(repr(at_first), 40)}"
        )
    if at_last is not None:
        raise UserError(
            f"{file_name(backend.name)}: an entry of {cls.__qualname__} with a timeout of 1 s is still there 3 s "
            "later: its clock is not one that the run can set"
        )
