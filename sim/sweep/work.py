"""In a worker: one cell is run, and whatever comes of it is an answer, so that no other cell is lost with it."""

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
    """What travels to a worker: a run in a parcel, or a project's task; the folder that paths in it begin in.

    A worker must have the same surroundings, of which `lines` are those here, and the same `files`, by their hashes.
    """

    content: Any
    folder: str
    surroundings: Surroundings
    lines: tuple[str, ...]
    files: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What came of a cell: a landing, or the reason why there is none, and `frames`, a traceback, if there is one.

    `foreign` says what is different on this worker, on which no cell of the sweep can be run.
    """

    landing: Landing | None
    wall_s: float
    reason: str = ""
    frames: str = ""
    foreign: str = ""


def work_cell(load: Load) -> Answer:
    """Run a cell on the servers that this worker keeps; only what ends the worker comes out as an exception."""
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
        # A mistake of cachewise's own costs this cell alone, and is shown; so does a CancelledError of somebody's.
        if isinstance(error, ENDS):
            raise
        reason = f"{type(error).__name__}: {one_line(error, 200)}"
        return Answer(None, time.perf_counter() - began_s, reason, traceback.format_exc())
    return Answer(landing, time.perf_counter() - began_s)


def _played(content: Any, ours: Servers) -> Landing:
    if isinstance(content, AppTask):
        whole = play_app(content, ours)
        return Landing(_without_machine(whole.outcome), app_details(whole))
    nothing: Any = None  # the parent has the run, which can be large
    return Landing(replace(_without_machine(play(content, ours)), run=nothing))


def _without_machine(outcome: Outcome) -> Outcome:
    summary = {name: value for name, value in outcome.summary.items() if name not in MACHINE_METRICS}
    return replace(outcome, summary=summary)


def _foreign(load: Load) -> str:
    """Return what is different here from where the sweep began, if anything is."""
    here = load.surroundings.lines()
    if here == load.lines:
        return ""
    theirs = ", ".join(one_line(line) for line in here if line not in load.lines) or "less"
    ours = ", ".join(one_line(line) for line in load.lines if line not in here) or "less"
    return f"the worker on {one_line(socket.gethostname())} has {one_line(theirs, 200)}; here is {one_line(ours, 200)}"


_USED: dict[str, str] = {}  # the modules of one's own that this worker may have imported, as they were then


def _require_same(files: Mapping[str, str]) -> None:
    """Make sure that this worker has these files, and had no others under their names before.

    Raises:
        UserError: naming the first that is another.
    """
    for name, wanted in files.items():
        try:
            here = file_hash(name)
        except OSError as error:
            raise UserError(f"{file_name(name)}: {error.strerror} on {one_line(socket.gethostname())}") from None
        if here != wanted:
            raise UserError(
                f"{file_name(name)} on {one_line(socket.gethostname())} differs from what the sweep began with; "
                "run the command again for what there is now"
            )
        if name.endswith(".py") and _USED.setdefault(name, wanted) != wanted:
            raise UserError(f"{file_name(name)} has changed since this worker loaded it: start the worker anew")


@contextmanager
def _in_folder(folder: str) -> Iterator[None]:
    """Let relative paths begin in *folder*, if there is one of this name here."""
    before = Path.cwd()
    if Path(folder).is_dir():
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
