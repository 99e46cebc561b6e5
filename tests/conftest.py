"""What all tests share: reproducible Hypothesis, and a folder for scripts."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from sim.backends import BACKENDS as BY_NAME
from sim.daemons.home import Home
from sim.daemons.programs import mend_of
from sim.daemons.redis import RedisServer
from sim.interrupts import HELD
from strategies import STRATEGIES
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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a server that is not installed, and say so; where CI is true, fail instead."""
    asked = getattr(getattr(item, "callspec", None), "params", {}).get("backend")
    marked = item.get_closest_marker("servers")
    names = [asked] if asked in BY_NAME else list(BY_NAME) if marked else []
    missing = [one for name in names for one in BY_NAME[name].needs if one.find() is None]
    if missing:
        message = f"not installed: {', '.join(one.name for one in missing)}; {mend_of(missing)}"
        pytest.fail(message, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(message)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the strategies that a backend's cache lacks a method for."""

    def possible(item: pytest.Item) -> bool:
        params = getattr(getattr(item, "callspec", None), "params", {})
        strategy: Any = STRATEGIES.get(params.get("name", ""))
        # A test that names no backend runs on `shared`.
        return strategy is None or not BY_NAME[params.get("backend", "shared")].lacks(strategy)

    items[:] = [item for item in items if possible(item)]


def pytest_sessionfinish() -> None:
    """Stop the servers that tests have shared."""
    SERVERS.close()


class _Bystander(RedisServer):
    """Somebody's Redis on the default port."""

    def command(self) -> list[str]:
        return [*(part if part != "0" else "6379" for part in super().command()), "--bind", "127.0.0.1"]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Put the signals' handlers back: a command called in this process ends by ignoring them, as processes inherit."""
    before = {number: signal.getsignal(number) for number in HELD}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def is_taken(port: int) -> bool:
    """Return whether somebody listens on *port*, without connecting."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@pytest.fixture(scope="session", autouse=True)
def bystander() -> Iterator[None]:
    """Have a Redis with keys in it on the default port while all tests run; it must keep every one of them."""
    if is_taken(6379) or any(one.find() is None for one in BY_NAME["redis"].needs):
        yield  # there is one already, which we leave alone, or there can be none: a test of the servers says so
        return
    import redis

    home = Home()
    somebodys = _Bystander(home, virtual=False)
    try:
        keys = {f"session:{number}": "theirs" for number in range(100)}
        with redis.Redis(host="127.0.0.1", port=6379, decode_responses=True) as client:
            client.mset(keys)
            before = client.info()["total_connections_received"]
            yield
            assert dict(zip(client.keys(), client.mget(client.keys()), strict=True)) == keys
            assert client.info()["total_connections_received"] == before, "somebody has connected to it"
    finally:
        somebodys.stop()
        home.close()


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
