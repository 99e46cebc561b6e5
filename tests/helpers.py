"""Small tools of the tests: scripts of requests as traces, strategies made of two functions, logs as literal lists."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

import cachewise
from cachewise import Bound, Costs, Result, Row, Scenario, Site, Strategy
from cachewise.sim.backends import Call
from cachewise.sim.check.script import INSTANT, Step, script  # noqa: F401 - for the tests, by this file's name
from cachewise.sim.daemons import Servers
from cachewise.sim.engine.scheduler import Engine

ROOT = Path(__file__).parents[1]  # the repository
CLI = (sys.executable, "-m", "cachewise")  # the command line, as a process of its own
BACKENDS = ("shared", "locmem", "file", "db", "dummy", "redis", "memcached", "postgres", "django-redis")
STORING = tuple(name for name in BACKENDS if name != "dummy")  # the ones that keep anything
CULLING = ("shared", "locmem", "file", "db", "postgres")  # the ones with a MAX_ENTRIES
ONE_STORE = tuple(name for name in STORING if name != "locmem")  # the ones all workers share
SERVERS = Servers()  # the private servers of the whole test session: starting one takes longer than most tests
# A real run fails with more than 1% of its reads undecidable, which in a short one is a single read that meets a COMMIT
# of its key: on so many keys hardly any does.
MANY_KEYS = [*("--set", "keys=1000"), *("--set", "read_popularity=uniform"), *("--set", "write_popularity=uniform")]
Body = Callable[[Site], Any]  # what a request does


@dataclass(frozen=True)
class Custom:
    """A strategy made of two functions."""

    reader: Callable[[Site, str], Row] = lambda site, key: site.db.read(key)
    writer: Callable[[Site, str], Any] = lambda site, key: site.db.write(key)
    name: ClassVar[str] = "custom"
    costs: ClassVar[Costs] = Costs(0, 0, 0)
    stale_at_most: ClassVar[Bound] = "none"

    def read(self, site: Site, key: str) -> Row:
        """Call the reader."""
        return self.reader(site, key)

    def write(self, site: Site, key: str) -> Any:
        """Call the writer."""
        return self.writer(site, key)


def run(scenario: Scenario, strategy: Strategy, **options: Any) -> Result:
    """Run as `cachewise.run` does, on the test session's servers."""
    return cachewise.run(scenario, strategy, servers=SERVERS, **options)


def cli(*args: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    everything = {**os.environ, **(env or {})}
    return subprocess.run(
        [*CLI, *args], capture_output=True, text=True, cwd=cwd, env=everything, check=False, timeout=120
    )


def cli_each(*commands: Sequence[str], cwd: Path | None = None) -> list[subprocess.CompletedProcess[str]]:
    """Run these command lines, all of which are to be refused, one after the other in one process: that is fast."""
    program = [sys.executable, "-c", EACH, json.dumps(commands)]
    done = subprocess.run(program, capture_output=True, text=True, cwd=cwd, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done
    return [subprocess.CompletedProcess(typed, *ended) for typed, *ended in json.loads(done.stdout)]


EACH = """
import contextlib, io, json, sys
from cachewise.sim.command.main import main
ended = []
for typed in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main(typed)
        except SystemExit as end:
            ended.append((typed, end.code, out.getvalue(), err.getvalue()))
print(json.dumps(ended))
"""


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the message of a command that must have refused its input: one line, exit code 2, nothing else."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("cachewise: ")
    return line


def within(tmp_path: Path, backend: str, *bodies: tuple[float, Body], **settings: Any) -> list[Call]:
    """Run each body as a request at its time, and return the calls that reached the store."""
    log: list[Call] = []
    done: set[str] = set()

    def read(site: Site, key: str) -> Row:
        if key.isdigit() and key not in done:
            done.add(key)
            bodies[int(key)][1](site)
        return Row(key, 0, b"")

    steps = [(0.0, "read", "start"), *((at_s, "read", str(place)) for place, (at_s, _) in enumerate(bodies))]
    steps.append((1e5 + 0.5, "read", "end"))
    run(script(tmp_path, steps, **settings), Custom(read), backend=backend, log=log)
    return log


def rows(frame: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """Return *frame*'s *columns* as plain rows, numbers rounded to the nanosecond."""
    return [
        tuple(_plain(value) for value in row) for row in zip(*(frame[name].tolist() for name in columns), strict=True)
    ]


def calls(log: Iterable[Call]) -> list[tuple[float, str, str]]:
    """Return (time, method, key) of every logged call; a call on several keys names them all."""
    return [(_plain(call.at_s), call.method, _keys(call)) for call in log]


# What a call of the cache's method is in the log, where it is not that call: the command on the wire, or what it calls.
LOGGED_AS = {
    "db": {"get": "get_many"},
    "postgres": {"get": "get_many"},
    "redis": {"delete": "del"},
    "django-redis": {"delete": "del"},
}


def logged(backend: str, *made: tuple[float, str, str]) -> list[tuple[float, str, str]]:
    """Return what `calls` gives on *backend* for calls of the cache's methods: (time, method, key) of each."""
    prefix = ":1:" if backend in ("redis", "memcached", "django-redis") else ""
    names = LOGGED_AS.get(backend, {})
    return [(at_s, names.get(method, method), prefix + key) for at_s, method, key in made]


def play(*funcs: Callable[[], object], engine: Engine | None = None) -> Engine:
    """Run each function as a request of its own from time 0 on, with no fleet around; return the engine."""
    engine = engine or Engine()
    for func in funcs:
        engine.call_at(0.0, func)
    engine.play()
    return engine


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for other processes to get there, a minute at most."""
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s, "a minute is over"
        time.sleep(0.005)


def waited_s(condition: Callable[[], object]) -> float:
    """Wait as `wait_until` does, and return how long: at most 0.1 s a look, should this machine stand still."""
    looked_s = [time.monotonic()]

    def look() -> object:
        looked_s.append(time.monotonic())
        return condition()

    wait_until(look)
    return sum(min(0.1, later_s - earlier_s) for earlier_s, later_s in pairwise(looked_s))


def group_lives(group: int) -> bool:
    """Return whether a process of this process group is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _plain(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value


def _keys(call: Call) -> str:
    if not call.args:
        return ""
    return call.args[0] if isinstance(call.args[0], str) else ",".join(call.args[0])
