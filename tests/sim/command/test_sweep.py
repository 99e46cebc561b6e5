"""Sweeps as people run them: commands in processes of their own, folders that outlive them."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from tests.clusters import cluster
from tests.helpers import CLI, cli, cli_each, group_lives, wait_until

SHORT = ("--set", "duration_s=40", "--set", "warmup_s=5")
TWO = ("--strategy", "ttl-only", "--strategy", "delete-on-write")
GRID = ("run", "product_list", "--vary", "timeout=5,20", *TWO, *SHORT, "--seeds", "2", "--jobs", "2")
OWN_TO_IT = (".lock", "timing.csv", "sweep.json")  # which process, how fast, and where the command began
OWN = """
import os
import signal

from cachewise import FromFunctions


def read(site, key):
    {read}
    return site.db.read(key)


def write(site, key):
    site.db.write(key)


MINE = FromFunctions(read, write)
"""


def lasting(folder: Path) -> dict[str, bytes]:
    """Return the files of a sweep that must be the same whatever happened on the way, by their names."""
    files = (path for path in folder.rglob("*") if path.is_file())
    names = {str(path.relative_to(folder)): path for path in files}
    return {name: path.read_bytes() for name, path in names.items() if name not in OWN_TO_IT}


def test_a_sweep_lands_and_the_same_command_runs_nothing_twice(tmp_path: Path) -> None:
    """Each run is a row; `resume` and the same command again find all there, and say and write the same."""
    first = cli("run", *GRID[2:], "--out", "sweep", "--", "product_list", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    folder = tmp_path / "sweep"
    frame = pd.read_parquet(folder / "cells")
    assert len(frame) == 8
    assert sorted(set(frame["timeout_s"])) == [5.0, 20.0]
    assert sorted(frame["seed"]) == [1] * 4 + [2] * 4
    assert {*frame["contender"]} == {"ttl-only", "delete-on-write"}
    before, told = lasting(folder), (folder / "timing.csv").read_text()
    assert {"report.html", "summary.csv", "points.csv"} < before.keys()
    again = cli("resume", "sweep", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert lasting(folder) == before
    assert (folder / "timing.csv").read_text() == told, "nothing was run"
    as_durations = ("--vary", "timeout=5s,20 s", *TWO, "--duration", "40s", "--set", "warmup_s=5000ms", "--seeds", "2")
    written = cli("run", "product_list", *as_durations, "--out", "sweep", cwd=tmp_path)
    assert (written.returncode, written.stdout) == (0, first.stdout), written.stderr
    assert (folder / "timing.csv").read_text() == told, "however it is written, it is the same cell"


def test_what_cannot_be_is_refused_before_anything_starts(tmp_path: Path) -> None:
    """One line that says what is wrong; no folder is made."""
    run = ("run", "product_list", "--out", "sweep")
    (tmp_path / "mine.py").write_text(OWN.format(read="pass"))
    (tmp_path / "app.py").write_text("from cachewise import App\n\nAPP = App('shop.settings')\n")
    (tmp_path / "trace.csv").write_text("time_s,key,size_bytes\n0,a,5\n1.5,b,5\n2,a,5\n")
    refusals: dict[tuple[str, ...], str] = {
        (*run, "--vary", "timout=1,2"): "unknown field 'timout'; did you mean 'timeout'?",
        (*run, "--vary", "why=1,2"): "unknown field 'why'",
        (*run, "--vary", "timeout=1,10 mins"): "'10 mins' is not a duration; write 10m",
        (*run, "--vary", "timeout=1,-2"): "timeout -2: it must be 0 or more, or none",
        (*run, "--vary", "keys=0,5"): "keys=0 must lie between 1 and",
        (*run, "--vary", "timeout=1,2", "--timeout", "3"): "exclude each other",
        (*run, "--vary", "timeout=1,2", "--vary", "timeout=3,4"): "--vary timeout occurs twice",
        (*run, "--vary", "timeout=1,2", "--strategy", "ttl-only:timeout=9"): "names a timeout of its own",
        (*run, "--vary", "timeout=1,2", "--strategy", "./mine.py"): "./mine.py has no timeout",
        (*run, "--vary", "ttl-only:timout=1|2"): "unknown parameter 'timout'",
        (*run, "--vary", "xfetch:beta=1|2"): "xfetch is not among the strategies",
        (*run, "--vary", "max_entries=10,20", "--backend", "redis"): "backend 'redis' has no such limit",
        (*run, "--vary", "cull_frequency=2,4"): "backend 'shared' has no other",
        (*run, "--vary", "trace_speed=1,2"): "trace_speed=2 needs a trace",
        (*run, "--vary", "trace_columns=a,b"): "all traces of a sweep have the same columns: write --trace-columns",
        (*run, "--vary", "rollback_ratio=0,1", "--set", "writes_per_s=0"): "there are no writes",
        (*run, "--vary", "value_bytes=10,20", "--trace", "trace.csv", "--set", "warmup_s=0"): "it comes from the trace",
        (*run, "--vary", "writes_per_s=log:0.1:100:9000", *TWO, "--seeds", "10"): "180,000 cells are more than 100,000",
        (*run, "--vary", "timeout=1,2", "--seed", "3"): "a sweep runs seeds 1 to K",
        (*run, "--vary", "timeout=1,2", "--max-seeds", "9"): "--max-seeds goes with --precision",
        (*run, "--max-seeds", "9"): "--max-seeds needs a sweep, and this is not one",
        (*run, "--retry-failed"): "--retry-failed needs a sweep, and this is not one",
        (*run, "--precision", "stale_rati:0.1"): "did you mean 'stale_ratio'?",
        (*run, "--vary", "timeout=1,2", "--max", "stale_rati=1%"): "did you mean 'stale_ratio'?",
        ("run", "app.py", "--vary", "workers=1,2", "--out", "."): "--out: a sweep cannot write among the files",
        ("resume", "nowhere"): "nowhere: there is no sweep in it",
    }
    for done, why in zip(cli_each(*refusals, cwd=tmp_path), refusals.values(), strict=True):
        assert done.returncode == 2, done
        (line,) = done.stderr.splitlines()
        assert why in line, (done.args, line)
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"app.py", "mine.py", "trace.csv"}


def test_a_dry_run_says_what_it_would_do_and_does_not(tmp_path: Path) -> None:
    """The axes, how many points, seeds and requests there are, and how long they would take here."""
    done = cli(*GRID, "--strategy", "write-through:timeout=1|2", "--out", "sweep", "--dry-run", cwd=tmp_path)
    assert done.returncode == 2  # it names its own timeout
    done = cli(*GRID[:2], "--vary", "writes_per_s=1,10", *TWO, *SHORT, "--seeds", "2", "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("writes_per_s: 1, 10\nshared: ")
    assert "4 points x 2 seeds, 9,180 requests" in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_the_same_strategy_twice_is_one_and_one_place_is_a_table(tmp_path: Path) -> None:
    """Its seeds count once, whatever it is called; where nothing varies, the answer is that of a plain run."""
    twice = ("--strategy", "ttl-only", "--strategy", "ttl-only:timeout=120")
    done = cli(*GRID[:2], *twice, *SHORT, "--vary", "reads_per_s=5", "--seeds", "2", "--out", "sweep", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "sweep" / "summary.csv").read_text().splitlines()) == 3
    assert "means of 2 seeds" in " ".join(done.stdout.split())


def test_what_changes_under_way_is_no_part_of_the_sweep(tmp_path: Path) -> None:
    """A module that a strategy imports is another one in mid-sweep: what is run from then on fails, and lands never."""
    (tmp_path / "rules.py").write_text("KEEP_S = 5\n")
    line = "from pathlib import Path; Path('rules.py').write_text('KEEP_S = 6')"
    (tmp_path / "mine.py").write_text("import rules\n" + OWN.format(read=line))
    command = ("run", "product_list", "--vary", "reads_per_s=5,50", *SHORT, "--strategy", "./mine.py", "--out", "sweep")
    done = cli(*command, "--jobs", "1", cwd=tmp_path)
    assert done.returncode == 1, done
    assert "rules.py on" in " ".join(done.stdout.split())
    assert [*(tmp_path / "sweep" / "cells").iterdir()] == []


def test_a_cell_that_fails_stops_no_other(tmp_path: Path) -> None:
    """It is told at the end with exit code 1, and run again only if that is asked for; a changed file is run anew."""
    strategy = ("--strategy", "./mine.py", "--strategy", "delete-on-write")
    command = ("run", "product_list", "--vary", "reads_per_s=5,50", *SHORT, *strategy, "--jobs", "1", "--out", "sweep")
    failing = OWN.format(read="if 'FAIL' in os.environ: raise KeyError('no such price')")
    (tmp_path / "mine.py").write_text(failing)
    first = cli(*command, cwd=tmp_path, env={"FAIL": "yes"})
    assert first.returncode == 1, first.stderr
    assert "2 of the cells failed" in first.stderr
    assert "no such price" in " ".join(first.stdout.split())
    reasons = [json.loads(path.read_text())["reason"] for path in (tmp_path / "sweep" / "failed").iterdir()]
    assert len(reasons) == 2
    assert all("no such price" in reason for reason in reasons)
    assert len(pd.read_parquet(tmp_path / "sweep" / "cells")) == 2
    assert cli("resume", "sweep", cwd=tmp_path).returncode == 1, "they are not tried again by themselves"
    done = cli("resume", "sweep", "--retry-failed", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "sweep" / "failed").exists()
    landed = {*pd.read_parquet(tmp_path / "sweep" / "cells")["cell"]}
    (tmp_path / "mine.py").write_text(failing + "\n")
    assert cli(*command, cwd=tmp_path).returncode == 0
    others = {*pd.read_parquet(tmp_path / "sweep" / "cells")["cell"]}
    assert len(others) == len(landed) == 4
    assert len(others & landed) == 2, "those of the other strategy"


@pytest.mark.proof
def test_who_is_left_out_is_said(tmp_path: Path) -> None:
    """Without --strategy all that can run are compared; the others are told."""
    done = cli("run", "product_list", "--vary", "timeout=5,20", *SHORT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out on shared: delete-pattern, which needs cache.delete_pattern()" in done.stderr


@pytest.mark.proof
def test_a_worker_that_is_killed_costs_its_cell(tmp_path: Path) -> None:
    """As by a system whose memory is full: the others land, and the line says what may help."""
    dying = OWN.format(read="if site.time() > 20: os.kill(os.getpid(), signal.SIGKILL)")
    (tmp_path / "mine.py").write_text(dying)
    strategies = ("--strategy", "./mine.py", "--strategy", "delete-on-write", "--jobs", "2")
    done = cli(
        *("run", "product_list", "--vary", "duration_s=10,40", "--set", "warmup_s=0", "--seeds", "3"),
        *(*strategies, "--out", "sweep"),
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    assert "3 of the cells failed" in done.stderr
    assert "its worker process was killed (is the memory full? try --jobs 1)" in " ".join(done.stdout.split())
    assert len(pd.read_parquet(tmp_path / "sweep" / "cells")) == 9


@pytest.mark.proof
def test_a_cluster_gives_the_same_bytes_and_its_loss_loses_nothing(tmp_path: Path) -> None:
    """The scheduler is killed in the middle: one line; `resume` goes on, here or on another cluster.

    A strategy's file travels with its runs, and a server of the workers' own is as good as one here.
    """
    (tmp_path / "mine.py").write_text(OWN.format(read="pass"))
    strategies = ("--strategy", "./mine.py", "--strategy", "ttl-only", "--backend", "shared", "--backend", "redis")
    grid = ("run", "product_list", "--vary", "reads_per_s=5,20", *strategies, *SHORT, "--seeds", "10")
    calm = cli(*grid, "--out", "sweep", cwd=make(tmp_path / "calm", "mine.py"))
    assert calm.returncode == 0, calm.stderr
    place = make(tmp_path / "lost", "mine.py")
    with cluster(make(tmp_path / "first")) as first:
        command = [*CLI, *grid, "--out", "sweep", "--cluster", first.address]
        process = subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: (place / "sweep/cells").exists() and len([*(place / "sweep/cells").iterdir()]) > 5)
        first.scheduler.kill()
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "went away in mid-run; cachewise resume sweep goes on" in said.splitlines()[-1]
    landed = {path.name: path.stat().st_mtime_ns for path in (place / "sweep/cells").iterdir()}
    with cluster(make(tmp_path / "second")) as second:
        done = cli("resume", "sweep", "--cluster", second.address, cwd=place)
    assert done.returncode == 0, done.stderr
    assert landed.items() <= {path.name: path.stat().st_mtime_ns for path in (place / "sweep/cells").iterdir()}.items()
    assert cells_of(place) == cells_of(tmp_path / "calm")
    assert cli("resume", "sweep", "--cluster", "none", cwd=place).returncode == 0, "the cluster is gone by now"


@pytest.mark.proof
def test_a_cluster_with_other_versions_is_refused(tmp_path: Path) -> None:
    """In one line that names the difference, and nothing lands."""
    (tmp_path / "worker").mkdir()
    (tmp_path / "worker" / "sitecustomize.py").write_text(
        "from cachewise.sim.sweep import identity\nidentity.our_sources = lambda: 'another'\n"
    )
    with cluster(make(tmp_path / "first"), workers=1, path=tmp_path / "worker") as first:
        done = cli(*GRID, "--out", "sweep", "--cluster", first.address, cwd=tmp_path)
    assert done.returncode == 2, done
    line = done.stderr.splitlines()[-1]
    assert re.search(r"the worker on \S+ has cachewise another; here is cachewise \w+", line), line
    assert [*(tmp_path / "sweep" / "cells").iterdir()] == []


def make(folder: Path, *files: str) -> Path:
    """Make *folder*, with *files* from beside it."""
    folder.mkdir()
    for name in files:
        shutil.copy(folder.parent / name, folder)
    return folder


def cells_of(place: Path) -> dict[str, bytes]:
    """Return the cells of the sweep in *place*."""
    return {path.name: path.read_bytes() for path in (place / "sweep" / "cells").iterdir()}


MOMENTS = 20
LONGER = (
    *("run", "product_list", "--vary", "timeout=5,60", "--vary", "writes_per_s=log:0.1:10:2", *TWO),
    *("--strategy", "write-through", "--set", "duration_s=60", "--set", "warmup_s=10", "--jobs", "2"),
    *("--precision", "stale_ratio:0.2", "--max-seeds", "19"),
)


@pytest.mark.proof
def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """Twenty times the command or a worker is killed; what is there in the end is what an undisturbed one leaves.

    The command line of the page differs by the folder's name alone, so both are called the same.
    """
    (tmp_path / "calm").mkdir()
    (tmp_path / "kills").mkdir()
    done = cli(*LONGER, "--out", "sweep", cwd=tmp_path / "calm")
    assert done.returncode == 0, done.stderr
    undisturbed = lasting(tmp_path / "calm" / "sweep")
    chance = random.Random(1)
    cells = tmp_path / "kills" / "sweep" / "cells"
    landed = 0
    for moment in range(MOMENTS):
        process = subprocess.Popen(
            [*CLI, *LONGER, "--out", "sweep"],
            cwd=tmp_path / "kills",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        time.sleep(chance.uniform(0, 6))  # any moment will do: nothing is asserted of it
        victims = workers_of(process.pid) if moment % 3 == 2 else []
        for victim in victims[:1] or [process.pid]:
            with suppress(ProcessLookupError):  # it may be gone by itself
                os.kill(victim, signal.SIGKILL)
        if victims:
            assert process.wait(timeout=120) in (0, 1), "a worker's death is not the end"
        process.communicate()
        wait_until(partial(is_gone, process.pid))
        seen = len(pd.read_parquet(cells)) if cells.exists() else 0
        assert seen >= landed, "what has landed stays"
        landed = seen
        if process.returncode == 0:
            assert lasting(cells.parent) == undisturbed
            shutil.rmtree(cells.parent)
            landed = 0
    done = cli("resume", "sweep", "--retry-failed", cwd=tmp_path / "kills")
    assert done.returncode == 0, done.stderr
    assert lasting(tmp_path / "kills" / "sweep") == undisturbed


def workers_of(process: int) -> list[int]:
    """Return the processes that *process* has started."""
    try:
        return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def is_gone(group: int) -> bool:
    """Return whether no process of this group is left."""
    return not group_lives(group)
