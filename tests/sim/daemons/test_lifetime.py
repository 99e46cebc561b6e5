"""Private servers: started for a run, and gone after it whatever happens."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

import cachewise
from cachewise import Row, Scenario, Site, UserError, servers
from cachewise.sim.daemons import session
from cachewise.sim.daemons.home import PREFIX
from cachewise.sim.daemons.programs import Library, Program, require_all
from cachewise.sim.daemons.server import Server
from cachewise.strategies import TtlOnly
from tests.helpers import CLI, Custom, cli, refused, wait_until, waited_s

ON_SERVERS = ("redis", "memcached", "postgres", "django-redis")
KINDS = ("redis", "memcached", "postgres")
SHORT = Scenario("short", keys=5, reads_per_s=100, writes_per_s=5, duration_s=2, warmup_s=0)


def processes(place: Path) -> dict[int, str]:
    """Return the processes that were started with *place* in their command line and have not ended, by their number."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(place) in command and state != "Z":
            found[int(entry.name)] = command
    return found


def living(place: Path) -> list[str]:
    """Return the command lines of the same."""
    return list(processes(place).values())


def kill(place: Path, *, watchdog: bool) -> None:
    """Kill the watchdog of the session in *place*, or else its servers."""
    found = [number for number, command in processes(place).items() if ("watchdog" in command) == watchdog]
    assert found, "it has not started yet, or has ended"
    for number in found:
        os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("backend", ON_SERVERS)
@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_a_run_ends_what_it_started(temporary: Path, backend: str, error: type[BaseException] | None) -> None:
    """Whether it succeeds, fails or is interrupted: when run() returns, its server and its folder are gone."""
    seen: list[list[str]] = []

    def read(site: Site, key: str) -> Row:
        row = site.db.read(key)
        site.cache.set(key, row)
        seen.append(living(temporary)) if not seen else None
        if error is not None:
            raise error
        return row

    if error is None:
        cachewise.run(SHORT, Custom(read), backend=backend)
    else:
        with pytest.raises(error):
            cachewise.run(SHORT, Custom(read), backend=backend)
    assert any("watchdog" in command for command in seen[0])
    assert any("watchdog" not in command for command in seen[0])
    assert living(temporary) == []
    assert list(temporary.iterdir()) == []


HARNESS = """
    import sys, time
    from cachewise.sim.daemons import servers
    with servers() as ours:
        for kind in ("redis", "memcached", "postgres"):
            ours.start(kind, virtual=kind != "postgres").begin()
        print("up", flush=True)
        time.sleep(600)
"""


def start_harness() -> subprocess.Popen[str]:
    """Return a process that has all servers running."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    command = [sys.executable, "-c", textwrap.dedent(HARNESS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.servers
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_nothing_survives_a_killed_harness(temporary: Path, number: signal.Signals) -> None:
    """Two seconds after kill -9 (or anything milder) no server runs and no folder is left."""
    with start_harness() as process:
        assert len(living(temporary)) >= 4
        process.send_signal(number)
        process.wait(timeout=60)
        assert waited_s(lambda: not living(temporary) and not list(temporary.iterdir())) < 2


@pytest.mark.parametrize("backend", ["file", "db"])
def test_no_folder_survives_either(temporary: Path, backend: str) -> None:
    """Two seconds after kill -9 the folder of a run on files is gone, too."""
    code = f"""
        from cachewise import Scenario, run
        from cachewise.strategies import DeleteOnWrite
        run(Scenario("long", keys=50, reads_per_s=2000, duration_s=100_000), DeleteOnWrite(), backend={backend!r})
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment) as process:
        wait_until(lambda: list(temporary.glob(f"{PREFIX}*/run-*/*")))
        process.kill()
        process.wait(timeout=60)
        assert waited_s(lambda: not list(temporary.iterdir())) < 2


@pytest.mark.servers
def test_without_its_watchdog_a_session_starts_nothing(temporary: Path) -> None:
    """With the watchdog killed a further server would outlive its owner: it is refused in one line, nothing is left."""
    with servers() as ours:
        running = ours.start("memcached", virtual=False)
        watchdog = ours._home._watchdog
        kill(temporary, watchdog=True)
        wait_until(lambda: watchdog.poll() is not None)
        with pytest.raises(UserError, match=r"^the watchdog of this session's servers is dead, and none is started"):
            ours.start("redis", virtual=False)
        assert ours.start("memcached", virtual=False) is running
    assert living(temporary) == []
    assert list(temporary.iterdir()) == []


FORKS = """
    import os, time
    from cachewise import servers
    with servers() as ours:
        for kind in ("redis", "memcached"):
            ours.start(kind, virtual=True)
        if not os.fork():
            print(os.getpid(), flush=True)  # it has let go of all by now
        time.sleep(1000)
"""


@pytest.mark.servers
def test_a_forked_child_keeps_no_server_alive(temporary: Path) -> None:
    """Kill -9 of a process whose forked child lives on: its servers and their folder are gone within two seconds."""
    command = [sys.executable, "-c", textwrap.dedent(FORKS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            process.kill()
            process.wait(timeout=60)
            assert waited_s(lambda: not living(temporary) and not list(temporary.iterdir())) < 2
            os.kill(child, 0)  # it lives on
        finally:
            os.kill(child, signal.SIGKILL)


FORKED = """
    import os
    from cachewise import servers
    with servers() as ours:
        server = ours.start("memcached", virtual=True)
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            print(server.alive(), server.folder.exists(), flush=True)
"""


@pytest.mark.servers
def test_a_forked_child_that_ends_takes_nothing_along(temporary: Path) -> None:
    """It leaves the block as its parent will: the parent's servers go on, and their folder stays."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\n", "")
    assert list(temporary.iterdir()) == []


@pytest.mark.servers
@pytest.mark.parametrize("program", ["redis-server", "initdb"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_hangs_is_interrupted(temporary: Path, program: str, number: int) -> None:
    """Ctrl-C and SIGTERM end a wait for a server that does not answer, with nothing left behind."""
    programs = temporary / "bin"  # where the user that initdb runs as can reach it
    programs.mkdir()
    (programs / program).write_text("#!/bin/sh\nsleep 60\n")
    (programs / program).chmod(0o755)
    backend = {"redis-server": "redis", "initdb": "postgres"}[program]
    command = [*CLI, "run", "product_list", "--jobs", "1", "--backend", backend]
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        wait_until(lambda: living(programs))
        process.send_signal(number)
        _, said = process.communicate(timeout=20)  # it would have waited for longer
    expected = (130, "cachewise: interrupted; nothing was written\n") if number == signal.SIGINT else (143, "")
    assert (process.returncode, said) == expected
    assert living(temporary) == []
    assert list(temporary.iterdir()) == [programs]


@pytest.mark.servers
def test_the_sweep_leaves_others_alone(temporary: Path) -> None:
    """A folder that only looks like a session's costs nobody anything: neither a session nor who reads there."""
    dead = temporary / f"{PREFIX}dead"
    with servers() as ours:
        server = ours.start("memcached", virtual=False)
        (temporary / PREFIX).mkdir()  # the beginning of every session's path
        dead.mkdir()
        (dead / "log").touch()
        with subprocess.Popen(["tail", "-f", str(dead / "log")], stdout=subprocess.DEVNULL) as reader:
            wait_until(lambda: str(dead / "log") in open_files(reader.pid))
            with servers() as others:
                others.start("memcached", virtual=False)
            assert not dead.exists()
            assert server.alive()
            assert reader.poll() is None
            reader.kill()


@pytest.mark.servers
def test_the_next_start_sweeps_up(temporary: Path) -> None:
    """Where the watchdog was killed too, the next session ends the servers and removes their folder; its own stays."""
    with start_harness() as process:
        kill(temporary, watchdog=True)
        process.kill()
        process.wait(timeout=60)
    (left,) = temporary.iterdir()
    assert len(living(left)) >= 3
    with servers() as ours, servers() as others:
        ours.start("memcached", virtual=False)
        wait_until(lambda: not living(left))
        assert not left.exists()
        others.start("memcached", virtual=False)
        assert len(list(temporary.glob(f"{PREFIX}*"))) == 2  # a session that lives is not swept
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("backend", ON_SERVERS)
def test_a_server_that_dies_ends_the_run(temporary: Path, backend: str) -> None:
    """Killed in mid-run, a server ends the run with one line that says so."""
    served: list[str] = []

    def read(site: Site, key: str) -> Row:
        served.append(key)
        if len(served) == 50:
            kill(temporary, watchdog=False)
        return site.cache.get_or_set(key, lambda: site.db.read(key))  # type: ignore[no-any-return]

    said = r"died in mid-run \(killed by SIGKILL.*\); nothing of this run is kept$"
    with pytest.raises(UserError, match=said) as caught:
        cachewise.run(SHORT, Custom(read), backend=backend)
    assert "\n" not in str(caught.value)
    assert list(temporary.iterdir()) == []


def a_minute_is_over(clock: Path) -> bool:
    """Return whether a clock's file, which is empty for an instant, shows a later minute than the first."""
    return re.search(r" \d\d:\d\d:", stamp := clock.read_text()) is not None and " 00:00:" not in stamp


@pytest.mark.servers
def test_a_server_that_dies_leaves_no_report(temporary: Path, tmp_path: Path) -> None:
    """On the command line it is exit code 2, one line, and no half-written folder."""
    out = tmp_path / "out"
    long = ["--set", "duration_s=100000", "--backend", "redis", "--strategy", "ttl-only", "--jobs", "1"]
    command = [*CLI, "run", "product_list", *long, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # The server's clock shows that a minute of the traffic is over.
        wait_until(lambda: any(map(a_minute_is_over, temporary.glob(f"{PREFIX}*/*/clock"))))
        kill(temporary, watchdog=False)
        told, errors = process.communicate()
    assert (process.returncode, told) == (2, "")
    assert errors.startswith("cachewise: redis-server died in mid-run (killed by SIGKILL")
    assert len(errors.splitlines()) == 1
    assert not out.exists()


@pytest.mark.servers
def test_nothing_survives_a_killed_experiment(temporary: Path) -> None:
    """Kill -9 of `cachewise run` on two processes: their servers and folders are gone within two seconds."""
    command = [*CLI, "run", "product_list", "--set", "duration_s=100000", "--seeds", "2"]
    every = [*command, "--backend", "redis", "--backend", "memcached", "--jobs", "2"]
    with subprocess.Popen(every, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: len([one for one in living(temporary) if "watchdog" not in one]) >= 2)
        process.kill()
        process.wait(timeout=60)
        assert waited_s(lambda: not living(temporary) and not list(temporary.iterdir())) < 2


@pytest.mark.servers
def test_what_a_cache_refuses_is_one_line(tmp_path: Path) -> None:
    """A value too large for memcached ends the command with its client's message and the request, and exit code 2."""
    large = ["--set", "value_bytes=3000000", "--strategy", "ttl-only", "--jobs", "1"]
    told = refused(cli("run", "product_list", "--backend", "memcached", *large, cwd=tmp_path))
    assert told.startswith("cachewise: pymemcache: MemcacheServerError: b'object too large for cache' (in TtlOnly.re")


def test_what_is_missing_is_one_line() -> None:
    """Programs and packages that are not installed are named together, with one command that installs them."""
    absent = [Program("no-such-server", "some-server"), Library("no_such_library", "some-library")]
    with pytest.raises(UserError) as caught:
        require_all([Program("sh", "dash"), *absent, Program("no-such-tool", "some-server")])
    assert str(caught.value) == (
        "not installed: no-such-server, some-library, no-such-tool; "
        f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install --yes some-server && python -m pip install some-library"
    )


def open_files(pid: int) -> list[str]:
    """Return the paths of the files that a process holds open."""
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # one that is closed by now
            found.append(str(path.readlink()))
    return found


@pytest.mark.servers
@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_dies_at_once_is_said_too(temporary: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Killed between its start and its first use, it ends the run with the same line."""
    cls = session.KINDS[kind]
    set_up = cls.set_up

    def die_first(server: Server) -> None:
        kill(temporary, watchdog=False)
        set_up(server)

    monkeypatch.setattr(cls, "set_up", die_first)
    with pytest.raises(UserError, match=rf"^{cls.program} died in mid-run \(killed by SIGKILL"):
        cachewise.run(SHORT, TtlOnly(), backend=kind)
    assert list(temporary.iterdir()) == []
