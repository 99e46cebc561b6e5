"""Tells whether a file belongs to the project, to a package installed in its folder, or to cachewise."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from traceback import FrameSummary

_SIM = Path(__file__).resolve().parents[1]
OURS = tuple(f"{_SIM.parent / name}{os.sep}" for name in ("sim", "reports", "strategies", "scenarios", "src"))


def is_of(project: Path, file: str) -> bool:
    """Return whether *file* is the project's own, not of a package installed in its folder, and not cachewise's."""
    path, environment = Path(file), Path(sys.prefix)
    if not path.is_relative_to(project) or "site-packages" in path.relative_to(project).parts:
        return False
    if environment.is_relative_to(project) and path.is_relative_to(environment):
        return False
    return not file.startswith(OURS) or f"{project}{os.sep}".startswith(OURS)  # some projects come with cachewise


def innermost(project: Path, stack: Iterable[FrameSummary]) -> str:
    """Return the last place on *stack* that is in the project's files: "shop/views.py, line 12"; "" if none is."""
    places = [shown(project, one.filename, one.lineno) for one in stack if is_of(project, one.filename)]
    return places[-1] if places else ""


def shown(project: Path, file: str, line: int | None) -> str:
    """Return a line of the project in the form that messages use."""
    return f"{Path(file).relative_to(project).as_posix()}, line {line}"
