"""A private PostgreSQL cluster."""

import os
import pwd
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from ..errors import UserError, one_line
from ..processes.interrupts import give_up_if_interrupted
from .home import Home
from .programs import INITDB, POSTGRES
from .server import Server

USER = "cachewise"
PORT = "5432"  # only used in the socket's name
# Two for each thread of the largest real run (rows and cache table), or the snapshots of seven runs at once.
CONNECTIONS = 1_500
STOP_PATIENCE_S = 10.0
INITDB_PATIENCE_S = 3.0
STEP_S = 0.05  # how often a wait checks for Ctrl-C


class PostgresServer(Server):
    """PostgreSQL on a cluster of its own. It refuses to run as root, so for root it runs as an unprivileged user."""

    kind: ClassVar[str] = "postgres"
    program: ClassVar[str] = "postgres"

    def __init__(self, home: Home, *, virtual: bool) -> None:
        _refuse_detours()
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        super().__init__(home, virtual=virtual)

    @property
    def socket(self) -> Path:
        return self.folder / f".s.PGSQL.{PORT}"

    @property
    def location(self) -> str:
        return str(self.folder)

    @property
    def database(self) -> dict[str, Any]:
        """An entry of Django's DATABASES."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": USER,
            "HOST": str(self.folder),
            "PORT": PORT,
        }

    def command_path(self) -> str:
        return POSTGRES.path()

    def command(self) -> Sequence[str]:
        self._make_cluster()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "port": PORT,
            "max_connections": str(CONNECTIONS),
            # The cluster lives as long as its session: nothing has to survive a power cut.
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.command_path(), "-D", str(self._data), *arguments]

    def environment(self) -> Mapping[str, str]:
        return {"LC_ALL": "C"}

    def options(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def flush(self) -> None:
        """Do nothing: the code that makes a table also drops it."""

    def entries(self) -> int:
        """Return 0: the code that makes a table counts its rows."""
        return 0

    def stop(self) -> None:
        """Shut down at once, but not by force: that would leave its shared memory behind."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_PATIENCE_S)
        super().stop()

    def ready(self) -> bool:
        """Return whether it takes connections (it listens earlier than that)."""
        status = self.folder / "data" / "postmaster.pid"
        with suppress(OSError):
            return status.read_text().splitlines()[7:8] == ["ready   "]
        return False

    def _reason_in(self, said: str) -> str:
        """Return the line of *said* with the reason, and a hint if the folder is the reason."""
        lines = said.strip().splitlines() or ["no message"]
        telling = [line for line in lines if re.search(r"error|FATAL|could not|cannot", line)] or lines
        hint = ""
        if self._user is not None and "denied" in telling[-1].lower():
            hint = f"; set TMPDIR to a folder that user {self._user.pw_name!r} can enter"
        return f"{one_line(telling[-1], 160)}{hint}"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make_cluster(self) -> None:
        """Run initdb.

        Raises:
            UserError: if it fails, with its last line.
        """
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self.folder.chmod(0o700)
        command = [INITDB.path(), "-D", str(self._data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C"]
        with subprocess.Popen(
            [*command, "--no-sync", "--wal-segsize=1"],
            env={**os.environ, **self.environment()},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            process_group=self._group,
            text=True,
            **self.options(),
        ) as initdb:
            said = _told_by(initdb)
        if initdb.returncode:
            raise UserError(f"initdb fails: {self._reason_in(said)}")


def _told_by(process: "subprocess.Popen[str]") -> str:
    """Wait for *process* to end and return what it wrote to standard error; Ctrl-C ends it."""
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=STEP_S)[1]
            give_up_if_interrupted()
    except BaseException:
        process.terminate()  # initdb then waits for its server, which would otherwise go on writing
        with suppress(subprocess.TimeoutExpired):
            process.wait(INITDB_PATIENCE_S)
        process.kill()
        raise


DETOURS = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE")  # libpq uses them for values that a client leaves open


def _refuse_detours() -> None:
    """Make sure that no environment variable leads a client of a private cluster to another server.

    Raises:
        UserError: with the names of such variables.
    """
    found = [name for name in DETOURS if name in os.environ]
    if found:
        raise UserError(
            f"{' and '.join(found)} in the environment would lead clients away from the private PostgreSQL; unset it"
        )


def _unprivileged_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise UserError("PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody'")
