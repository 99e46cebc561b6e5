"""Writing the first experiment of a project: it is set up with everything private, looked at, and left alone."""

from pathlib import Path

from ..app.errand import Errand
from ..app.launch import run_one
from ..application import App
from ..daemons.session import servers
from ..errors import UserError
from .app_template import experiment_text
from .progress import steps
from .template import check_place, typed_path, write_text


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
        sketch = run_one(errand, session).opened()
        advance("")
    write_text(file, experiment_text(settings, sketch, typed_path(file)))
