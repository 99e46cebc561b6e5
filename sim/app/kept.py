"""Keeps filled databases from one command to the next, as long as nothing that fills them has changed."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..daemons.programs import POSTGRES
from ..errors import UserError, one_line

DAYS = 30.0  # after so long without use, filled databases are removed
MOST = 20  # so many are kept at most

Places = Mapping[str, Mapping[str, Any]]


def kept_in(environment: Mapping[str, str]) -> Path:
    """Return the folder of kept databases, in the user's cache directory."""
    cache = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".cache")
    return Path(cache) / "cachewise" / "filled"


def sweep(where: Path) -> None:
    """Remove from *where* what was not used for long, what exceeds `MOST`, and what was left half-written."""
    with suppress(OSError):
        by_age = sorted(where.iterdir(), key=lambda one: -one.stat().st_mtime)
        for place, one in enumerate(by_age):
            old_s = time.time() - one.stat().st_mtime
            unfinished = one.name.startswith(".") and old_s > 3600
            if unfinished or place >= MOST or old_s > DAYS * 86_400:
                shutil.rmtree(one, ignore_errors=True)


def key_of(parts: Iterable[object], files: Iterable[Path]) -> str:
    """Return the name of databases that are filled by *parts* and by the contents of *files*: a hash of both."""
    digest = hashlib.sha256()
    known = (version("cachewise"), version("django"), sys.version)
    for part in (*known, *parts):
        digest.update(repr(part).encode())
    for file in sorted(files):
        with suppress(OSError):
            digest.update(f"{file}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:24]


def load(kept: Path, places: Places, family: str) -> bool:
    """Fill the empty databases at *places* from the folder *kept*; return False if there is no such folder."""
    if not kept.is_dir():
        return False
    for alias, place in places.items():
        if family == "sqlite":
            _copy(_file(kept, alias), Path(place["NAME"]))
        else:
            _program("pg_restore", place, "--no-owner", "--exit-on-error", str(_file(kept, alias)))
    with suppress(OSError):
        os.utime(kept)  # note that it is still in use
    return True


def save(kept: Path, places: Places, family: str, *, anew: bool = False) -> bool:
    """Keep the contents of the databases at *places*, all of it or nothing; return whether it is kept.

    If another process has kept them meanwhile, its copy stays, as a third process may be loading it; both copies are
    equal. Only with *anew* an existing copy is replaced.
    """
    if family == "postgres" and not all(_tool(name).exists() for name in ("pg_dump", "pg_restore")):
        return False
    try:
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = Path(tempfile.mkdtemp(prefix=".", dir=kept.parent))
    except OSError:  # the folder cannot be written to
        return False
    try:
        for alias, place in places.items():
            if family == "sqlite":
                _copy(Path(place["NAME"]), _file(unfinished, alias))
            else:
                _program("pg_dump", place, "--format=custom", "--no-owner", "--file", str(_file(unfinished, alias)))
        if anew:
            shutil.rmtree(kept, ignore_errors=True)
        with suppress(OSError):  # another process has kept it already
            unfinished.rename(kept)
        return kept.is_dir()
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _file(folder: Path, alias: str) -> Path:
    return folder / hashlib.sha256(alias.encode()).hexdigest()[:16]


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _tool(name: str) -> Path:
    """Return the path of a program of PostgreSQL's, of the same release as the server; it may not exist."""
    return Path(POSTGRES.path()).resolve().with_name(name)


def _program(name: str, place: Mapping[str, Any], *options: str) -> None:
    """Run a program of PostgreSQL's on the database at *place*.

    Raises:
        UserError: if it fails, with the line that says why.
    """
    server = ["--host", str(place["HOST"]), "--port", str(place["PORT"]), "--username", str(place["USER"])]
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own
        [str(_tool(name)), *server, "--dbname", str(place["NAME"]), *options],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        said = next((line for line in lines if "error:" in line), lines[-1])
        raise UserError(f"a filled database cannot be kept or loaded: {one_line(said, 200)}; --refill fills it anew")
