"""Hashes the files of a project, so that a worker knows whether its project is the same as that of the command.

All files below ``manage.py`` count, as any may change a run: code, templates, fixtures, anything that the code reads.
Only files that are surely output, or belong to a tool, are left out. If a file too many counts, a cell is run again
without need; if one too few counted, an old cell would be used for a project that has changed.
"""

import hashlib
import os
import stat
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..app.found import Experiment
from ..errors import UserError, file_name

MOST_FILES = 100_000
MOST_BYTES = 4_000_000_000
TAG = "CACHEDIR.TAG"  # by an old convention, this file says that everything in its folder can be made again
MARKS = (TAG, "pyvenv.cfg", "sweep.json")  # the second is in every virtual environment, the third in a sweep's folder
REPORT = ("report.html", "summary.csv")  # a folder with both was written by `--out`
TOOLS = ("__pycache__", "node_modules", "site-packages", "htmlcov")
# Folders of collectstatic and of uploads. One with code in it is not left out, as an app may have such a name.
OUTPUTS = ("media", "mediafiles", "staticfiles", "static_root", "staticroot", "uploads")
WRITTEN = (
    *(".pyc", ".pyo", ".log", ".pid", ".sock", ".tmp", ".swp", "~"),
    *(".sqlite3", ".sqlite", ".db", "-journal", "-wal", "-shm", "celerybeat-schedule", "dump.rdb"),
)
SURE_S = 2.0  # a younger file may change again within one tick of the file system's clock, with the same stamp

Stamp = tuple[int, int, int, int]


def project_files_hash(experiment: Experiment, besides: tuple[str, ...] = ()) -> str:
    """Return a SHA-256 over the project's files, by name and content, and the text of the experiment.

    *besides* are absolute paths of folders that are left out, as the sweep itself writes there.

    Raises:
        UserError: if there is no such folder, or if it holds too much for a project.
    """
    return hash_of(experiment, files_of(experiment, besides))


def hash_of(experiment: Experiment, files: Mapping[str, bytes]) -> str:
    """Return the hash over *files*, as `files_of` gives them, and the text of the experiment."""
    digest = hashlib.sha256(hashlib.sha256(experiment.text).digest())
    for name, content in sorted(files.items()):
        digest.update(os.fsencode(name) + b"\0" + content)
    return digest.hexdigest()


def files_of(experiment: Experiment, besides: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return the digest of each file of the project, by its path in the folder, without the experiment's file.

    All runs use the text of the experiment as it was when the command began, so `hash_of` takes that text.

    Raises:
        UserError: as `project_files_hash` does.
    """
    folder = experiment.path.parent
    if not folder.is_dir():
        raise UserError(f"there is no folder {file_name(folder)}, where the project is")
    found: dict[str, bytes] = {}
    files, sizes_bytes = Counter[str](), Counter[str]()
    all_bytes = 0
    top = folder.stat()
    for path, status in _files_in(_entries(folder), {*besides}, {(top.st_dev, top.st_ino)}):
        name = path[len(str(folder)) :].lstrip(os.sep).replace(os.sep, "/")
        where = name.rpartition("/")[0]
        files[where] += 1
        sizes_bytes[where] += status.st_size
        all_bytes += status.st_size
        if len(found) >= MOST_FILES:
            raise _too_much(folder, f"over {MOST_FILES:,} files", files)
        if all_bytes > MOST_BYTES:
            raise _too_much(folder, f"over {MOST_BYTES // 10**9} GB", sizes_bytes)
        if path != str(experiment.path):
            found[name] = _digest(path, status)
    return found


Entries = list["os.DirEntry[str]"]


def _files_in(entries: Entries, besides: set[str], seen: set[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files among *entries* and below, in the order of their names.

    Links are followed, but each folder is entered only once.
    """
    for one in entries:
        try:
            status = one.stat()
        except OSError:  # a broken link, or a file that was just removed
            continue
        place = (status.st_dev, status.st_ino)
        if stat.S_ISREG(status.st_mode) and _counts(one.name):
            yield one.path, status
        elif stat.S_ISDIR(status.st_mode) and not (one.path in besides or place in seen or _is_a_tools(one.name)):
            seen.add(place)
            inside = _entries(one.path)
            if not _is_output(one.name, {each.name for each in inside}):
                yield from _files_in(inside, besides, seen)


def _entries(folder: Path | str) -> Entries:
    """Return the entries of a folder, sorted by name; none if it cannot be read, as then the project cannot, either."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda one: one.name)
    except OSError:
        return []


def _is_a_tools(name: str) -> bool:
    return name in TOOLS or name.startswith(".")


def _is_output(name: str, inside: set[str]) -> bool:
    """Return whether a folder is output, by its own name or the names of its entries."""
    if name in OUTPUTS and not any(one.endswith(".py") for one in inside):
        return True
    return bool(inside.intersection(MARKS)) or inside.issuperset(REPORT)


def _counts(name: str) -> bool:
    """Return whether a file counts, by its name. Of hidden files only ``.env`` files do, as settings may read them."""
    return not name.endswith(WRITTEN) and (not name.startswith(".") or name.startswith(".env"))


_KNOWN: dict[str, tuple[Stamp, bytes]] = {}  # in this process, a file with the same stamp is not read again


def _digest(path: str, status: os.stat_result) -> bytes:
    stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    known = _KNOWN.get(path)
    if known is not None and known[0] == stamp:
        return known[1]
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:  # then the project cannot read it, either
        return b"unreadable"
    if time.time() - max(status.st_mtime, status.st_ctime) > SURE_S:
        _KNOWN[path] = stamp, digest
    return digest


def _too_much(folder: Path, what: str, amounts: Counter[str]) -> UserError:
    """Return the error for a folder that holds too much; it names the subfolder that holds most of it."""
    where = _heaviest(amounts)
    return UserError(
        f"{file_name(folder)} holds {what}, too much to be sure that none of it changes; most of it is in "
        f"{file_name(where or './')}: move that elsewhere or, if it is output, put an empty file {TAG} into it"
    )


def _heaviest(amounts: Counter[str]) -> str:
    """Return the deepest folder with over half of the total, as ``shop/data/``; '' if that is the whole project."""
    where = ""
    while True:
        below = Counter[str]()
        for name, amount in amounts.items():
            if name.startswith(where) and name:
                below[f"{where}{name[len(where) :].partition('/')[0]}/"] += amount
        if not below:
            return where
        ((heaviest, amount),) = below.most_common(1)
        if heaviest == where or 2 * amount <= amounts.total():
            return where
        where = heaviest
