"""No contact with the outside: sockets reach only the session's servers; mail and files stay in a private folder.

Python's sockets and PostgreSQL's clients are watched. A subprocess, or another client in C, is not seen.
"""

import os
import socket
import sys
from _thread import get_ident
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from traceback import extract_stack
from types import ModuleType
from typing import Any

from ..backends.trial import REACHING
from ..daemons.home import in_a_home
from ..errors import ForbiddenError, one_line
from .caches import direct
from .files import innermost
from .imports import after_import

MOST_TOLD = 5  # addresses in a note
_ASKING = {**REACHING, "socket.gethostbyaddr": 0, "socket.getnameinfo": 0}


class OutsideError(ConnectionRefusedError):
    """A request tried to connect to the outside: to the project's code it looks as if nobody listens there."""


class Guard:
    """The refused connections of this process: at set-up one ends the process, later they are noted."""

    def __init__(self, project: Path) -> None:
        self._project = project.resolve()
        self._first: ForbiddenError | None = None
        self._set_up = False
        self._thread = get_ident()
        self.refused: Counter[str] = Counter()  # by address

    def set_up(self) -> None:
        """Note that the project is set up; from now on refusals look as if nobody listens.

        Raises:
            ForbiddenError: if it tried to connect to the outside during set-up and swallowed the error.
        """
        self._set_up = True
        if self._first is not None:
            raise self._first

    def notes(self) -> list[str]:
        """Return a note on the connections refused since set-up, and how often."""
        if not self.refused:
            return []
        told = ", ".join(f"{address} ({count:,} times)" for address, count in self.refused.most_common(MOST_TOLD))
        more = f", and {len(self.refused) - MOST_TOLD} more" if len(self.refused) > MOST_TOLD else ""
        return [f"the project tried to connect to the outside, and was told that nobody listens there: {told}{more}"]

    def refuse(self, address: str) -> Exception:
        """Return the error for a connection to *address*."""
        if self._set_up or get_ident() != self._thread:
            self.refused[address] += 1
            return OutsideError(f"a run of cachewise connects to nothing outside: {address}")
        error = ForbiddenError(
            f"{self._place()}it connects to {address} while the project is set up; a run connects to nothing outside: "
            "leave that out, for instance by an environment variable in App(..., env={...})"
        )
        self._first = self._first or error
        return error

    def _place(self) -> str:
        """Return the place in the project's files that makes the connection, or ""."""
        place = innermost(self._project, extract_stack())
        return f"{place}: " if place else ""

    def watch(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse connections to the outside; Python calls this for all audit events."""
        at = _ASKING.get(event)
        if at is None:
            return
        address = args[at]
        if at and (address is None or _is_ours(args[0].family, address)):  # None: the connected address
            return
        if not at and _is_nobody(address):
            return
        raise self.refuse(_shown(address))

    def watch_psycopg(self, module: ModuleType) -> None:
        """Let psycopg connect to the session's servers only."""
        for name in ("Connection", "AsyncConnection"):
            kind: Any = getattr(module, name)
            kind.connect = classmethod(self._checked(kind.connect.__func__, module))
        module.connect = module.Connection.connect  # type: ignore[attr-defined]

    def watch_psycopg2(self, module: Any) -> None:
        """Let psycopg2 connect to the session's servers only."""
        real = module.connect

        def connect(dsn: str | None = None, *args: Any, **named: Any) -> Any:
            self._check(module.extensions.parse_dsn(dsn or ""), named)
            return real(dsn, *args, **named)

        module.connect = connect

    def _checked(self, real: Any, module: Any) -> Any:
        def connect(cls: Any, conninfo: str = "", **named: Any) -> Any:
            self._check(module.conninfo.conninfo_to_dict(conninfo), named)
            return real(cls, conninfo, **named)

        return connect

    def _check(self, told: Mapping[str, Any], named: Mapping[str, Any]) -> None:
        both = {**told, **{key: value for key, value in named.items() if value is not None}}
        host = str(both.get("hostaddr") or both.get("host") or os.environ.get("PGHOST") or "localhost")
        if not (host.startswith("/") and in_a_home(f"{host}/socket")):
            raise self.refuse(one_line(f"{host}:{both.get('port') or 5432}", 80))


def _is_ours(family: int, address: Any) -> bool:
    return family == socket.AF_UNIX and in_a_home(os.fsdecode(address))


def _is_nobody(host: Any) -> bool:
    """Return whether *host* is an IP address or empty, so that no name server is asked."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in str(host) else socket.AF_INET, host)
    except (OSError, TypeError, ValueError):
        return host in (None, "", b"")
    return True


def _shown(address: Any) -> str:
    if isinstance(address, tuple):
        return one_line(":".join(str(part) for part in address[:2]), 80)
    return one_line(os.fsdecode(address) if isinstance(address, (str, bytes)) else address, 80)


def install(project: Path) -> Guard:
    """Let this process connect only to the session's servers, permanently; *project* is the folder of its files.

    Direct clients of Redis are redirected to one of them.
    """
    guard = Guard(project)
    after_import("psycopg", guard.watch_psycopg)
    after_import("psycopg2", guard.watch_psycopg2)
    after_import("django.core.mail.utils", _name_this_host)
    direct.install()
    sys.addaudithook(guard.watch)
    return guard


def _name_this_host(module: Any) -> None:
    """Give mails a host name; Django would ask a name server for it."""
    module.DNS_NAME._fqdn = "localhost"


def private_settings(settings: Any, folder: Path) -> dict[str, Any]:
    """Return settings that keep mail in memory, and uploads in *folder*, which belongs to this process."""
    files = "django.core.files.storage.FileSystemStorage"
    storages = {
        alias: {"BACKEND": files, "OPTIONS": {"location": str(folder / "media" / alias)}}
        for alias in {"default", *settings.STORAGES} - {"staticfiles"}
    }
    media = folder / "media" / "default"
    storages["default"] = {"BACKEND": files, "OPTIONS": {"location": str(media)}}
    storages["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
        "MEDIA_ROOT": str(media),
        "STORAGES": storages,
    }
