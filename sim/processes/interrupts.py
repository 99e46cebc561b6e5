"""Ctrl-C, SIGTERM and a closed terminal: exceptions in a command, held back while something must not stop half-way."""

import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from traceback import walk_stack
from types import FrameType
from typing import Any

# Not every system has SIGHUP, which says that the terminal is gone.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
TERMINALS = tuple(number for number in (signal.SIGINT, *ENDING) if number != signal.SIGTERM)
AGAIN: Any = getattr(signal, "SIGALRM", None)  # what was swallowed comes again with this one; Windows has none
AGAIN_S = 0.01
HELD = (signal.SIGINT, *ENDING)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C. Python loses the exit code of a command in which a plain KeyboardInterrupt has passed through `eval`."""


class Terminated(SystemExit):
    """SIGTERM, or a closed terminal."""


ENDS = (KeyboardInterrupt, Terminated)  # what a signal raises


_received: list[int] = []


def received() -> int | None:
    """Return the signal that ends this command, if one does: what it raised may have come out as something else.

    A module in C that is interrupted while it is imported raises ImportError, and matplotlib's own in C ValueError.
    """
    return _received[0] if _received else None


def forget_received() -> None:
    """Let whatever comes next in this process begin anew."""
    _received.clear()


def raise_if_received() -> None:
    """Raise what a signal raised once already, if one came and somebody has taken its exception for another."""
    if _received:
        raise Interrupted if _received[0] == signal.SIGINT else Terminated(128 + _received[0])


def raise_on_signals() -> None:
    """Let Ctrl-C raise `Interrupted`, and the others exit with 128 + their number: all unwind what is under way."""
    forget_received()
    signal.signal(signal.SIGINT, _interrupt)
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` sets it
            signal.signal(number, _terminate)
    raise_what_is_swallowed()


def raise_what_is_swallowed() -> None:
    """From now on, raise an end again that came where Python swallows every exception.

    It does so in `__del__` and in the callbacks of weak references, of which every import has one.
    """
    global _usual_hook
    if AGAIN is not None and sys.unraisablehook is not _again_if_it_ends:
        _usual_hook, sys.unraisablehook = sys.unraisablehook, _again_if_it_ends


@contextmanager
def nothing_swallowed() -> Iterator[None]:
    """Do so until the block is over: Django makes a client for every call of Redis, each of which has a `__del__`.

    Outside the main thread, which alone hears signals, this does nothing.
    """
    before = sys.unraisablehook
    if threading.current_thread() is threading.main_thread():
        raise_what_is_swallowed()
    try:
        yield
    finally:
        if sys.unraisablehook is _again_if_it_ends:
            sys.unraisablehook = before


_usual_hook: Callable[[Any], Any] = sys.unraisablehook
_swallowed: list[tuple[BaseException, Any]] = []  # what was, and the handler of alarms before it


def _again_if_it_ends(unraisable: Any) -> None:
    error = unraisable.exc_value
    if not isinstance(error, ENDS) or threading.current_thread() is not threading.main_thread():
        _usual_hook(unraisable)
        return
    _swallowed.append((type(error)(*error.args), signal.signal(AGAIN, _raise_swallowed)))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)  # not at once, which is still inside of what swallows


def _raise_swallowed(_signal: int, frame: FrameType | None) -> None:
    if any(one.f_code is _again_if_it_ends.__code__ for one, _ in walk_stack(frame)):
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)  # still inside: a busy machine took long to get out
        return
    error, handler = _swallowed[0]
    _swallowed.clear()
    signal.signal(AGAIN, handler or signal.SIG_DFL)
    raise error


def ignore_signals() -> None:
    """Let them do nothing any more: what was asked for is done, and only Python's own end is left."""
    for number in _ours():
        _set_handler(number, signal.SIG_IGN)


def leave_to_parent() -> None:
    """In a worker process: what a terminal sends to all processes is the parent's to handle."""
    for number in TERMINALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Let Ctrl-C and the others wait until the block is over; a process started in it never sees a Ctrl-C.

    Outside the main thread this does nothing: Python hands signals to the main thread alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers: dict[Any, Any] = {}
    with ExitStack() as undone:  # in the reverse of this order
        undone.callback(_raise_again, came)
        for number in _ours():
            handler = signal.getsignal(number)
            if handler is not None:  # else other code than Python's has set it, and Python could not put it back
                handlers[number] = handler
                undone.callback(_set_handler, number, handler)
                signal.signal(number, lambda number, _frame: came.append(number))
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            # Processes started from here inherit this thread's mask; its handlers they do not.
            undone.callback(signal.pthread_sigmask, signal.SIG_SETMASK, signal.pthread_sigmask(signal.SIG_BLOCK, ()))
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        _holds.append((handlers, came))
        undone.callback(_holds.pop)
        yield


def finish(func: Callable[[], object]) -> None:
    """Call *func*, cut in two by no interrupt, and again if one came just before it was held: it must bear that."""
    try:
        with interrupts_held():
            func()
    except ENDS:
        with interrupts_held():
            func()
        raise


def _set_handler(number: Any, handler: Any) -> None:
    """Set a handler, even if the one before it still raises first."""
    try:
        signal.signal(number, handler)
    except BaseException:
        signal.signal(number, handler)
        raise


def _raise_again(came: list[int]) -> None:
    for number in dict.fromkeys(came):
        signal.raise_signal(number)


_holds: list[tuple[dict[Any, Any], list[int]]] = []  # the blocks under way: the handlers before, and what came


def give_up_if_interrupted() -> None:
    """Raise `Interrupted` if Ctrl-C or another signal is being held: what waits for long in a block asks now and then.

    The block's end then raises what the signal itself does.
    """
    if not _holds or threading.current_thread() is not threading.main_thread():
        return
    came = {number for _, numbers in _holds for number in numbers}
    if hasattr(signal, "sigpending"):  # a Ctrl-C that is blocked has not come yet
        came |= signal.sigpending()
    before, _ = _holds[0]
    if any(before.get(number, signal.SIG_IGN) != signal.SIG_IGN for number in came):
        raise Interrupted


@contextmanager
def interrupts_first() -> Iterator[None]:
    """Let Ctrl-C through where the code that it interrupted stumbled over itself and raised something else.

    Django's file backend, for instance, removes in its `finally` what it has just renamed.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while isinstance(cause, Exception):
            cause = cause.__context__
        if isinstance(cause, ENDS):
            raise cause from None
        raise


@contextmanager
def temporary_folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """Make a folder in *parent* (or where temporary files go) that is gone afterwards, whenever Ctrl-C comes."""
    folder = None
    try:
        with interrupts_held():  # what it held back is raised at its end, when the folder is there
            folder = tempfile.TemporaryDirectory(prefix=prefix, dir=parent)
        yield Path(folder.name)
    finally:
        if folder is not None:
            finish(folder.cleanup)


def _ours() -> list[Any]:
    """Return the signals that may end a command; an alarm is one only where it brings back what was swallowed."""
    return [*HELD, AGAIN] if AGAIN is not None and signal.getsignal(AGAIN) is _raise_swallowed else [*HELD]


def _interrupt(_signal: int, _frame: object) -> None:
    _received.append(signal.SIGINT)
    raise Interrupted


def _terminate(number: int, _frame: object) -> None:
    _received.append(number)
    raise Terminated(128 + number)
