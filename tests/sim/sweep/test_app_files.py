"""Which files make a project: all that may decide what a run does, and nothing that a run or a tool writes."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cachewise import UserError
from cachewise.sim.app.found import Experiment, experiment_at
from cachewise.sim.sweep import app_files
from cachewise.sim.sweep.app_files import files_of, project_files_hash
from tests.projects import write_project

COUNT = (
    *("shop/views.py", "templates/a.html", "shop/fixtures/rows.json", "locale/de/django.mo", ".env", ".env.local"),
    *("media/models.py", "uploads.py", "data/prices.csv", "linked/there.txt", "report/report.html"),
)
DO_NOT = (
    *("live.sqlite3", "live.sqlite3-wal", "shop/debug.log", "shop/__pycache__/views.cpython-311.pyc", ".git/HEAD"),
    *("venv/pyvenv.cfg", "venv/lib/a.py", "node_modules/a/index.js", "media/photo.jpg", "staticfiles/a.css"),
    *("out/shop/report.html", "out/shop/summary.csv", "made/CACHEDIR.TAG", "made/a.py", "sweep/cells/1.parquet"),
)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Return the experiment of a project."""
    found = experiment_at(str(write_project(tmp_path / "project")))
    assert found is not None
    return found


def write(file: Path) -> None:
    """Write something into a file, which is new."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("new")


def test_what_counts(experiment: Experiment, tmp_path: Path) -> None:
    """Each file that may matter changes the hash, and no other does; links are followed, also those in a circle."""
    folder = experiment.path.parent
    (folder / "linked").symlink_to(tmp_path / "outside")
    (folder / "circle").symlink_to(folder)
    besides = (str(folder / "sweep"),)
    (tmp_path / "outside").mkdir()
    known = project_files_hash(experiment, besides)
    for name in DO_NOT:
        write(folder / name)
    assert project_files_hash(experiment, besides) == known
    for name in COUNT:  # with code in it, a folder of media is an app, whatever else is there
        write(folder / name)
        before, known = known, project_files_hash(experiment, besides)
        assert known != before, name
    assert {*COUNT} <= files_of(experiment, besides).keys()
    assert project_files_hash(replace(experiment, text=b"another")) != known
    experiment.path.write_text("whatever is there now: the text counts that was read")
    assert project_files_hash(experiment, besides) == known


def test_a_file_is_read_again_only_if_it_may_have_changed(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was just written is, whatever its size and time say; an older one is not, unless its stamp is new."""
    views = experiment.path.parent / "shop" / "views.py"
    status = views.stat()
    known = project_files_hash(experiment)
    views.write_text(views.read_text().replace("300", "301"))
    os.utime(views, ns=(status.st_atime_ns, status.st_mtime_ns))
    changed = project_files_hash(experiment)
    assert changed != known
    monkeypatch.setattr(app_files, "SURE_S", -1.0)  # all are old enough
    assert project_files_hash(experiment) == changed
    with monkeypatch.context() as patch:
        patch.setattr(app_files.hashlib, "file_digest", lambda *_: pytest.fail("it was read again"))
        assert project_files_hash(experiment) == changed
    views.write_text(views.read_text().replace("301", "1000"))
    assert project_files_hash(experiment) not in (known, changed)


def test_too_much_is_no_project(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the folder where most of it is."""
    files = experiment.path.parent / "shop" / "raw"
    for number in range(9):
        (files / str(number % 3)).mkdir(parents=True, exist_ok=True)
        (files / str(number % 3) / f"{number}.txt").write_text("1")
    monkeypatch.setattr(app_files, "MOST_FILES", 12)
    with pytest.raises(UserError, match=r"holds over 12 files, .* most of it is in shop/raw/: move that elsewhere"):
        project_files_hash(experiment)
    monkeypatch.setattr(app_files, "MOST_BYTES", 10)
    with pytest.raises(UserError, match=r"holds over 0 GB"):
        project_files_hash(experiment)
