"""A session's home: the folder of its servers, and the watchdog that ends them all if this process is killed."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PREFIX = "cachewise-servers-"
# It waits for a farewell. If its standard input ends without one, whoever started it is dead: then it ends all servers
# (its process group), first as their manuals ask, a second later by force, and takes their folder along.
WATCHDOG = """
trap '' INT TERM HUP QUIT
read -r farewell && exit 0
kill -INT 0
sleep 1
rm -rf "$1"
kill -KILL 0
"""


class Home:
    """A private folder under a lock which says that its owner lives, and the process group of its servers."""

    def __init__(self) -> None:
        sweep()
        unnamed = Path(tempfile.mkdtemp(prefix="cachewise-"))
        unnamed.chmod(0o711)  # a server may run as another user, who has a folder of its own in this one
        self._lock = _locked(unnamed)
        # Only a folder with a lock on it bears the name by which others would sweep it.
        self.folder = unnamed.rename(unnamed.with_name(PREFIX + unnamed.name.removeprefix("cachewise-")))
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", WATCHDOG, "cachewise-watchdog", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @property
    def group(self) -> int:
        """The process group that the watchdog ends."""
        return self._watchdog.pid

    def close(self) -> None:
        """Remove the folder and dismiss the watchdog."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self._watchdog.communicate(b"farewell\n")
        self._watchdog.wait()
        os.close(self._lock)


def sweep() -> None:
    """Remove what dead sessions have left, their watchdogs killed with them: servers first, then the folders."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = _locked(folder)
        except OSError:
            continue  # its owner lives, or is somebody else
        for pid in _processes_of(folder):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int:
    """Return *folder*, opened and locked.

    Raises:
        OSError: if somebody else holds the lock, or may not be asked.
    """
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened


def _processes_of(folder: Path) -> Iterator[int]:
    """Yield the processes that were started with *folder* in their command line (on Linux)."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(folder) in (entry / "cmdline").read_bytes():
                yield int(entry.name)
