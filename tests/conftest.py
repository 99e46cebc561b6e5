"""What all tests share: reproducible Hypothesis, and a folder for scripts."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that lives as long as the session: Hypothesis tests overwrite their files in it."""
    return tmp_path_factory.mktemp("scripts")
