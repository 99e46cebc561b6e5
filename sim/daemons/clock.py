"""Clocks of servers: the file that libfaketime reads as the time, rewritten as the run goes on; and the real clock."""

import os
import time
from pathlib import Path

from ..errors import UserError

START_S = 946_684_800  # 2000-01-01, the first instant of every server's life


def second_and_micros(time_s: float) -> tuple[int, int]:
    """Return *time_s* as every server sees it: whole second and microseconds, rounded to the nearest."""
    return divmod(int(time_s * 1e6 + 0.5), 1_000_000)


class ClockFile:
    """One absolute time stamp of fixed width in a file; seconds count from `epoch_s`, the current run's start.

    A server's clock never goes back: every run gets a later epoch.
    Source: libfaketime's FAKETIME_TIMESTAMP_FILE.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epoch_s = START_S
        self._second = -1
        self._prefix = b""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self.show(0.0)
        except BaseException:  # a full disk, for instance
            self.close()
            raise

    def show(self, time_s: float) -> int:
        """Let the server see *time_s* (to the microsecond) and return its whole second."""
        second, micros = second_and_micros(time_s)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%d %H:%M:%S.", time.gmtime(self.epoch_s + second)).encode()
            self._second = second
        # Half a microsecond more: libfaketime reads a double and cuts it off to microseconds, so .751 might become
        # .750999.
        os.pwrite(self._file, b"%b%06d5\n" % (self._prefix, micros), 0)
        return self.epoch_s + second

    @property
    def age_s(self) -> int:
        """How many seconds of time it has shown so far."""
        return self.epoch_s + max(self._second, 0) - START_S

    def begin(self, epoch_s: int | None = None) -> None:
        """Start the next run's time at a whole second later than any before, or at *epoch_s* if given.

        Raises:
            UserError: if *epoch_s* is not later than all times shown before.
        """
        next_s = self.epoch_s + max(self._second, 0) + 2
        if epoch_s is not None and epoch_s < next_s:
            raise UserError(f"a private server cannot begin at {_shown(epoch_s)}: {_shown(next_s)} is the earliest")
        self.epoch_s = next_s if epoch_s is None else epoch_s
        self._second = -1
        self.show(0.0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _shown(instant_s: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(instant_s))


def second_began_s() -> float:
    """Return an instant, by `time.monotonic`, at which a second of this machine's clock began."""
    looks = [(time.monotonic(), time.time(), time.monotonic()) for _ in range(5)]
    before_s, shown_s, _ = min(looks, key=lambda look: look[2] - look[0])  # it may be stopped in between
    return before_s - shown_s % 1
