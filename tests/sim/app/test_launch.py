"""Processes of a project: how they start and end, what is said of a crash, and that nothing of them is left."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cachewise import Servers, UserError, servers
from cachewise.sim.app.errand import Answer, Errand
from cachewise.sim.app.found import experiment_at
from cachewise.sim.app.launch import environment, run_all, run_one
from tests.helpers import wait_until
from tests.projects import EXPERIMENT, write_project


def errand_of(file: Path, rows: Path, **further: Any) -> Errand:
    """Return a scout's errand about the experiment in *file*."""
    found = experiment_at(str(file))
    assert found is not None
    common = {"rows": str(rows), **further}
    return Errand("scout", str(found.path), found.text, found.settings, found.env, found.start_s, "", further=common)


def answer_of(tmp_path: Path, **written: Any) -> Answer:
    """Return a scout's answer about a project that is written so."""
    file = write_project(tmp_path / "project", **written)
    with servers() as session, session.folder() as rows:
        return run_one(errand_of(file, rows), session)


def filling(body: str) -> str:
    """Return an experiment whose `fill` does just this."""
    return dedent(EXPERIMENT).split("@APP.fill")[0] + f"@APP.fill\ndef fill():\n    {body}\n"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("import ctypes; ctypes.string_at(0)", "its process crashed with SIGSEGV in File "),
        ("import os; os.kill(os.getpid(), 9)", "its process was killed (is the memory full? try --jobs 1)"),
        ("print('good bye', flush=True); import os; os._exit(3)", "its process ended itself with exit code 3; "),
    ],
)
def test_a_crash_is_one_line(tmp_path: Path, body: str, line: str, capfd: pytest.CaptureFixture[str]) -> None:
    """It says how the process ended, and the last that it printed goes nowhere else."""
    answer = answer_of(tmp_path, experiment=filling(body))
    assert answer.crash.startswith(line)
    assert "\n" not in answer.crash
    assert ("the last line that it printed: good bye" in answer.crash) == ("print" in body)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(UserError, match="its process"):
        answer.opened()


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (
            {"settings": "import os; KEY = os.environ['STRIPE_KEY']"},
            "line 19: the environment variable STRIPE_KEY is missing; ",
        ),
        (
            {"settings": "INSTALLED_APPS += ['nosuch']"},
            "settings 'shop.settings': ModuleNotFoundError: No module",
        ),
        ({"experiment": filling("raise SystemExit('no rows')")}, "cache_experiment.py, line 14: SystemExit: no rows"),
        ({"experiment": filling("fill = ")}, "cache_experiment.py, line 15: SyntaxError: invalid syntax"),
        ({"experiment": filling("Product.objects.create()")}, "cache_experiment.py, line 14: IntegrityError: NOT NULL"),
        (
            {"experiment": filling("list(Product.objects.raw('SELECT * FROM shop_brand'))")},
            "OperationalError: no such table: shop_brand (is a migration missing? try manage.py makemigrations)",
        ),
        ({"experiment": EXPERIMENT.replace("args=products", "args=5")}, "product_page: its args are 5; they must be a"),
        (
            {"experiment": EXPERIMENT.replace("zipf", "zpf")},
            "@APP.read product_page: popularity='zpf:1.0': unknown popularity 'zpf'; did you mean 'zipf'?",
        ),
        (
            {"experiment": EXPERIMENT.replace("shop.settings", "shop.setings")},
            "there is no module 'shop.setings' beside the file, nor is it installed; did you mean 'shop.settings'?",
        ),
        ({"files": {"shop/urls.py": "import nosuch"}}, "shop/urls.py, line 1: ModuleNotFoundError: No module named"),
    ],
)
def test_what_the_project_raises_is_one_line(tmp_path: Path, written: dict[str, Any], line: str) -> None:
    """It names the innermost place in the project's files; the way there is kept for --traceback."""
    if "fill = " in str(written):  # it does not even compile: only the process knows
        file = write_project(tmp_path / "project")
        with servers() as session, session.folder() as rows:
            answer = run_one(replace(errand_of(file, rows), text=written["experiment"].encode()), session)
    else:
        answer = answer_of(tmp_path, **written)
    assert line in answer.refusal
    assert "\n" not in answer.refusal
    assert "Traceback" in answer.frames


def test_a_crash_harms_no_other(tmp_path: Path) -> None:
    """The others answer, in the order of their errands, and each had a folder of its own, which is gone."""
    good = write_project(tmp_path / "good")
    bad = write_project(tmp_path / "bad", experiment=filling("import os; os._exit(3)"))
    ended: list[str] = []
    with servers() as session, session.folder() as one, session.folder() as two, session.folder() as three:
        errands = [errand_of(bad, one), errand_of(good, two), errand_of(good, three)]
        answers = run_all(errands, 2, session, lambda errand, _answer: ended.append(errand.file))
        left = sorted(path.name for path in one.parent.iterdir() if path.is_dir())
    assert [bool(answer.crash) for answer in answers] == [True, False, False]
    assert answers[1].opened().functions == answers[2].opened().functions
    assert sorted(ended) == sorted(errand.file for errand in errands)
    assert len(left) == 3, left  # of the session, the three that this test has asked for


def test_what_is_raised_ends_all(tmp_path: Path) -> None:
    """An error in the first to end ends one that would never end, with what it has started."""
    bad = write_project(tmp_path / "bad", experiment=filling("raise ValueError"))
    endless = write_project(tmp_path / "endless", experiment=filling(ENDLESS))

    def stop(_errand: Errand, answer: Answer) -> None:
        wait_until(lambda: len(pids_in(tmp_path)) == 2)
        answer.opened()

    with servers() as session, session.folder() as one, session.folder() as two:
        with pytest.raises(UserError, match="ValueError"):
            run_all([errand_of(bad, one), errand_of(endless, two)], 2, session, stop)
        wait_until(lambda: not any(is_alive(pid) for pid in pids_in(tmp_path)))


ENDLESS = (
    "import os, pathlib, time; os.fork(); pathlib.Path(f'../{os.getpid()}.pid').touch()\n"
    "    while True: os.sched_yield()"
)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells a process that its parent is gone")
def test_nothing_outlives_a_killed_command(tmp_path: Path, temporary: Path) -> None:
    """After kill -9 the process of the project, its fork and all folders go."""
    file = write_project(tmp_path / "endless", experiment=filling(ENDLESS))
    command = [sys.executable, "-m", "cachewise", "run", str(file)]
    environment_ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment_) as process:
        wait_until(lambda: len(pids_in(tmp_path)) == 2)
        process.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in pids_in(tmp_path)))
    wait_until(lambda: not [*temporary.iterdir()])


def test_ctrl_c_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    """The command says that it was interrupted, with nothing of it left."""
    file = write_project(tmp_path / "endless", experiment=filling(ENDLESS))
    command = [sys.executable, "-m", "cachewise", "run", str(file)]
    environment_ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment_) as one:
        wait_until(lambda: len(pids_in(tmp_path)) == 2)
        one.send_signal(signal.SIGINT)
        out, err = one.communicate(timeout=60)
    assert (one.returncode, out, err) == (130, "", "cachewise: interrupted; nothing was written\n")
    wait_until(lambda: not any(is_alive(pid) for pid in pids_in(tmp_path)))
    assert [*temporary.iterdir()] == []


def pids_in(folder: Path) -> list[int]:
    """Return the processes that have said there that they run."""
    return [int(path.stem) for path in folder.glob("*.pid")]


def is_alive(pid: int) -> bool:
    """Return whether a process runs, or waits for its parent to reap it."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text() if sys.platform == "linux" else ""
        os.kill(pid, 0)
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] != ["Z"]


def test_the_environment_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leads libpq away, sets keep their order, and cachewise is found from any folder."""
    found = environment({"PGHOST": "db.example", "PGSERVICE": "live", "PYTHONPATH": "lib", "PATH": "/bin"})
    assert found.keys() == {"PYTHONPATH", "PYTHONHASHSEED", "PATH"}
    assert found["PYTHONHASHSEED"] == "0"
    assert str(Path("lib").resolve()) in found["PYTHONPATH"].split(os.pathsep)
    monkeypatch.chdir(tmp_path)
    code = "import cachewise.sim.app.entry; print(cachewise.__file__)"
    shown = subprocess.run([sys.executable, "-P", "-c", code], env=found, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == sys.modules["cachewise"].__file__


def test_the_entry_imports_the_standard_library_alone() -> None:
    """Whatever must be in place before Django and the project comes first."""
    code = """
        import sys
        before = {*sys.modules}
        import cachewise.sim.app.entry
        ours = {"cachewise", *sys.stdlib_module_names}
        print(sorted({name.partition(".")[0] for name in sys.modules.keys() - before} - ours))
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_session_that_is_over_starts_nothing(tmp_path: Path) -> None:
    """The line says so."""
    session = Servers()
    session.close()
    with pytest.raises(UserError, match="this session of servers is over"):
        run_one(errand_of(write_project(tmp_path), tmp_path), session)
