"""The part that all servers share: starting in a home, waiting until ready, checking for life, stopping."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ..errors import UserError, one_line
from ..processes.interrupts import give_up_if_interrupted
from .clock import ClockFile, second_began_s
from .home import Home

LONGEST_SOCKET_PATH = 100  # bytes; the kernel takes 107 on Linux, 103 on macOS
MISREAD = "#?%,;'\"\\"  # characters that clients misread in an address
PATIENCE_S = 30.0  # for a server to start
LAST_BREATH_S = 1.0  # a killed server may take connections for a moment longer
LISTENS_WITHIN_S = 1.0
DYING_S = 5.0  # from the end of its connections to the end of its process


class Server(ABC):
    """A private server on a unix socket. With a clock it lives on virtual time, otherwise on the real one."""

    kind: ClassVar[str]
    program: ClassVar[str]

    def __init__(self, home: Home, *, virtual: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.kind}-", dir=home.folder))
        self._group = home.group
        self.clock = ClockFile(self.folder / "clock") if virtual else None
        self.in_use = False
        with ExitStack() as undone:
            if self.clock is not None:
                undone.callback(self.clock.close)
            self._check_path()
            self._process = self._started()
            undone.pop_all()  # from here on `stop` cleans up
        try:
            self._wait_until_ready()
            with self.dying():
                self.set_up()
        except BaseException:
            self.stop()
            raise

    @property
    @abstractmethod
    def socket(self) -> Path:
        """The path of its unix socket."""

    @property
    @abstractmethod
    def location(self) -> str:
        """Its address as LOCATION of a Django cache."""

    @abstractmethod
    def command_path(self) -> str:
        """Return the path of its program."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def flush(self) -> None:
        """Throw all entries away."""

    @abstractmethod
    def entries(self) -> int:
        """Return how many entries it holds, expired ones included that it has not dropped yet."""

    def environment(self) -> Mapping[str, str]:
        """Return the server's environment variables in addition to this process's."""
        return {}

    def options(self) -> dict[str, Any]:
        """Return further arguments for the process: its user, for instance."""
        return {}

    def set_up(self) -> None:  # noqa: B027 - not every server needs it
        """Do the set-up that is possible only once it runs."""

    def begin(self, epoch_s: int | None = None) -> int:
        """Make it ready for a run: empty, and at a whole second later than any before; return that second.

        If *epoch_s* is given, this is the second.
        """
        self.flush()
        if self.clock is None:
            return 0
        self.clock.begin(epoch_s)
        self.move(0.0)
        return self.clock.epoch_s

    def move(self, time_s: float) -> None:
        """Set its clock to *time_s* seconds after the run's start."""
        if self.clock is not None:
            self.clock.show(time_s)

    @property
    def worn_out(self) -> bool:
        """Whether its clock has advanced so far that it may not have room for another run."""
        return False

    def second_began_s(self) -> float:
        """Return an instant, by `time.monotonic`, at which a second of its own clock began."""
        return second_began_s()

    def alive(self) -> bool:
        """Return whether it still runs."""
        return self._process.poll() is None and self.listens()

    @cached_property
    def version(self) -> str:
        """The release of its program, for instance ``7.0.15``."""
        told = subprocess.run([self.command_path(), "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\d+(\.\d+)+", told.stdout)
        return found.group() if found else "of unknown version"

    @contextmanager
    def dying(self) -> Iterator[None]:
        """If the block raises and the server is dead, say that instead: clients then raise various errors."""
        try:
            yield
        except Exception as error:
            if first_dead([self]) is not None:
                raise self.died() from error
            raise

    def died(self) -> UserError:
        """Return the error that says how it died."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(DYING_S)
        code = self._process.poll()
        how = f"exit code {code}" if code is None or code >= 0 else f"killed by {signal.Signals(-code).name}"
        return UserError(f"{self.program} died in mid-run ({how}{self._last_words()}); nothing of this run is kept")

    def stop(self) -> None:
        """End it by force (nothing in it is worth keeping) and reap it."""
        self._process.kill()
        self._process.wait()
        if self.clock is not None:
            self.clock.close()

    def _check_path(self) -> None:
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET_PATH:
            raise UserError(f"the path of a socket would be too long: {self.socket}; set TMPDIR to a shorter one")
        misread = sorted({character for character in str(self.socket) if character in MISREAD or character < " "})
        if misread:
            raise UserError(
                f"the path of a socket would have {one_line(' '.join(misread))} in it, which clients misread: "
                f"{one_line(self.socket)}; set TMPDIR to a plain one"
            )

    def _started(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                self.command(),
                env={**os.environ, "TZ": "UTC", **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=self._group,
                **self.options(),
            )

    def _wait_until_ready(self) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.ready():
            give_up_if_interrupted()
            if self._process.poll() is not None:
                raise UserError(f"{self.program} does not start{self._last_words()}")
            if time.monotonic() > deadline_s:
                raise UserError(f"{self.program} does not answer within {PATIENCE_S:g} s{self._last_words()}")
            time.sleep(0.002)

    def ready(self) -> bool:
        """Return whether it has started."""
        return self.listens()

    def listens(self) -> bool:
        """Return whether somebody listens on its socket."""
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.settimeout(LISTENS_WITHIN_S)  # a hanging server accepts no more connections once its queue is full
            probe.connect(str(self.socket))
            return True
        return False

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = (self.folder / "log").read_text(errors="replace").strip().splitlines()
            if lines:
                return f": {one_line(lines[-1], 160)}"
        return ""


def first_dead(servers: Iterable[Server]) -> Server | None:
    """Return one of *servers* that has died, after waiting a little for one that may be dying."""
    deadline_s = time.monotonic() + LAST_BREATH_S
    while True:
        dead = next((one for one in servers if not one.alive()), None)
        if dead is not None or time.monotonic() > deadline_s:
            return dead
        time.sleep(0.01)
