"""The entry point of each process of a project. It imports the standard library alone; all else comes after the set-up.

``python -m cachewise.sim.app.entry FOLDER PARENT`` reads its errand in FOLDER and writes its answer there.
"""

import faulthandler
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ..processes.deaths import children_die_with_this, die_with_parent
from .errand import ANSWER, ERRAND, SERVED, Answer, Errand, leave, take


def main(folder: str, parent: int) -> None:
    """Carry out the errand in *folder*, and end this process; it also ends if the process *parent* does."""
    die_with_parent(parent)
    children_die_with_this()
    faulthandler.enable()  # a crash prints where it was
    errand: Errand = take(Path(folder), ERRAND)
    leave(Path(folder), ANSWER, answer_to(errand))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # not sys.exit(): the project's threads and atexit functions may wait for something outside


def answer_to(errand: Errand) -> Answer:
    """Return the answer to *errand*, also if the project's code raises an exception."""
    project = Path(errand.file).parent
    enter(errand, project)
    try:
        return Answer(_carried_out(errand))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any error of the project's code is reported in one line
        from .blame import refused

        return refused(error, project, errand.settings)


def enter(errand: Errand, project: Path) -> None:
    """Set the environment, the current folder and the path as ``manage.py`` would find them."""
    os.environ.update(errand.env)
    os.environ["DJANGO_SETTINGS_MODULE"] = errand.settings
    os.chdir(project)
    sys.path.insert(0, str(project))
    sys.argv = [errand.file]


def _carried_out(errand: Errand) -> Any:
    """Make the replacements that must come first, then do the errand's task, which imports Django and the project."""
    from ..project.first import put_in_place

    here = put_in_place(errand.start_s, errand.seed, Path(errand.file).parent)
    if errand.task == "run":
        from .run import played

        return played(errand, here, partial(_tell, Path(errand.folder) / SERVED))
    if errand.task == "sketch":
        from .sketch import sketched

        return sketched(errand, here)
    from .scout import scouted

    return scouted(errand, here)


def _tell(file: Path, served: int) -> None:
    """Tell the parent how many requests have been served."""
    file.write_text(f"{served}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
