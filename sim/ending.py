"""How a command ends: its exit code, and one line on standard error where something was wrong."""

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from sim import options
from sim.errors import UserError, masked, one_line, refusal_of
from sim.interrupts import ignore_signals, received

BAD_INPUT = 2
BROKEN_PIPE = 141  # 128 + SIGPIPE
INTERRUPTED = 130  # 128 + SIGINT
BAD_USAGE: Any = typer.BadParameter.__mro__[2]  # typer's base class of all usage errors


def exit_code_of(command: Callable[[], Any]) -> int:
    """Run *command* to its end, whatever it raises, say what there is to say, and return the exit code.

    Only what is a mistake of cachewise's own comes out as an exception.
    """
    try:
        code = command()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    except Exception as error:
        code = _code_after(error) if (number := received()) is None else 128 + number  # INTERRUPTED, after Ctrl-C
        if code is None:
            raise
    ignore_signals()
    if code == INTERRUPTED:  # typer turns some Ctrl-C into this code by itself
        say("cachewise: interrupted; nothing was written")
    return code or 0


def say(message: str) -> None:
    """Print *message* to standard error."""
    typer.echo(message, err=True)


def _code_after(error: Exception) -> int | None:
    """Return the exit code where *error* is the user's to mend, and say what it is; else None."""
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, UserError):
        return _refused(str(error))
    if isinstance(error, BAD_USAGE):
        told = one_line(options.plainly(" ".join(error.format_message().split())), 300)
        return _refused(told or "what should it do? see cachewise --help")
    if isinstance(error, OSError) and error.errno == errno.EMFILE:
        return _refused(
            "too many connections are open at once: on a server each request under way has one; "
            "allow more (ulimit -n 20000), or fewer requests at a time (--set threads=16)"
        )
    refusal = refusal_of(error)
    return None if refusal is None else _refused(refusal)


def _refused(message: str) -> int:
    say(masked(f"cachewise: {message}"))
    return BAD_INPUT
