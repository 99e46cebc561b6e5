"""Experiments side by side: one that fails ends the others, also those that do not hear it."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cachewise import Row, Scenario, Site, UserError
from cachewise.sim import experiment
from cachewise.sim.backends import BACKENDS
from cachewise.sim.daemons.programs import Program
from cachewise.sim.experiment import Run, run_all
from cachewise.sim.processes import crew
from cachewise.strategies import TtlOnly
from tests.helpers import wait_until
from tests.sim.wall.tools import Plain

SHORT = Scenario("short", keys=1, reads_per_s=10, writes_per_s=0, duration_s=1, warmup_s=0)
LONG_S = 60


@dataclass(frozen=True)
class Deaf(Plain):
    """Hangs with SIGTERM ignored, as a process does that was interrupted while it held a lock of the pool's."""

    def read(self, site: Site, key: str) -> Row:
        """Hang."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(LONG_S)
        return site.db.read(key)


@dataclass(frozen=True)
class Failing(Plain):
    """Fails once the other one hangs."""

    def read(self, site: Site, key: str) -> Row:
        """Fail."""
        time.sleep(2)
        raise UserError(f"{site.db.read(key).key} fails")


def test_an_error_ends_even_those_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first error comes out soon, and no process is left."""
    monkeypatch.setattr(crew, "PATIENCE_S", 1.0)
    began_s = time.monotonic()
    with pytest.raises(UserError, match=r"^key:0 fails"):
        run_all([Run(SHORT, Deaf(), "shared", 1), Run(SHORT, Failing(), "shared", 1)], processes=2)
    assert time.monotonic() - began_s < LONG_S / 2
    assert multiprocessing.active_children() == []


@dataclass(frozen=True)
class Dying(Plain):
    """Is killed, as by a system whose memory is full."""

    after_s: float = 0

    def read(self, site: Site, key: str) -> Row:
        """Die."""
        time.sleep(self.after_s)
        os.kill(os.getpid(), signal.SIGKILL)
        return site.db.read(key)


def test_a_worker_that_is_killed_is_one_line() -> None:
    """It takes the experiment along, with a line that says so."""
    with pytest.raises(UserError, match=r"^a worker process was killed in mid-run"):
        run_all([Run(SHORT, Dying(), "shared", seed) for seed in (1, 2)], processes=2)
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_takes_even_those_that_hang(temporary: Path) -> None:
    """The line comes soon, and no process is left, nor a file of those that were killed with it."""
    began_s = time.monotonic()
    with pytest.raises(UserError, match=r"^a worker process was killed in mid-run"):
        run_all([Run(SHORT, Deaf(), "file", 1), Run(SHORT, Dying(after_s=2), "file", 1)], processes=2)
    assert time.monotonic() - began_s < LONG_S / 2
    assert multiprocessing.active_children() == []
    wait_until(lambda: not list(temporary.iterdir()))


def test_what_is_not_installed_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the parent, once, and without a process."""
    needy = replace(BACKENDS["shared"], needs=(Program("no-such-server", "some-server"),))
    monkeypatch.setitem(BACKENDS, "shared", needy)
    monkeypatch.setattr(experiment, "Crew", None)
    with pytest.raises(UserError, match="not installed: no-such-server"):
        run_all([Run(SHORT, TtlOnly(), "shared", seed) for seed in (1, 2)], processes=2)
