"""The programs and libraries that the servers need, where they are found, and the one command that installs them."""

import os
import shutil
from glob import glob
from typing import NamedTuple

from sim.errors import UserError

_FOLDERS = os.pathsep.join(
    [
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        # Debian keeps PostgreSQL's programs off the path; the newest release first.
        *sorted(glob("/usr/lib/postgresql/*/bin"), key=lambda path: -float(path.split("/")[4])),  # noqa: PTH207 - names
        "/usr/local/pgsql/bin",
    ]
)
_FAKETIME = ("/usr/lib/*/faketime/", "/usr/lib/faketime/", "/usr/local/lib/faketime/", "/usr/local/lib/*/faketime/")


class Needed(NamedTuple):
    """Something that has to be on the machine: a program, or (if it has a suffix) a library of libfaketime's."""

    name: str
    package: str

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
            raise UserError(f"{self.name} is not installed; {self.mend}")
        return found

    @property
    def mend(self) -> str:
        """The command that installs it on Debian and Ubuntu."""
        return f"sudo apt-get install --yes {self.package}"


REDIS_SERVER = Needed("redis-server", "redis-server")
MEMCACHED = Needed("memcached", "memcached")
FAKETIME = Needed("libfaketime.so.1", "libfaketime")
FAKETIME_THREADS = Needed("libfaketimeMT.so.1", "libfaketime")
INITDB = Needed("initdb", "postgresql")
POSTGRES = Needed("postgres", "postgresql")
