"""Crews: rounds of tasks in processes that are gone afterwards, whatever ends them; on a Dask cluster as well."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from joblib import Parallel, delayed

from cachewise.sim.daemons.home import PREFIX
from cachewise.sim.processes import crew as module
from cachewise.sim.processes.crew import Crew
from cachewise.sim.processes.losses import CrewGoneError, NoClusterError, WorkerKilledError
from tests.clusters import cluster
from tests.helpers import ROOT, group_lives, wait_until, waited_s
from tests.sim.daemons.test_lifetime import living
from tests.sim.processes.chores import chore

SQUARES = [("square", number) for number in range(10)]
ANSWERS = [(number, number * number) for number in range(10)]


def test_rounds_of_one_crew(tmp_path: Path) -> None:
    """Answers come as they end; a round has the processes of the one before it, and none is this one or is left."""
    event = str(tmp_path / "event")
    with Crew(2, chore) as crew:
        assert [place for place, _ in crew.work([("wait for", event), ("touch", event)])] == [1, 0]
        before = {process.pid for process in multiprocessing.active_children()}
        assert sorted(crew.work(SQUARES)) == ANSWERS
        assert {pid for _, pid in crew.work([("who", None)] * 10)} <= before
        assert list(crew.work([])) == []
    with Crew(1, chore) as crew:
        assert dict(crew.work([("who", None)] * 3))[2] != os.getpid()
    assert len(before) == 2
    assert multiprocessing.active_children() == []


def test_what_a_task_raises_comes_out_and_ends_what_is_under_way(tmp_path: Path) -> None:
    """Its folder is gone, and the next round goes on, with other processes."""
    with Crew(2, chore) as crew:
        answers = crew.work([("tidy", str(tmp_path)), ("square", 3), ("wait for", str(tmp_path / "go")), ("fail", "x")])
        assert next(answers) == (1, 9)
        wait_until(lambda: list(tmp_path.glob("tidy-*")))
        (tmp_path / "go").touch()
        with pytest.raises(LookupError, match="x"):
            list(answers)
        assert [one.name for one in tmp_path.iterdir()] == ["go"]
        assert sorted(crew.work(SQUARES)) == ANSWERS


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_after_a_killed_worker_it_goes_on(number: int) -> None:
    """It is one error, whatever else was under way, and the rest can be done in another round."""
    with Crew(2, chore) as crew:
        with pytest.raises(WorkerKilledError):
            list(crew.work([("kill", number), *SQUARES]))
        assert sorted(crew.work(SQUARES)) == ANSWERS
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("how", ["deaf", "hang"])
def test_who_does_not_hear_is_ended_by_force(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also code in C that has hold of Python."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    started = tmp_path / "started"
    with Crew(2, chore) as crew:
        answers = crew.work([(how, str(started)), ("wait for", str(started))])
        assert next(answers)[0] == 1
    assert multiprocessing.active_children() == []
    answers.close()  # type: ignore[attr-defined]  # it is a generator


def test_joblib_of_the_scripts_own_is_left_alone() -> None:
    """What it has under way goes on, in the processes that it had; its settings are not the crew's."""
    mine = Parallel(n_jobs=2, return_as="generator", pre_dispatch=2)(delayed(os.getpid)() for _ in range(20))
    pids = {next(mine)}
    with Crew(2, chore) as crew:
        assert sorted(crew.work(SQUARES)) == ANSWERS
    pids |= set(mine)
    assert len(pids) <= 2
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor(reuse=True).shutdown()


PARENT = """
    import sys
    from cachewise.sim.processes.crew import Crew
    from tests.sim.processes.chores import chore

    with Crew(2, chore) as crew:
        list(crew.work([{tasks}]))
"""


def start(tasks: str) -> subprocess.Popen[str]:
    """Start a script without a guard that has a crew do *tasks*, in a process group of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", "-c", dedent(PARENT).format(tasks=tasks)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)


def test_a_regular_end_says_nothing() -> None:
    """No tracker of resources warns of any that is left."""
    with start("('square', 3)") as process:
        assert process.communicate(timeout=60) == (None, "")
        assert process.returncode == 0
    wait_until(lambda: not group_lives(process.pid))


@pytest.mark.proof
@pytest.mark.servers
@pytest.mark.parametrize("other", ["serve", "deaf", "hang"])
def test_nothing_survives_the_parent(other: str, temporary: Path) -> None:
    """Soon after kill -9 there is neither a worker, nor a server, nor a file, nor a tracker."""
    up, ready = temporary / "up", temporary / "ready"
    with start(f"('serve', {str(up)!r}), ({other!r}, {str(ready)!r})") as process:
        wait_until(lambda: up.exists() and ready.exists())
        assert len(living(temporary)) >= 3
        process.kill()
        process.wait(timeout=60)
        took_s = waited_s(lambda: not living(temporary) and not group_lives(process.pid))
    assert took_s < 10, "on a quiet machine it is less than one"
    assert {*temporary.iterdir()} == {up, ready}


def test_a_cluster_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: nobody listens, no address, or Dask is not installed."""
    from cachewise.sim.processes import cluster as clusters

    monkeypatch.setattr(clusters, "CONNECT_S", 0.5)
    for address in ("tcp://127.0.0.1:1", "nonsense"):
        with pytest.raises(NoClusterError, match=rf"^no Dask scheduler answers at {address} \(.*\)$"):
            Crew(1, chore, cluster=address).__enter__()
    monkeypatch.delitem(sys.modules, "cachewise.sim.processes.cluster")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(NoClusterError, match=r"cachewise\[cluster\]"):
        Crew(1, chore, cluster="tcp://127.0.0.1:1").__enter__()


@pytest.mark.proof
def test_a_cluster_does_the_same(tmp_path: Path) -> None:
    """Two workers of Dask's, several rounds, an error and a killed worker; then its scheduler is killed in mid-run."""
    with cluster(tmp_path) as dask, Crew(2, chore, cluster=dask.address) as crew:
        assert sorted(crew.work(SQUARES)) == ANSWERS
        here = {one.pid for one in dask.workers}
        assert {pid for _, pid in crew.work([("who", None)] * 10)} <= here
        with pytest.raises(LookupError, match="x"):
            list(crew.work([("fail", "x"), *SQUARES]))
        assert sorted(crew.work(SQUARES)) == ANSWERS
        answers = crew.work([("square", 3), *([("wait for", str(tmp_path / "never"))] * 3)])
        assert next(answers) == (0, 9)
        dask.scheduler.kill()
        with pytest.raises(CrewGoneError, match=rf"^the Dask scheduler at {dask.address} went away in mid-run$"):
            list(answers)


@pytest.mark.proof
@pytest.mark.servers
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_workers_servers_end_with_it(number: int, temporary: Path) -> None:
    """Dask's workers keep their servers, too, until they end: in order, or killed."""
    with cluster(temporary, 1) as dask, Crew(1, chore, cluster=dask.address) as crew:
        list(crew.work([("up", None)] * 2))
        assert len(list(temporary.glob(f"{PREFIX}*"))) == 1
        dask.workers[0].send_signal(number)
        wait_until(lambda: not list(temporary.glob(f"{PREFIX}*")))


@pytest.mark.proof
def test_threads_of_a_worker_take_turns(tmp_path: Path) -> None:
    """A worker of Dask's with four threads has one task under way at a time; a cluster of one core works, too."""
    for threads in (4, 1):
        (place := tmp_path / str(threads)).mkdir()
        with cluster(place, 1, threads) as dask, Crew(2, chore, cluster=dask.address) as crew:
            assert {most for _, most in crew.work([("alone", None)] * 12)} == {1}
            (worker,) = dask.workers
            assert {pid for _, pid in crew.work([("who", None)] * 2)} == {worker.pid}
