"""How a command ends where a signal's own exception was lost on the way: as if it had not been."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from tests.helpers import CLI

INTERRUPTED = "cachewise: interrupted; nothing was written\n"


def ended(number: signal.Signals | None, comes_out: str) -> subprocess.CompletedProcess[str]:
    """Run a command in which the signal's exception is replaced with *comes_out*, if it is not lost altogether."""
    code = f"""
        import signal, sys, typer
        from cachewise.sim.command.exit_codes import exit_code_of
        from cachewise.sim.errors import UserError
        from cachewise.sim.processes.interrupts import ENDS, raise_if_received, raise_on_signals

        def command():
            number = {None if number is None else int(number)}
            try:
                if number is not None:
                    signal.raise_signal(number)
            except ENDS:
                pass
            {comes_out}

        raise_on_signals()
        sys.exit(exit_code_of(command))
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    "comes_out",
    [
        "raise ValueError('Invalid bounding box')",  # what matplotlib made of a Ctrl-C
        "raise ImportError('numpy')",
        "raise UserError('cannot write the report')",
        "raise typer.BadParameter('no such option')",
        "raise OSError(24, 'Too many open files')",
        "raise_if_received()",
    ],
)
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, INTERRUPTED), (signal.SIGTERM, 143, ""), (signal.SIGHUP, 129, "")],
    ids=["Ctrl-C", "SIGTERM", "SIGHUP"],
)
def test_a_signal_explains_whatever_comes_out(number: signal.Signals, code: int, said: str, comes_out: str) -> None:
    """Code in C, an import or an `except` of somebody else's may turn a signal's exception into one of its own."""
    done = ended(number, comes_out)
    assert (done.returncode, done.stderr) == (code, said)


def test_what_was_done_before_the_signal_was_missed_counts() -> None:
    """A command that ends well in spite of it has ended well."""
    assert ended(signal.SIGINT, "return 0").returncode == 0


def test_without_a_signal_nothing_is_explained_away() -> None:
    """A mistake of cachewise's own shows itself, the user's is said in one line."""
    assert "ValueError: Invalid bounding box" in ended(None, "raise ValueError('Invalid bounding box')").stderr
    refused = ended(None, "raise UserError('cannot write the report')")
    assert (refused.returncode, refused.stderr) == (2, "cachewise: cannot write the report\n")
    assert ended(None, "raise_if_received()").returncode == 0


@pytest.mark.parametrize("how", ["", " from None", " from error"])
def test_a_broken_pipe_to_somebody_else_is_no_broken_pipe(how: str) -> None:
    """A line that came of one, from a worker or a server that has gone, is said."""
    code = f"""if True:
                try:
                    raise BrokenPipeError(32, "Broken pipe")
                except BrokenPipeError as error:
                    raise UserError("worker process 1 ended in mid-run"){how}
    """
    done = ended(None, code)
    assert (done.returncode, done.stderr) == (2, "cachewise: worker process 1 ended in mid-run\n")


@pytest.mark.parametrize(
    ("said", "heard", "code"),
    [("list strategies", False, 141), ("list strategies", True, 141), ("run nothing", False, 2)],
    ids=["its results", "its results, but what is wrong is heard", "what is wrong"],
)
def test_nobody_listens(said: str, heard: bool, code: int) -> None:
    """Where the reader of a pipe has gone, a command ends in silence: with a pipe's own code, or its own."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as pipe:
        command = [*CLI, *said.split()]
        errors = subprocess.PIPE if heard else pipe
        done = subprocess.run(command, stdout=pipe, stderr=errors, check=False, timeout=60)
    assert done.returncode == code
    assert not done.stderr
