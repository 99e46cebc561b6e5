"""How a command ends: its exit code, and one line on standard error where something was wrong."""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import typer

from ..errors import CodeError, UserError, masked, one_line, refusal_of
from ..processes.interrupts import forget_received, ignore_signals, received

# 0: all is well. After another signal than these two: 128 + its number.
FAILED = 1  # it ran, but the result is not good: a PROBLEM, a claim that broke, a limit that was missed, unjudged reads
BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT
BROKEN_PIPE = 141  # 128 + SIGPIPE
BAD_USAGE: Any = typer.BadParameter.__mro__[2]  # typer's base class of all usage errors


def exit_code_of(command: Callable[[], Any]) -> int:
    """Run *command*, print one line for an error of the user's, and return the exit code.

    Only mistakes of cachewise's own are raised as exceptions.
    """
    try:
        try:
            code = command()
        finally:
            ignore_signals()  # a signal from here on would only cut the message in two
    except BaseException as error:
        code = _code_after(error)
        if code is None:
            raise
    forget_received()
    if code == INTERRUPTED:  # typer itself turns some Ctrl-C into this code
        say(f"cachewise: {_when_interrupted[-1]()}")
    return code or 0


def say_when_interrupted(told: Callable[[], str]) -> None:
    """From now on print this after a Ctrl-C, for a command that may have written something."""
    _when_interrupted.append(told)


_when_interrupted: list[Callable[[], str]] = [lambda: "interrupted; nothing was written"]


def show_own_frames(asked: bool) -> None:
    """From now on, if *asked*, print the traceback of an exception in a user's file before its line."""
    _frames_wanted[:] = [True] if asked else []


def say_own_frames(frames: Iterable[str]) -> None:
    """Print these tracebacks, each once, if that was asked for."""
    for one in dict.fromkeys(frames if _frames_wanted else ()):
        say(masked(one.rstrip()))


_frames_wanted: list[bool] = []


def say(message: str) -> None:
    """Print *message* to standard error, unless it is closed."""
    with suppress(BrokenPipeError):
        typer.echo(message, err=True)


def _code_after(error: BaseException) -> int | None:
    """Print a line for an error that the user can mend, and return its exit code; None: a mistake of cachewise."""
    number = received()
    if number is not None:  # whatever came out
        return 128 + number
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED
    cause = error.__context__ if isinstance(error, SystemExit) else error  # typer exits where it meets a broken pipe
    refusal = _refusal_in(cause) if isinstance(cause, Exception) else None
    if refusal is not None:
        if isinstance(cause, CodeError):
            say_own_frames([cause.frames])
        say(masked(f"cachewise: {refusal}"))
        return BAD_INPUT
    if isinstance(cause, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return None


def _refusal_in(error: Exception) -> str | None:
    """Return the line for an *error* that the user can mend, else None."""
    if isinstance(error, UserError):
        return str(error)
    if type(error).__name__ == "MissingParameter":
        return _missing(error)
    if isinstance(error, BAD_USAGE):
        told = one_line(_plainly(" ".join(error.format_message().split())), 300)
        return told or "name a verb: cachewise --help lists them"
    if isinstance(error, OSError) and error.errno == errno.EMFILE:
        return (
            "too many connections are open at once: on a server, each current request has one; "
            "allow more (ulimit -n 20000), or fewer requests at a time (--set threads=16)"
        )
    return refusal_of(error)


def _missing(error: Any) -> str:
    """Return which argument of a verb is missing, and what it can be."""
    return one_line(f"{error.ctx.info_name} needs {error.param.metavar}: {error.param.help}", 300)


def _plainly(message: str) -> str:
    """Return a message of typer's without the terms of the library that checked the value."""
    for theirs, ours in (
        (r"Value error, ", ""),
        (r"Input should be a valid integer, .*", "it must be a whole number"),
        (r"Input should be a valid number, .*", "it must be a number"),
        (r"Input should be ", "it must be "),
    ):
        message = re.sub(theirs, ours, message)
    return message
