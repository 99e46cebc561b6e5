"""A private memcached."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from ..errors import UserError
from .clock import second_and_micros
from .programs import FAKETIME_THREADS, MEMCACHED
from .server import Server

MEMORY_MB = 4096  # memory is taken only when used; without a limit in the scenario nothing may be evicted
TICK_PATIENCE_S = 5.0
TICK_SEEN_WITHIN_S = 0.05  # otherwise this process was stopped meanwhile: try the next tick
LONGEST_LIFE_S = 100_000_000  # before the last run, which can last ten times as long


class MemcachedServer(Server):
    """Memcached with one worker thread and no background work.

    Its own clock counts whole seconds, from a timer that reads the faked time. To show it a new second, a throw-away
    connection wakes it, and `stats` confirms the second.
    """

    kind: ClassVar[str] = "memcached"
    program: ClassVar[str] = "memcached"

    @property
    def socket(self) -> Path:
        return self.folder / "sock"

    @property
    def location(self) -> str:
        return f"unix:{self.socket}"

    def command_path(self) -> str:
        return MEMCACHED.path()

    def command(self) -> Sequence[str]:
        command = [self.command_path(), "-s", str(self.socket), "-a", "0700", "-m", str(MEMORY_MB)]
        if self.clock is not None:
            command += ["-t", "1", "-o", "no_lru_crawler,no_lru_maintainer"]
        return [*command, "-u", "root"] if os.geteuid() == 0 else command

    def environment(self) -> Mapping[str, str]:
        if self.clock is None:
            return {}
        return {
            "LD_PRELOAD": FAKETIME_THREADS.path(),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock.path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "0",
        }

    def _started(self) -> subprocess.Popen[bytes]:
        """Start it in the first half of a second of CLOCK_MONOTONIC, if its own clock is the real one.

        Its ticks come a little later each second. When they pass the end of such a second, it skips one. From the first
        half this takes minutes, unless the machine is busy.
        """
        phase_s = time.monotonic() % 1
        if self.clock is None and phase_s > 0.5:
            time.sleep(1 - phase_s)
        return super()._started()

    def set_up(self) -> None:
        from pymemcache.client.base import Client

        self._admin: Any = Client(f"unix:{self.socket}", default_noreply=False)
        self._confirmed_s = self._time_s()
        self._shown_s = -1

    def move(self, time_s: float) -> None:
        """Set its clock to the whole second of *time_s*, and wait until it confirms the second."""
        whole_s, _ = second_and_micros(time_s)
        if self.clock is None or whole_s == self._shown_s:
            return
        second = self.clock.show(whole_s)
        self._shown_s = whole_s
        deadline_s = time.monotonic() + TICK_PATIENCE_S
        while self._confirmed_s != second:
            late = time.monotonic() > deadline_s  # read before asking: this process may be stopped meanwhile
            self._wake()
            self._confirmed_s = self._time_s()
            if self._confirmed_s != second and late:
                raise UserError(f"memcached's clock stays at {self._confirmed_s} and does not reach {second}")

    @property
    def worn_out(self) -> bool:
        """Whether its clock comes near 2038, where its 32-bit seconds end."""
        return self.clock is not None and self.clock.age_s > LONGEST_LIFE_S

    def second_began_s(self) -> float:
        """Wait for the next tick of its timer, which differs from the start of a second of the machine's clock."""
        shown_s, old_s = self._time_s(), time.monotonic()
        deadline_s = old_s + TICK_PATIENCE_S
        ticks: list[tuple[float, float]] = []  # the time between two looks, and when the new second was seen
        while not ticks or (min(ticks)[0] > TICK_SEEN_WITHIN_S and time.monotonic() < deadline_s):
            asked_s = time.monotonic()
            now_s, answered_s = self._time_s(), time.monotonic()
            if now_s != shown_s:
                ticks.append((answered_s - old_s, answered_s))
            elif not ticks:
                _give_up_after(deadline_s, f"memcached's clock stands still at {shown_s}")
            shown_s, old_s = now_s, asked_s  # at `asked_s` it still showed this second
            time.sleep(0.001)
        return min(ticks)[1]

    def begin(self, epoch_s: int | None = None) -> int:
        self._shown_s = -1
        return super().begin(epoch_s)

    def flush(self) -> None:
        self._admin.flush_all()
        if self.clock is not None:
            self._sweep()

    def _sweep(self) -> None:
        """Really remove the entries that a flush has only marked: they would count as entries of the next run."""
        deadline_s = time.monotonic() + TICK_PATIENCE_S
        while not self._crawls():
            _give_up_after(deadline_s, "memcached does not let its crawler start")
        while count := self.entries():
            _give_up_after(deadline_s, f"memcached keeps {count:,} entries after a flush")
            self._admin.raw_command("lru_crawler crawl all")
        self._admin.raw_command("lru_crawler disable")  # in a run nothing may expire by itself

    def _crawls(self) -> bool:
        """Start the crawler; memcached refuses while an earlier one still ends. Return whether it started."""
        from pymemcache.exceptions import MemcacheError

        with suppress(MemcacheError):
            return bool(self._admin.raw_command("lru_crawler enable") == b"OK")
        return False

    def entries(self) -> int:
        return int(self._admin.stats()[b"curr_items"])

    def stop(self) -> None:
        if hasattr(self, "_admin"):
            self._admin.close()
        super().stop()

    def _time_s(self) -> int:
        return int(self._admin.stats()[b"time"])

    def _wake(self) -> None:
        with socket.socket(socket.AF_UNIX) as knock:
            knock.connect(str(self.socket))


def _give_up_after(deadline_s: float, problem: str) -> None:
    if time.monotonic() > deadline_s:
        raise UserError(problem)
