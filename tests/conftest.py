"""What all tests share: reproducible Hypothesis, and a folder for scripts."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from sim.backends import BACKENDS as BY_NAME
from sim.servers.programs import mend_of
from tests.helpers import SERVERS

# A shell that starts the tests in the background lets them, and all that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

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


def pytest_sessionfinish() -> None:
    """Stop the servers that tests have shared."""
    SERVERS.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that lives as long as the session: Hypothesis tests overwrite their files in it."""
    return tmp_path_factory.mktemp("scripts")
