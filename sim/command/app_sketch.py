"""Writes the first experiment of a project: sets it up with private databases and caches, and reads its models."""

import re
from dataclasses import replace
from pathlib import Path

from ..app.errand import Errand
from ..app.launch import run_one
from ..app.sketch import Sketch
from ..application import App
from ..daemons.session import Servers, servers
from ..errors import UserError
from .app_template import experiment_text
from .options import require_family
from .progress import steps
from .template import check_place, run_line, typed_path, write_text

PLACEHOLDER = "none"  # the value of environment variables that the settings need and that are not set


def write_experiment(settings: str, file: Path, database: str | None, *, force: bool) -> str:
    """Write an experiment of the project with the module *settings* to *file*; return the command that runs it.

    Raises:
        UserError: if the file exists (unless *force*) or cannot be written, or the project cannot be set up.
    """
    require_family(database)
    check_place(file, force=force, kind="experiment")
    text = f"from cachewise import App\n\nAPP = App({settings!r})\n".encode()
    start_s = App(settings).start.timestamp()
    path = file.resolve()
    if not path.parent.is_dir():
        raise UserError(f"{file}: there is no folder {file.parent}")
    errand = Errand("sketch", str(path), text, settings, {}, start_s, folder="", family=database)
    with steps(1, "looking at the project") as advance, servers() as session:
        env, sketch = _sketch(errand, session)
        advance("")
    option = "" if database is None else f" --database {database}"
    write_text(file, experiment_text(settings, sketch, f"{typed_path(file)}{option}", env))
    return f"{run_line(file)}{option}"


def _sketch(errand: Errand, session: Servers) -> tuple[dict[str, str], Sketch]:
    """Return the environment variables that the settings miss here, each with a placeholder, and the project's sketch.

    Raises:
        UserError: if the project cannot be set up. It names the placeholders that the error is about: those in its
            message, or in a line of code that led to it.
    """
    env: dict[str, str] = {}
    answer = run_one(errand, session)
    while answer.missing and answer.missing not in env:
        env[answer.missing] = PLACEHOLDER
        answer = run_one(replace(errand, env=env), session)
    about = [one for one in env if re.search(rf"\b{re.escape(one)}\b", f"{answer.refusal}\n{answer.frames}")]
    if answer.refusal and about:
        typed = " ".join(f"{name}=..." for name in about)
        are = "is" if len(about) == 1 else "are"
        tried = f"{', '.join(about)} {are} not in the environment, and {PLACEHOLDER!r} is"
        answer = replace(answer, refusal=f"{answer.refusal} ({tried} no valid value: {typed} cachewise init ...)")
    return env, answer.opened()
