"""A cell over a team's own project: in any thread of a worker, on a cluster, and refused where the project differs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from cachewise import UserError, servers
from cachewise.sim.app.found import experiment_at
from cachewise.sim.app.outcome import AppOutcome
from cachewise.sim.daemons.session import Servers
from cachewise.sim.errors import CodeError
from cachewise.sim.sweep import app_cell
from cachewise.sim.sweep.app_cell import AppGround, AppTask, plan_app, play_app
from cachewise.sim.sweep.app_details import app_details, app_outcome
from tests.helpers import ROOT, wait_until
from tests.projects import EXPERIMENT, write_project

FURTHER = """


@APP.variant("crashes")
def crashes():
    import os

    os._exit(3)


@APP.variant("writes")
def writes():
    from pathlib import Path

    Path("shop/templates").mkdir(exist_ok=True)
    Path("shop/templates/new.html").write_text("new")


@APP.variant("longer", timeouts={"*": 900})
def longer(): ...


@APP.variant("endless")
def endless():
    import os, pathlib

    pathlib.Path(f"../{os.getpid()}.pid").touch()
    while True:
        os.sched_yield()
"""
SHORT = {"duration_s": "6", "warmup_s": "2"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of a project; what is filled is kept beside it."""
    place = tmp_path_factory.mktemp("place")
    write_project(place / "project", experiment=dedent(EXPERIMENT) + FURTHER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place))
        yield place


@pytest.fixture(scope="module")
def session() -> Iterator[Servers]:
    """Give the servers that the command and a worker share here."""
    with servers() as session:
        yield session


@pytest.fixture(scope="module")
def ground(place: Path, session: Servers) -> Iterator[AppGround]:
    """Return what a sweep over the project stands on."""
    with session.folder() as rows:
        yield planned(place / "project", session, rows)


@pytest.fixture(scope="module")
def task(ground: AppGround) -> AppTask:
    """Return a cell."""
    return ground.task("longer", None, 3, SHORT)


@pytest.fixture(scope="module")
def played(task: AppTask, session: Servers) -> AppOutcome:
    """Return what came of it in the main thread."""
    return play_app(task, session)


def planned(folder: Path, session: Servers, rows: Path, *variants: str, **settings: str) -> AppGround:
    """Return what a sweep over the project in *folder* stands on."""
    experiment = experiment_at(str(folder / "cache_experiment.py"))
    assert experiment is not None
    return plan_app(experiment, variants, [], None, settings, session, rows)


def test_a_cell_is_played_in_any_thread(
    task: AppTask, played: AppOutcome, session: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same comes out, on what the worker had scouted before; the fields that are set are those of its scenario."""
    monkeypatch.setattr(app_cell, "scout", lambda *_: pytest.fail("it was scouted already"))
    with ThreadPoolExecutor(1) as threads:
        again = threads.submit(play_app, task, session).result()
    assert (again.fingerprint, app_details(again)) == (played.fingerprint, app_details(played))
    scenario = played.outcome.run.scenario
    assert (played.variant, played.seed, scenario.duration_s, scenario.workers) == ("longer", 3, 6, 2)
    other = play_app(replace(task, seed=4), session)
    assert other.fingerprint != played.fingerprint


CLUSTER = """
    import sys
    from pathlib import Path

    from cachewise import servers
    from cachewise.sim.sweep.app_cell import AppTask, play_app

    def cell(task):
        import multiprocessing, threading

        assert multiprocessing.current_process().daemon
        assert threading.current_thread() is not threading.main_thread()
        with servers() as session:
            return play_app(task, session)

    if __name__ == "__main__":
        from distributed import Client, LocalCluster

        task = eval(Path(sys.argv[1]).read_text())
        with LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster, Client(cluster) as client:
            print("FOUND", client.submit(cell, task).result().fingerprint)
"""


@pytest.mark.proof
def test_a_cell_is_played_on_a_cluster(tmp_path: Path, task: AppTask, played: AppOutcome) -> None:
    """Dask's workers are daemonic and run it off the main thread, with the same fingerprint."""
    (tmp_path / "cluster.py").write_text(dedent(CLUSTER))
    (tmp_path / "task.txt").write_text(repr(task))
    command = [sys.executable, "cluster.py", "task.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == ["FOUND", played.fingerprint], done.stderr


WORKER = """
    import sys
    from pathlib import Path
    from threading import Thread

    from cachewise import servers
    from cachewise.sim.sweep.app_cell import AppTask, play_app

    task = eval(Path(sys.argv[1]).read_text())
    with servers() as session:
        thread = Thread(target=play_app, args=(task, session))
        thread.start()
        thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells a process that its parent is gone")
def test_nothing_outlives_a_killed_worker(place: Path, ground: AppGround, temporary: Path) -> None:
    """A cell that a thread has started goes with the worker."""
    (place / "task.txt").write_text(repr(ground.task("endless", None, 1, SHORT)))
    with subprocess.Popen([sys.executable, "-c", dedent(WORKER), str(place / "task.txt")]) as worker:
        wait_until(lambda: [*place.glob("*.pid")] or worker.poll() is not None)
        ((pid,),) = ([int(one.stem)] for one in place.glob("*.pid"))
        assert os.getpgid(pid) == pid
        worker.kill()
    assert worker.returncode == -signal.SIGKILL
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    wait_until(lambda: not [*temporary.iterdir()])


def test_what_goes_wrong_is_an_error(ground: AppGround, session: Servers) -> None:
    """A crash, a variant that is not there, a field that means nothing: the next cell is played all the same."""
    for variant, settings, said in (
        ("crashes", SHORT, "its process ended itself with exit code 3"),
        ("crashed", SHORT, "unknown variant 'crashed'; did you mean 'crashes'"),
        ("longer", {"keys": "5"}, "keys=5: keys is not used for an app of your own"),
    ):
        with pytest.raises(CodeError if variant == "crashes" else UserError, match=said):
            play_app(ground.task(variant, None, 1, settings), session)


def test_another_project_is_refused(tmp_path: Path, session: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a cell begins, also for a file that only its settings read, and when it ends; where there is none, too."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = write_project(tmp_path / "project", experiment=dedent(EXPERIMENT) + FURTHER).parent
    ground = planned(folder, session, tmp_path)
    task = ground.task("writes", None, 1, SHORT)
    with pytest.raises(UserError, match=r"^shop/templates/new.html changed during a run"):
        play_app(task, session)
    with pytest.raises(UserError, match=r"project on .* differs from the one that the sweep began with"):
        play_app(task, session)
    (folder / "shop" / "templates" / "new.html").unlink()
    (folder / ".env").write_text("DEBUG=1")
    with pytest.raises(UserError, match="differs from"):
        play_app(task, session)
    with pytest.raises(UserError, match=r"there is no folder .*elsewhere, where the project is"):
        play_app(replace(task, file=str(tmp_path / "elsewhere" / "cache_experiment.py")), session)


def test_what_is_refused_before_anything_starts(tmp_path: Path, place: Path, session: Servers) -> None:
    """An unknown variant, and a field of the scenario that means nothing, as `cachewise run` refuses them."""
    with pytest.raises(UserError, match="unknown variant 'no cash'; did you mean 'no cache'"):
        planned(place / "project", session, tmp_path, "no cash")
    with pytest.raises(UserError, match="timeout is not used for an app of your own: write a variant"):
        planned(place / "project", session, tmp_path, timeout="5")


def test_the_ground_of_a_sweep(ground: AppGround, session: Servers) -> None:
    """It knows who competes, how many requests a point of the grid has, and what a run takes."""
    names = [one.name for one in ground.contenders]
    assert (names[0], names[-1], ground.backends) == ("as it is", "no cache", (None,))
    scenario = ground.scenario({"duration_s": "40", "workers": "1"})
    assert (scenario.workers, scenario.threads, ground.requests(scenario)) == (1, 4, 945)
    cost = ground.cost(scenario, 1, session)
    assert cost.set_up_s > 0
    assert cost.request_s >= 0


def test_details_bring_a_run_back(tmp_path: Path, session: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a run of the shop has told is there again, value for value and type for type."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    experiment = experiment_at(str(ROOT / "scenarios" / "apps" / "shop" / "cache_experiment.py"))
    assert experiment is not None
    ground = plan_app(experiment, ["on commit"], ["locmem"], None, {}, session, tmp_path)
    found = play_app(ground.task("on commit", "locmem", 1, {"duration_s": "8", "warmup_s": "2"}), session)
    found = replace(found, failures=[("a\udc80", 2, 'line "1"\n'), ("$float", 1, "")])
    details = app_details(found)
    back = app_outcome(found.outcome, details)
    assert repr(back) == repr(found)
    assert app_details(back) == details
    assert "nan" in repr(found.functions)
    assert found.setup is not None
    assert len(found.sites) > 3
