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
from weakref import WeakSet

from ..errors import UserError

PREFIX = "cachewise-servers-"
PROGRAMS = ("redis-server", "memcached", "postgres")
# The watchdog waits for a goodbye. If its standard input ends without one, its parent is dead. Then it kills all
# servers (its process group) and removes their folder; PostgreSQL first has a second to give its shared memory back.
# After a goodbye, it kills any process that is left in the group.
WATCHDOG = """
trap '' INT TERM HUP QUIT
postgres_lives() {
    [ -d "/proc/$$" ] || return 0
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        case $line in *"(postgres)"* | *"(initdb)"*) ;; *) continue ;; esac
        set -- ${line##*) }
        [ "$1" != Z ] && [ "$3" = "$$" ] && return 0
    done
    return 1
}
if ! read -r farewell; then
    kill -INT 0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        postgres_lives || break
        sleep 0.1
    done
    for _ in 1 2 3 4 5; do
        rm -rf "$1" && break  # a server that is just ending may still write there
        sleep 0.1
    done
fi
kill -KILL 0
"""


class Home:
    """A private folder, locked while its owner lives, and the process group of its servers."""

    def __init__(self) -> None:
        sweep()
        self._owner = os.getpid()
        unnamed = Path(tempfile.mkdtemp(prefix="cachewise-"))
        unnamed.chmod(0o711)  # a server may run as another user, who has a folder of its own in this one
        self._lock = _locked(unnamed)
        # It gets the name that `sweep` looks for only when it is locked.
        self.folder = unnamed.rename(unnamed.with_name(PREFIX + unnamed.name.removeprefix("cachewise-")))
        try:
            self._watchdog = subprocess.Popen(
                ["/bin/sh", "-c", WATCHDOG, "cachewise-watchdog", str(self.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        except BaseException:
            self._remove()
            raise
        _HOMES.add(self)

    @property
    def group(self) -> int:
        """The process group that the watchdog kills.

        Raises:
            UserError: if the watchdog is dead: nothing would end a server that is started now.
        """
        if self._watchdog.poll() is not None:
            raise UserError("the watchdog of this session's servers is dead, and none is started without it; run again")
        return self._watchdog.pid

    def let_go(self) -> None:
        """In a forked child, close the two signs that the owner lives: the watchdog's pipe and the lock.

        /dev/null takes their numbers, so that code that closes them later in the child closes no other file.
        """
        nowhere = os.open(os.devnull, os.O_RDWR)
        for held in (self._watchdog.stdin.fileno(), self._lock):  # type: ignore[union-attr]
            os.dup2(nowhere, held, inheritable=False)
        os.close(nowhere)

    def close(self) -> None:
        """Dismiss the watchdog, which kills servers that still run, and remove the folder."""
        if os.getpid() != self._owner:
            return  # a forked child has closed it
        _HOMES.discard(self)
        with suppress(OSError):
            self._watchdog.communicate(b"farewell\n")
        self._watchdog.wait()
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


_HOMES: WeakSet[Home] = WeakSet()  # those of this process


def _let_go_of_all() -> None:
    for home in list(_HOMES):
        home.let_go()


os.register_at_fork(after_in_child=_let_go_of_all)  # a child that outlives this process keeps no server alive


def in_a_home(path: str) -> bool:
    """Return whether a socket's *path* lies in the home of one of this process's sessions."""
    return any(part.startswith(PREFIX) for part in Path(path).parts[:-1])


def sweep() -> None:
    """Remove leftovers of this user's dead sessions whose watchdogs died, too: first the servers, then the folders."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = _locked(folder)
        except OSError:
            continue  # its owner lives, or is another user
        for pid in _processes_of(folder):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int:
    """Return *folder*, opened and locked.

    Raises:
        OSError: if another process holds the lock, another user owns the folder, or it is no folder.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(opened).st_uid != os.geteuid():
            raise PermissionError
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened


def _processes_of(folder: Path) -> Iterator[int]:
    """Yield the numbers of servers that run in *folder* (on Linux), found by program name and a path in the command."""
    inside = os.fsencode(folder) + b"/"
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().replace(b"unixsocket:", b"\0").split(b"\0")
            program = Path(os.fsdecode(words[0].split(b" ")[0])).name
            if program in PROGRAMS and any(word.startswith(inside) for word in words):
                yield int(entry.name)
