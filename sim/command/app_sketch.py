"""Writing the first experiment of a project: it is set up with everything private, looked at, and left alone."""

from dataclasses import replace
from pathlib import Path

from ..app.errand import Errand
from ..app.launch import run_one
from ..app.sketch import Sketch
from ..application import App
from ..daemons.session import Servers, servers
from ..errors import UserError
from .app_template import experiment_text
from .progress import steps
from .template import check_place, typed_path, write_text

PLACEHOLDER = "none"  # what environment variables are that the settings ask for and nobody has set


def write_experiment(settings: str, file: Path, *, force: bool) -> None:
    """Write an experiment of the project whose settings module is called *settings* to *file*.

    Raises:
        UserError: if it is there already (unless *force*) or cannot be written, or the project cannot be set up.
    """
    check_place(file, force=force, kind="experiment")
    text = f"from cachewise import App\n\nAPP = App({settings!r})\n".encode()
    start_s = App(settings).start.timestamp()
    path = file.resolve()
    if not path.parent.is_dir():
        raise UserError(f"{file}: there is no folder {file.parent}")
    errand = Errand("sketch", str(path), text, settings, {}, start_s, folder="")
    with steps(1, "the project is looked at") as advance, servers() as session:
        env, sketch = _sketch(errand, session)
        advance("")
    write_text(file, experiment_text(settings, sketch, typed_path(file), env))


def _sketch(errand: Errand, session: Servers) -> tuple[dict[str, str], Sketch]:
    """Return the environment variables that the settings miss here, each with a value, and what is in the project.

    Raises:
        UserError: if the project cannot be set up, with what was put in their place.
    """
    env: dict[str, str] = {}
    answer = run_one(errand, session)
    while answer.missing and answer.missing not in env:
        env[answer.missing] = PLACEHOLDER
        answer = run_one(replace(errand, env=env), session)
    if answer.refusal and env:
        typed = " ".join(f"{name}=..." for name in env)
        tried = f"{', '.join(env)} {'is' if len(env) == 1 else 'are'} not in the environment, and {PLACEHOLDER!r} will"
        answer = replace(answer, refusal=f"{answer.refusal} ({tried} not do: {typed} cachewise init ...)")
    return env, answer.opened()
