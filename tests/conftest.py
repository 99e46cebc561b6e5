"""What all tests share: reproducible Hypothesis, and a folder for scripts."""

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from cachewise.sim.backends import BACKENDS as BY_NAME
from cachewise.sim.daemons.home import Home
from cachewise.sim.daemons.programs import mend_of
from cachewise.sim.daemons.redis import RedisServer
from cachewise.sim.processes.interrupts import AGAIN, HELD
from cachewise.strategies import STRATEGIES
from tests.helpers import SERVERS

# A shell that starts the tests in the background lets them, and all that they start, ignore Ctrl-C; nohup the other.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The same examples on every machine and in every run: a red test is a change of the code, never of the dice.
settings.register_profile(
    "cachewise",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("cachewise")
# Hypothesis mixes in the literals of all modules of ours that happen to be imported by then: here they are none.
assert hasattr(providers, "_get_local_constants"), "Hypothesis has another name for them"
providers._get_local_constants = lambda: providers._local_constants

# Where real time counts: of these tests no two run at once.
OWN = ("tests/sim/backends/test_own_backends.py", "tests/sim/backends/test_trial.py")
PROJECTS = ("tests/sim/app/test_launch.py", "tests/sim/app/test_scout.py")
APART = ("tests/sim/command", "tests/sim/daemons", "tests/sim/wall", "tests/docs/test_commands.py", *OWN, *PROJECTS)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a server that is not installed, and say so; where CI is true, fail instead."""
    asked = getattr(getattr(item, "callspec", None), "params", {}).get("backend")
    marked = item.get_closest_marker("servers")
    names = list(BY_NAME) if marked else [asked] if asked in BY_NAME else []
    missing = [one for name in names for one in BY_NAME[name].needs if one.find() is None]
    if missing:
        message = f"not installed: {', '.join(dict.fromkeys(one.name for one in missing))}; {mend_of(missing)}"
        pytest.fail(message, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(message)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the strategies that a backend's cache lacks a method for."""

    def possible(item: pytest.Item) -> bool:
        params = getattr(getattr(item, "callspec", None), "params", {})
        strategy: Any = STRATEGIES.get(params.get("name", ""))
        # A test that names no backend runs on `shared`.
        return strategy is None or not BY_NAME[params.get("backend", "shared")].lacks(strategy)

    items[:] = [item for item in items if possible(item)]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process a file of tests at a time, and all those `APART` to one of them."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "apart" if nodeid.startswith(APART) else str(super()._split_scope(nodeid))

    return Scheduling(config, log)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note in which process a test `APART` has run."""
    if report.nodeid.startswith(APART):
        RAN_IN.add(getattr(report, "worker_id", "this one"))


RAN_IN: set[str] = set()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have a Redis with keys in it on the default port while all tests run, in however many processes they do."""
    if is_worker(session):
        return
    if is_taken(6379):  # somebody's own we leave alone
        if os.environ.get("CI") == "true":
            pytest.exit("port 6379 is taken: the bystander that must be left alone cannot run there", returncode=1)
    elif all(one.find() is not None for one in BY_NAME["redis"].needs):
        session.config.stash[BYSTANDER] = Bystander()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Stop the servers that tests have shared, and see that the bystander has kept every key and seen nobody."""
    yield
    SERVERS.close()
    if (bystander := session.config.stash.get(BYSTANDER, None)) is not None and (harm := bystander.end()):
        pytest.exit(f"somebody's Redis on the default port: {harm}", returncode=1)
    if len(RAN_IN) > 1:
        pytest.exit(f"tests in real time ran in several processes: {', '.join(sorted(RAN_IN))}", returncode=1)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say whether the bystander was there."""
    if not hasattr(config, "workerinput") and BYSTANDER not in config.stash:
        terminalreporter.write_line("nobody watched whether a Redis on the default port is left alone")


def is_worker(session: pytest.Session) -> bool:
    """Return whether another process of pytest's is in charge (pytest-xdist)."""
    return hasattr(session.config, "workerinput")


class _Somebodys(RedisServer):
    """A Redis as a machine's packages start it."""

    def command(self) -> list[str]:
        return [*(part if part != "0" else "6379" for part in super().command()), "--bind", "127.0.0.1"]


class Bystander:
    """Somebody's Redis on the default port, with keys in it."""

    KEYS: ClassVar = {f"session:{number}": "theirs" for number in range(100)}

    def __init__(self) -> None:
        self._home = Home()
        self._server = _Somebodys(self._home, virtual=False)
        self._client = redis.Redis(host="127.0.0.1", port=6379, decode_responses=True)
        self._client.mset(self.KEYS)
        self._connections = self._client.info()["total_connections_received"]

    def end(self) -> str:
        """Stop it, and return what has been done to it: nothing, an empty string."""
        try:
            left = self._client.keys()
            keys = dict(zip(left, self._client.mget(left), strict=True)) if left else {}
            came = self._client.info()["total_connections_received"] - self._connections
            self._client.close()
        except redis.RedisError as error:
            return f"gone: {error}"
        finally:
            self._server.stop()
            self._home.close()
        if keys != self.KEYS:
            return f"it holds {len(keys)} keys now, and not the {len(self.KEYS)} that were in it"
        return f"{came} connections were made to it" if came else ""


BYSTANDER = pytest.StashKey[Bystander]()


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Put back what a command called in this process changes for good: signals' handlers, a hook, where modules are."""
    before = {number: signal.getsignal(number) for number in (*HELD, AGAIN)}
    hook = sys.unraisablehook
    yield
    sys.meta_path[:] = [finder for finder in sys.meta_path if not hasattr(finder, "folder")]
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook


def is_taken(port: int) -> bool:
    """Return whether somebody listens on *port*, without connecting."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty folder that is the only place for temporary files: a short path, open to a server's user."""
    tmp_path_factory.getbasetemp()  # pytest's own stays where it is
    with tempfile.TemporaryDirectory(prefix="cw-") as place:
        Path(place).chmod(0o711)
        monkeypatch.setenv("TMPDIR", place)
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield Path(place)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that lives as long as the session: Hypothesis tests overwrite their files in it."""
    return tmp_path_factory.mktemp("scripts")
