"""`bench` and `verify` as they are typed: what they print and write, what they refuse, and what they leave behind."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import redis
import typer

from cachewise.sim.backends import BACKENDS
from cachewise.sim.command.results import end_with
from cachewise.sim.daemons import servers
from cachewise.sim.experiment import outcome_of
from cachewise.sim.verdict.metrics import METRICS, WALL_METRICS
from cachewise.sim.verdict.result import Run
from cachewise.sim.wall.bench import failures, how_long
from cachewise.sim.wall.run import Around
from cachewise.sim.world.scenario import Scenario
from cachewise.strategies import TtlOnly
from tests.helpers import CLI, SERVERS, cli, cli_each, refused, wait_until, waited_s
from tests.sim.daemons.test_lifetime import kill, living
from tests.sim.wall.tools import BRIEF, SlowCommits, real

SMALL = [
    *("--set", "keys=5", "--set", "reads_per_s=60", "--set", "writes_per_s=0", "--set", "warmup_s=0.2"),
    *("--duration", "0.8", "--timeout", "2"),
]
ONE = ["wall_check", *SMALL, "--strategy", "ttl-only"]


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Give an empty folder for all temporary files, short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cw-") as place:
        Path(place).chmod(0o711)
        yield Path(place)


def test_bench_says_which_clock_it_was(tmp_path: Path) -> None:
    """Every output of a real run says "wall clock": the table's title, the notes, the page; every figure is there."""
    done = cli("bench", *ONE, "--database", "sqlite", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "wall_check on locmem, wall clock" in done.stdout
    assert "wall clock: real processes, threads and time, rows in an SQLite file (one writer" in " ".join(
        done.stdout.split()
    )
    table = pd.read_csv(tmp_path / "summary.csv")
    assert {*METRICS, *WALL_METRICS} < set(table.columns)
    assert table["notes"].str.contains("wall clock: ").all()
    page = (tmp_path / "report.html").read_text()
    assert "<title>cachewise: wall_check, wall clock</title>" in page
    assert "1 real run of real cache code on the wall clock" in page
    assert "the same reads come out" not in page
    assert "Latencies are simulated" not in page


def test_bench_prints_for_programs() -> None:
    """`--format json` prints one object a run, and nothing else."""
    done = cli("bench", *ONE, "--database", "sqlite", "--seed", "3", "--format", "json")
    rows = json.loads(done.stdout)
    assert [row["seed"] for row in rows] == [3]
    assert all(row["errors"] == 0 and row["throughput_per_s"] > 10 for row in rows)


BAD_INPUT = [
    (["--strategy", "oracle"], "strategy 'oracle' uses site.ideal, which runs in the simulation only"),
    (["--backend", "shared"], "backend 'shared' is one LocMem store, which several processes cannot share"),
    (["--database", "mysql"], "unknown database 'mysql'"),
    (["--added-latency", "db_raed_s"], "unknown latency 'db_raed_s'; did you mean 'db_read_s'?"),
    (["--backend", "redsi"], "unknown backend 'redsi'; did you mean 'redis'?"),
    (["--backend", "redis", "--set", "max_entries=3"], "max_entries=3: backend 'redis' has no such limit"),
    (["--seed", "1", "--seeds", "2"], "--seed and --seeds exclude each other"),
    (["--duration", "0"], "--duration 0: it must be more than 0"),
    (["--set", "db_connections=3"], "db_connections=3: a real run has a connection for every thread; leave it out"),
    (["--set", "threads=1000"], "2 workers of 1,000 threads: a real run starts at most 256 threads in all"),
    (
        ["--backend", "locmem", "--server", "redis://localhost:1", "--this-server-may-be-flushed"],
        "backend 'locmem' has no server; choose --backend redis or --backend django-redis",
    ),
    (
        ["--backend", "file", "--server", "memcached://localhost:1", "--this-server-may-be-flushed"],
        "backend 'file' has no server; choose --backend memcached",
    ),
    (["--this-server-may-be-flushed"], "--this-server-may-be-flushed needs --server URL"),
    (
        ["--backend", "redis", "--server", "http://localhost:1", "--this-server-may-be-flushed"],
        "backend 'redis' needs redis://… or rediss://… or unix://…",
    ),
    (
        ["--backend", "redis", "--server", "redis://localhost:1/15x", "--this-server-may-be-flushed"],
        "--server redis://localhost:1/15x: '15x' is not the number of a database",
    ),
    (
        ["--backend", "redis", "--server", "redis://a:1/0;redis://b:1/0", "--this-server-may-be-flushed"],
        "one server at a time",
    ),
]


def test_what_cannot_run_for_real_is_one_line() -> None:
    """Bad input is refused before anything starts, in one line that says what is wrong."""
    commands = (["bench", "wall_check", *words] for words, _ in BAD_INPUT)
    for done, (_, message) in zip(cli_each(*commands), BAD_INPUT, strict=True):
        assert message in refused(done)


def test_the_help_says_how_a_server_is_written() -> None:
    """`bench --help` names every form of URL that some backend takes, and what is deleted."""
    told = " ".join(cli("bench", "--help").stdout.split())
    assert all(scheme in told for backend in BACKENDS.values() for scheme in backend.schemes)
    assert "FLUSHDB" in told
    assert "flush_all" in told


def test_how_long_it_takes_is_said_before() -> None:
    """The runs follow one another: what they take adds up, the warm-up and the harness's own seconds included."""
    scenario = replace(BRIEF, warmup_s=7, duration_s=10)
    one = Run(scenario, TtlOnly(), "locmem", 1)
    assert how_long([one]) == "1 real run, about 20 s"
    assert how_long([one] * 30) == "30 real runs, about 10 min"
    traced = Scenario("traced", trace="x.csv", warmup_s=7, duration_s=10)
    assert how_long([replace(one, scenario=traced)] * 2) == "2 real runs, at most 40 s"


def test_a_foreign_server_is_left_alone() -> None:
    """Without the flag nobody connects to the server named: the command refuses before."""
    with socket.create_server(("127.0.0.1", 0)) as somebodys:
        somebodys.setblocking(False)  # noqa: FBT003 - the socket module's own
        url = f"redis://me:secret@127.0.0.1:{somebodys.getsockname()[1]}/0?username=me&password=secret&db=1"
        message = refused(cli("bench", *ONE, "--backend", "redis", "--server", url))
        assert "--this-server-may-be-flushed" in message
        assert "?username=***&password=***&db=1" in message
        assert "secret" not in message
        with pytest.raises(BlockingIOError):
            somebodys.accept()


@pytest.mark.servers
def test_a_foreign_server_that_may_be_flushed() -> None:
    """With the flag the runs use it, empty it first, and leave nothing in it."""
    server = SERVERS.start("redis", virtual=False)
    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        client.set("theirs", "gone")
        commands = client.info("stats")["total_commands_processed"]
        done = cli(
            *("bench", *ONE, "--backend", "redis", "--database", "sqlite", "--format", "json"),
            *("--server", server.location, "--this-server-may-be-flushed"),
        )
        assert done.returncode == 0, done.stderr
        assert client.info("stats")["total_commands_processed"] > commands + 50
        assert client.dbsize() == 0
    (row,) = json.loads(done.stdout)
    assert row["hit_ratio"] > 0.3
    assert row["entries_end"] is None, "nobody asks a server that is not ours"


@pytest.mark.servers
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, "a worker dies", "the server dies, too"])
def test_a_foreign_server_is_emptied_however_a_run_ends(how: signal.Signals | str, temporary: Path) -> None:
    """After a signal or an error in mid-run nothing of the run is left in it; if the server is gone, a line says so."""
    with servers() as theirs:
        server = theirs.start("redis", virtual=False)
        place = ["--database", "sqlite", "--backend", "redis", "--server", server.location]
        with (
            redis.Redis(unix_socket_path=str(server.socket)) as client,
            start(temporary, *place, "--this-server-may-be-flushed") as process,
        ):
            wait_until(lambda: client.dbsize() > 10)
            if isinstance(how, signal.Signals):
                (os.killpg if how == signal.SIGHUP else os.kill)(process.pid, how)
            else:
                if how == "the server dies, too":
                    server.stop()
                os.kill(group(process)[-1], signal.SIGKILL)
            _, said = process.communicate(timeout=30)
            assert how == "the server dies, too" or client.dbsize() == 0
    assert (process.returncode, said) == {
        signal.SIGINT: (130, "cachewise: interrupted; nothing was written\n"),
        signal.SIGTERM: (143, ""),
        signal.SIGHUP: (129, ""),
        "a worker dies": (2, "cachewise: worker process 1 ended in mid-run\n"),
    }.get(how, (2, said))
    if how == "the server dies, too":
        assert said.startswith("cachewise: worker process 1 ended in mid-run; and --server unix:///")
        assert "it cannot be emptied: ConnectionError: " in said
        assert len(said.splitlines()) == 1


@pytest.mark.servers
@pytest.mark.parametrize("backend", ["redis", "django-redis", "memcached"])
def test_a_server_that_cannot_be_reached(backend: str) -> None:
    """Nobody there, or somebody who never answers: a line that names the server, its password hidden, in seconds."""
    scheme = "memcached" if backend == "memcached" else "redis"
    login = "" if backend == "memcached" else f"me:{'secret' * 20}@"
    told = "" if backend == "memcached" else "***@"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for state, problem in (("silent", "no answer within 4 s"), ("gone", "refused")):
            if state == "gone":
                silent.close()
            url = f"{scheme}://{login}127.0.0.1:{port}"
            message = refused(cli("bench", *ONE, "--backend", backend, "--server", url, "--this-server-may-be-flushed"))
            assert message.startswith(f"cachewise: --server {scheme}://{told}127.0.0.1:{port}: it cannot be emptied: ")
            assert problem in message
            assert "secret" not in message


@pytest.mark.servers
def test_too_many_undecidable_reads_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """Where a COMMIT takes long, many reads start before it has ended: a line says so, and the exit code is 1."""
    scenario = replace(BRIEF, keys=1, writes_per_s=15, transaction_tail_s=0)
    outcome = outcome_of(real(scenario, SlowCommits(), around=Around("postgres")))
    assert outcome.summary["undecidable"] > 0.05 * outcome.summary["reads"]
    (line,) = failures([outcome])
    assert "reads are undecidable (more than 1%)" in line
    with pytest.raises(typer.Exit) as end:
        end_with([], [line])
    assert end.value.exit_code == 1
    assert capsys.readouterr().err == f"cachewise: {line}\n"


def start(temporary: Path, *options: str) -> subprocess.Popen[str]:
    """Start a bench of less than a minute, and return when its traffic is under way."""
    command = [*CLI, "bench", "wall_check", "--strategy", "ttl-only", "--duration", "45", *options]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        command, env=environment, start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_until(lambda: in_there(temporary, "rows.sqlite3-wal") and len(group(process)) > 2)
    time.sleep(0.5)
    return process


def in_there(folder: Path, name: str) -> bool:
    """Return whether a file of this *name* is in *folder* or below, whatever disappears meanwhile."""
    return any(name in files for _, _, files in os.walk(folder))


def group(process: subprocess.Popen[str]) -> list[int]:
    """Return the living processes of *process*'s session, the youngest last: numbers begin anew now and then."""
    found: list[tuple[int, int, int]] = []
    numbers = int(Path("/proc/sys/kernel/pid_max").read_text())
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, *fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if state != "Z" and int(fields[2]) == process.pid:
            number = int(entry.name)
            began = int(fields[18])  # in hundredths of a second: of two at once the number tells
            found.append((began, (number - process.pid) % numbers, number))
    return [number for *_, number in sorted(found)]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("number", "backend"),
    [(signal.SIGINT, "locmem"), (signal.SIGTERM, "redis"), (signal.SIGKILL, "locmem"), (signal.SIGKILL, "redis")],
)
def test_nothing_survives(number: signal.Signals, backend: str, temporary: Path) -> None:
    """Two seconds after the harness has ended, however it did, no process and no folder of it is left."""
    with start(temporary, "--backend", backend, "--database", "sqlite") as process:
        assert len(group(process)) >= 3, "the harness and two workers"
        process.send_signal(number)
        assert waited_s(lambda: process.poll() is not None) < 10
        assert waited_s(lambda: not group(process) and not living(temporary) and not list(temporary.iterdir())) < 2
        out, said = process.communicate()
    assert out == ""
    if number == signal.SIGINT:
        assert (process.returncode, said) == (130, "cachewise: interrupted; nothing was written\n")
    elif number == signal.SIGTERM:
        assert (process.returncode, said) == (143, "")
    assert "Traceback" not in said


@pytest.mark.servers
def test_a_server_that_dies_ends_a_real_run(temporary: Path) -> None:
    """A server that is killed ends the command at once, with one line that names it."""
    with start(temporary, "--backend", "redis", "--database", "sqlite") as process:
        kill(temporary, watchdog=False)
        assert waited_s(lambda: process.poll() is not None) < 10
        _, said = process.communicate()
    assert process.returncode == 2
    assert said.startswith("cachewise: redis-server died in mid-run (killed by SIGKILL")
    assert len(said.splitlines()) == 1
    assert not list(temporary.iterdir())


def test_a_worker_that_dies_ends_the_run(temporary: Path) -> None:
    """A worker process that is killed ends the command with one line, and takes nothing else down.

    Before it, a bench of over a minute has said how long it takes.
    """
    with start(temporary, "--database", "sqlite", "--duration", "60") as process:
        os.kill(group(process)[-1], signal.SIGKILL)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said == "1 real run, about 69 s\ncachewise: worker process 1 ended in mid-run\n"
    assert not list(temporary.iterdir())
