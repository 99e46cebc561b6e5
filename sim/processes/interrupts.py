"""Ctrl-C, SIGTERM and a closed terminal: they become exceptions, held back while code must not be cut short."""

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
AGAIN: Any = getattr(signal, "SIGALRM", None)  # it repeats a swallowed exception; Windows has no such signal
AGAIN_S = 0.01
HELD = (signal.SIGINT, *ENDING)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C. It has its own class: Python loses a command's exit code if a KeyboardInterrupt passes through `eval`."""


class Terminated(SystemExit):
    """SIGTERM, or a closed terminal."""


ENDS = (KeyboardInterrupt, Terminated)  # the exceptions that a signal raises


_received: list[int] = []


def received() -> int | None:
    """Return the signal that ends this command, if any: its exception may have been turned into another one.

    For example, a C module that is interrupted during its import raises ImportError, and matplotlib's C code
    ValueError.
    """
    return _received[0] if _received else None


def forget_received() -> None:
    """Forget a received signal, so that later work in this process starts afresh."""
    _received.clear()


def raise_if_received() -> None:
    """If a signal was received, raise its exception again: other code may have turned it into another exception."""
    if _received:
        raise Interrupted if _received[0] == signal.SIGINT else Terminated(128 + _received[0])


def raise_on_signals() -> None:
    """Let Ctrl-C raise `Interrupted`, and the other signals exit with 128 + their number; `finally` blocks run."""
    forget_received()
    signal.signal(signal.SIGINT, _interrupt)
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` sets it
            signal.signal(number, _terminate)
    raise_what_is_swallowed()


def raise_what_is_swallowed() -> None:
    """From now on, if a signal's exception is raised where Python swallows exceptions, raise it again later.

    Python swallows them in `__del__` and in callbacks of weak references; every import has such a callback.
    """
    global _usual_hook
    if AGAIN is not None and sys.unraisablehook is not _again_if_it_ends:
        _usual_hook, sys.unraisablehook = sys.unraisablehook, _again_if_it_ends


@contextmanager
def nothing_swallowed() -> Iterator[None]:
    """Raise swallowed signals again (as above) in a block. Django makes a client with a `__del__` for every Redis call.

    Outside the main thread this does nothing, because only the main thread gets signals.
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
_swallowed: list[tuple[BaseException, Any]] = []  # the swallowed exception, and the earlier handler of alarms


def _again_if_it_ends(unraisable: Any) -> None:
    error = unraisable.exc_value
    if not isinstance(error, ENDS) or threading.current_thread() is not threading.main_thread():
        _usual_hook(unraisable)
        return
    _swallowed.append((type(error)(*error.args), signal.signal(AGAIN, _raise_swallowed)))
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)  # not at once: that would still be inside the code that swallows


def _raise_swallowed(_signal: int, frame: FrameType | None) -> None:
    if any(one.f_code is _again_if_it_ends.__code__ for one, _ in walk_stack(frame)):
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)  # still inside the swallowing code: the machine is busy
        return
    error, handler = _swallowed[0]
    _swallowed.clear()
    signal.signal(AGAIN, handler or signal.SIG_DFL)
    raise error


def ignore_signals() -> None:
    """Ignore signals from now on: the command's work is done, and only Python's own exit is left."""
    for number in _ours():
        _set_handler(number, signal.SIG_IGN)


def leave_to_parent() -> None:
    """In a worker process: ignore signals that a terminal sends to all processes; the parent handles them."""
    for number in TERMINALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold back Ctrl-C and the other signals until the block is over. A process started in it never sees a Ctrl-C.

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
            if handler is not None:  # otherwise C code has set it, and Python could not restore it
                handlers[number] = handler
                undone.callback(_set_handler, number, handler)
                signal.signal(number, lambda number, _frame: came.append(number))
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            # Processes started from here inherit this thread's signal mask, but not its handlers.
            undone.callback(signal.pthread_sigmask, signal.SIG_SETMASK, signal.pthread_sigmask(signal.SIG_BLOCK, ()))
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        _holds.append((handlers, came))
        undone.callback(_holds.pop)
        yield


def finish(func: Callable[[], object]) -> None:
    """Call *func* with signals held back. If one comes just before that, call it again: *func* must allow this."""
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


_holds: list[tuple[dict[Any, Any], list[int]]] = []  # the open blocks: earlier handlers, and the signals that came


def give_up_if_interrupted() -> None:
    """Raise `Interrupted` if Ctrl-C or another signal is being held back. Long waits in a block call this now and then.

    The block's end then raises what the signal itself does.
    """
    if not _holds or threading.current_thread() is not threading.main_thread():
        return
    came = {number for _, numbers in _holds for number in numbers}
    if hasattr(signal, "sigpending"):  # a blocked Ctrl-C is still pending
        came |= signal.sigpending()
    before, _ = _holds[0]
    if any(before.get(number, signal.SIG_IGN) != signal.SIG_IGN for number in came):
        raise Interrupted


@contextmanager
def interrupts_first() -> Iterator[None]:
    """Raise Ctrl-C's own exception if the interrupted code raised another one in its clean-up.

    For instance, Django's file backend fails in its `finally`, when it removes a file that it has just renamed.
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
    """Make a folder in *parent* (or in the temporary folder). It is removed afterwards, whenever Ctrl-C comes."""
    folder = None
    try:
        with interrupts_held():  # a held signal is raised at the block's end, when the folder exists
            folder = tempfile.TemporaryDirectory(prefix=prefix, dir=parent)
        yield Path(folder.name)
    finally:
        if folder is not None:
            finish(folder.cleanup)


def _ours() -> list[Any]:
    """Return the signals that may end a command. An alarm is one only if it repeats a swallowed exception."""
    return [*HELD, AGAIN] if AGAIN is not None and signal.getsignal(AGAIN) is _raise_swallowed else [*HELD]


def _interrupt(_signal: int, _frame: object) -> None:
    _received.append(signal.SIGINT)
    raise Interrupted


def _terminate(number: int, _frame: object) -> None:
    _received.append(number)
    raise Terminated(128 + number)
