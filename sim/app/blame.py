"""Reports an error in a process of a project in one line, with the innermost place in the project's files."""

import os
from pathlib import Path
from traceback import FrameSummary, TracebackException, extract_tb

from ..errors import UserError, masked, one_line, words_of
from ..project.files import OURS, innermost, is_of, shown
from .errand import Answer


def refused(error: BaseException, project: Path, settings: str) -> Answer:
    """Return the answer of a process that ended with *error*; *project* is the folder of the project's files."""
    stack = extract_tb(error.__traceback__)
    frames = masked("".join(TracebackException.from_exception(error).format()))
    place = _where(error, stack, project)
    if isinstance(error, UserError):
        said = str(error) if not place or str(error).startswith(place) else f"{place}: {error}"
        return Answer(refusal=masked(said), frames=frames)
    if not place and _is_ours(error, stack):
        return Answer(mistake=frames)
    line = masked(_line(error, stack, place or f"settings {settings!r}"))
    return Answer(refusal=line, frames=frames, missing=_missing(error, stack))


def _where(error: BaseException, stack: list[FrameSummary], project: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename and is_of(project, error.filename):
        return shown(project, error.filename, error.lineno)
    return innermost(project, stack)


def _is_ours(error: BaseException, stack: list[FrameSummary]) -> bool:
    """Return whether an error that passed through no file of the project's is a mistake of cachewise's own."""
    raised_in = [one.filename for one in stack if not one.filename.startswith("<frozen")][-1:]
    return not type(error).__module__.startswith("django.") and all(one.startswith(OURS) for one in raised_in)


def _missing(error: BaseException, stack: list[FrameSummary]) -> str:
    """Return the name of the missing environment variable if that is the error, else ""."""
    asked = isinstance(error, KeyError) and stack and stack[-1].filename in (os.__file__, "<frozen os>")
    return str(error.args[0]) if asked else ""


def _line(error: BaseException, stack: list[FrameSummary], place: str) -> str:
    if name := one_line(_missing(error, stack)):
        return f"{place}: the environment variable {name} is missing; set it with App(..., env={{{name!r}: '...'}})"
    said = error.msg if isinstance(error, SyntaxError) else words_of(error)
    if type(error).__module__ == "django.db.utils":  # PostgreSQL's further lines show the statement and values of rows
        said, *_more = said.splitlines() or [""]
        if any(one in said for one in ("no such table", "no such column", "does not exist")):
            said += " (is a migration missing? try manage.py makemigrations)"
    notes = getattr(error, "__notes__", ())
    return one_line(" ".join([f"{place}: {type(error).__name__}{': ' if said else ''}{said}", *notes]), 300)
