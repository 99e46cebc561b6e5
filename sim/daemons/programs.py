"""The programs and libraries that the servers need, where they are found, and the one command that installs them."""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from glob import glob
from importlib.util import find_spec
from typing import NamedTuple

from ..errors import UserError


def _release(folder: str) -> float:
    """Return the number in a path such as ``/usr/lib/postgresql/15/bin``, or 0 if there is none."""
    found = re.match(r"/usr/lib/postgresql/(\d+(\.\d+)?)/", folder)
    return float(found[1]) if found else 0.0


_FOLDERS = os.pathsep.join(
    [
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        # Debian keeps PostgreSQL's programs off the path; the newest release first.
        *sorted(glob("/usr/lib/postgresql/*/bin"), key=_release, reverse=True),  # noqa: PTH207 - names
        "/usr/local/pgsql/bin",
    ]
)
_FAKETIME = ("/usr/lib/*/faketime/", "/usr/lib/faketime/", "/usr/local/lib/faketime/", "/usr/local/lib/*/faketime/")


class Program(NamedTuple):
    """A program that has to be on the machine, or (if the name has a suffix) a library of libfaketime."""

    name: str
    package: str

    @property
    def called(self) -> str:
        """Its usual name."""
        return self.name

    def find(self) -> str | None:
        """Return its path, or None if it is not here."""
        if ".so" in self.name:
            found = [path for folder in _FAKETIME for path in glob(folder + self.name)]  # noqa: PTH207 - names
            return found[0] if found else None
        return shutil.which(self.name) or shutil.which(self.name, path=_FOLDERS)

    def path(self) -> str:
        """Return its path.

        Raises:
            UserError: if it is not here, with the command that installs it.
        """
        found = self.find()
        if found is None:
            raise UserError(f"not installed: {self.name}; {self.mend}")
        return found

    @property
    def mend(self) -> str:
        """The command that installs it on Debian and Ubuntu."""
        return f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install --yes {self.package}"


class Library(NamedTuple):
    """A Python module that has to be installed, and the package that brings it."""

    name: str
    package: str

    @property
    def called(self) -> str:
        """Its usual name: that of the package."""
        return self.package.strip("'").partition("[")[0]

    def find(self) -> str | None:
        """Return where it is, or None if it is not here."""
        spec = find_spec(self.name)
        return None if spec is None else spec.origin  # a folder that happens to have its name has no origin

    @property
    def mend(self) -> str:
        """The command that installs it."""
        return f"python -m pip install {self.package}"


Needed = Program | Library


def require_all(needed: Iterable[Needed]) -> None:
    """Make sure that all of *needed* are installed.

    Raises:
        UserError: with the names of all that are missing, and the commands that install them.
    """
    missing = [one for one in needed if one.find() is None]
    if missing:
        names = ", ".join(dict.fromkeys(one.called for one in missing))
        raise UserError(f"not installed: {names}; {mend_of(missing)}")


def mend_of(missing: Sequence[Needed]) -> str:
    """Return one command that installs all of *missing*."""
    by_command: dict[str, list[str]] = {}
    for one in missing:
        command, _, package = one.mend.rpartition(" ")
        by_command.setdefault(command, []).append(package)
    return " && ".join(" ".join([command, *dict.fromkeys(packages)]) for command, packages in by_command.items())


REDIS_SERVER = Program("redis-server", "redis-server")
MEMCACHED = Program("memcached", "memcached")
FAKETIME = Program("libfaketime.so.1", "libfaketime")
FAKETIME_THREADS = Program("libfaketimeMT.so.1", "libfaketime")
INITDB = Program("initdb", "postgresql")
POSTGRES = Program("postgres", "postgresql")
HISTOGRAM = Library("hdrh", "hdrhistogram")  # for the latencies of real runs
TIME_MACHINE = Library("time_machine", "time-machine")  # for the date and time that a team's own project sees
PROGRAMS = (REDIS_SERVER, MEMCACHED, FAKETIME, FAKETIME_THREADS, INITDB, POSTGRES)


def missing_packages() -> list[str]:
    """Return the Debian and Ubuntu packages of the programs that are missing."""
    return sorted({one.package for one in PROGRAMS if one.find() is None})
