"""Runs one cell in a worker. Any outcome, also an error, becomes an answer, so that no other cell is lost."""

import os
import socket
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..daemons.session import Servers, kept_servers
from ..errors import CodeError, UserError, file_name, one_line
from ..experiment import Outcome, play
from ..processes.interrupts import ENDS
from ..verdict.metrics import MACHINE_METRICS
from .app_cell import AppTask, play_app
from .app_details import app_details
from .identity import Surroundings
from .own_files import file_hash
from .schema import Landing


@dataclass(frozen=True)
class Load:
    """What is sent to a worker: a run in a parcel, or a project's task, and the folder for relative paths in it.

    A worker must have the same surroundings (`lines` are those here) and the same `files`, by their hashes.
    """

    content: Any
    folder: str
    surroundings: Surroundings
    lines: tuple[str, ...]
    files: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """The result of a cell: a landing, or the reason why there is none, with `frames`, a traceback, if there is one.

    `foreign` says what differs on this worker, if it cannot run cells of this sweep.
    """

    landing: Landing | None
    wall_s: float
    reason: str = ""
    frames: str = ""
    foreign: str = ""


def work_cell(load: Load) -> Answer:
    """Run a cell on the servers that this worker keeps; only exceptions that end the worker are raised."""
    began_s = time.perf_counter()
    foreign = _foreign(load)
    if foreign:
        return Answer(None, 0.0, foreign=foreign)
    try:
        with _in_folder(load.folder):
            _require_same(load.files)
            landing = _played(load.content, kept_servers())
            _require_same(load.files)
    except CodeError as error:
        return Answer(None, time.perf_counter() - began_s, str(error), error.frames)
    except UserError as error:
        return Answer(None, time.perf_counter() - began_s, str(error))
    except BaseException as error:
        # A mistake of cachewise's own fails this cell alone, and is shown; so does a CancelledError of the user's code.
        if isinstance(error, ENDS):
            raise
        reason = f"{type(error).__name__}: {one_line(error, 200)}"
        return Answer(None, time.perf_counter() - began_s, reason, traceback.format_exc())
    return Answer(landing, time.perf_counter() - began_s)


def _played(content: Any, ours: Servers) -> Landing:
    if isinstance(content, AppTask):
        whole = play_app(content, ours)
        return Landing(_without_machine(whole.outcome), app_details(whole))
    nothing: Any = None  # the run can be large, and the parent has it already
    return Landing(replace(_without_machine(play(content, ours)), run=nothing))


def _without_machine(outcome: Outcome) -> Outcome:
    summary = {name: value for name, value in outcome.summary.items() if name not in MACHINE_METRICS}
    return replace(outcome, summary=summary)


def _foreign(load: Load) -> str:
    """Return what differs here from the machine where the sweep began, or ""."""
    here = load.surroundings.lines()
    if here == load.lines:
        return ""
    theirs = ", ".join(one_line(line) for line in here if line not in load.lines) or "less"
    ours = ", ".join(one_line(line) for line in load.lines if line not in here) or "less"
    return f"the worker on {one_line(socket.gethostname())} has {one_line(theirs, 200)}; here is {one_line(ours, 200)}"


_USED: dict[str, str] = {}  # the hashes of the user's own modules when this worker may have imported them


def _require_same(files: Mapping[str, str]) -> None:
    """Make sure that this worker has these files, and has not imported other versions of them.

    Raises:
        UserError: with the name of the first file that differs.
    """
    for name, wanted in files.items():
        try:
            here = file_hash(name)
        except OSError as error:
            raise UserError(f"{file_name(name)}: {error.strerror} on {one_line(socket.gethostname())}") from None
        if here != wanted:
            raise UserError(
                f"{file_name(name)} on {one_line(socket.gethostname())} differs from what the sweep began with; "
                "run the command again with the files as they are now"
            )
        if name.endswith(".py") and _USED.setdefault(name, wanted) != wanted:
            raise UserError(f"{file_name(name)} has changed since this worker loaded it: restart the worker")


@contextmanager
def _in_folder(folder: str) -> Iterator[None]:
    """Make *folder* the current folder, if it exists here."""
    before = Path.cwd()
    if Path(folder).is_dir():
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
