"""Whose mistake an error in a process of a project is: said in one line, with the innermost place in its files."""

import os
import sys
from pathlib import Path
from traceback import FrameSummary, TracebackException, extract_tb

from ..errors import UserError, masked, one_line, words_of
from .errand import Answer

_SIM = Path(__file__).resolve().parents[1]
_OURS = tuple(f"{_SIM.parent / name}{os.sep}" for name in ("sim", "reports", "strategies", "scenarios", "src"))


def refused(error: BaseException, project: Path, settings: str) -> Answer:
    """Return the answer of a process in which *error* was raised; *project* is the folder of the project's files."""
    stack = extract_tb(error.__traceback__)
    frames = masked("".join(TracebackException.from_exception(error).format()))
    if isinstance(error, UserError):
        place = _where(error, stack, project)
        said = str(error) if not place or str(error).startswith(place) else f"{place}: {error}"
        return Answer(refusal=masked(said), frames=frames)
    place = _where(error, stack, project)
    if not place and _is_ours(error, stack):
        return Answer(mistake=frames)
    line = masked(_line(error, stack, place or f"settings {settings!r}"))
    return Answer(refusal=line, frames=frames, missing=_missing(error, stack))


def place_of(error: BaseException, project: Path) -> str:
    """Return the innermost place in the project's files that an *error* came through: "shop/views.py, line 12"."""
    return _where(error, extract_tb(error.__traceback__), project)


def is_of(project: Path, file: str) -> bool:
    """Return whether *file* is one of the project's own, no package that is installed in its folder, and not ours."""
    path, environment = Path(file), Path(sys.prefix)
    if not path.is_relative_to(project) or "site-packages" in path.relative_to(project).parts:
        return False
    if environment.is_relative_to(project) and path.is_relative_to(environment):
        return False
    return not file.startswith(_OURS) or f"{project}{os.sep}".startswith(_OURS)  # some projects come with cachewise


def _where(error: BaseException, stack: list[FrameSummary], project: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename and is_of(project, error.filename):
        return f"{_shown(error.filename, project)}, line {error.lineno}"
    places = [f"{_shown(one.filename, project)}, line {one.lineno}" for one in stack if is_of(project, one.filename)]
    return places[-1] if places else ""


def _shown(file: str, project: Path) -> str:
    return Path(file).relative_to(project).as_posix()


def _is_ours(error: BaseException, stack: list[FrameSummary]) -> bool:
    """Return whether an error that came through no file of the project's is a mistake of cachewise's own."""
    raised_in = [one.filename for one in stack if not one.filename.startswith("<frozen")][-1:]
    return not type(error).__module__.startswith("django.") and all(one.startswith(_OURS) for one in raised_in)


def _missing(error: BaseException, stack: list[FrameSummary]) -> str:
    """Return the environment variable that is not there, if that is the error."""
    asked = isinstance(error, KeyError) and stack and stack[-1].filename in (os.__file__, "<frozen os>")
    return str(error.args[0]) if asked else ""


def _line(error: BaseException, stack: list[FrameSummary], place: str) -> str:
    if name := one_line(_missing(error, stack)):
        return f"{place}: the environment has no {name}; write it down: App(..., env={{{name!r}: '...'}})"
    said = error.msg if isinstance(error, SyntaxError) else words_of(error)
    notes = getattr(error, "__notes__", ())
    return one_line(" ".join([f"{place}: {type(error).__name__}{': ' if said else ''}{said}", *notes]), 300)
