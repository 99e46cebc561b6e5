"""The files of a project, by which a worker knows whether it has the same project as the command that sent it a cell.

All files below ``manage.py`` count, as any of them may decide what a run does: code, templates, fixtures, whatever the
code reads. Left out is only what is surely output, or belongs to a tool: a file too many costs a cell that could have
been used again; a file too few would let a cell stand for a project that has changed.
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
TAG = "CACHEDIR.TAG"  # by an old convention, a file that says of its folder: all of this can be made again
MARKS = (TAG, "pyvenv.cfg", "sweep.json")  # the second is in every virtual environment, the third in a sweep's folder
REPORT = ("report.html", "summary.csv")  # both together: what `--out` has written
TOOLS = ("__pycache__", "node_modules", "site-packages", "htmlcov")
# What collectstatic and uploads write, unless there is code in them: an app may have such a name.
OUTPUTS = ("media", "mediafiles", "staticfiles", "static_root", "staticroot", "uploads")
WRITTEN = (
    *(".pyc", ".pyo", ".log", ".pid", ".sock", ".tmp", ".swp", "~"),
    *(".sqlite3", ".sqlite", ".db", "-journal", "-wal", "-shm", "celerybeat-schedule", "dump.rdb"),
)
SURE_S = 2.0  # a file that was written later than so long ago may be written again within one tick of its clock

Stamp = tuple[int, int, int, int]


def project_files_hash(experiment: Experiment, besides: tuple[str, ...] = ()) -> str:
    """Return a SHA-256 over the project's files, by name and content, and the text of the experiment.

    *besides* are folders that are left out, as absolute paths: where the sweep itself writes.

    Raises:
        UserError: if the folder is not there, or holds too much to be the files of a project.
    """
    return hash_of(experiment, files_of(experiment, besides))


def hash_of(experiment: Experiment, files: Mapping[str, bytes]) -> str:
    """Return the hash over *files*, as `files_of` gives them, and the text of the experiment."""
    digest = hashlib.sha256(hashlib.sha256(experiment.text).digest())
    for name, content in sorted(files.items()):
        digest.update(os.fsencode(name) + b"\0" + content)
    return digest.hexdigest()


def files_of(experiment: Experiment, besides: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Return the digest of each file of the project, by its path in the folder; the experiment itself is left out.

    Of it the text counts that was read when the command began, which is what all runs have.

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

    Links are followed, and a folder is entered once.
    """
    for one in entries:
        try:
            status = one.stat()
        except OSError:  # a link that leads nowhere, or it has just gone
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
    """Return what is in a folder, in the order of the names; nothing, if we (and the project) cannot look into it."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda one: one.name)
    except OSError:
        return []


def _is_a_tools(name: str) -> bool:
    return name in TOOLS or name.startswith(".")


def _is_output(name: str, inside: set[str]) -> bool:
    """Return whether a folder is output by its name, or by the names of what is in it."""
    if name in OUTPUTS and not any(one.endswith(".py") for one in inside):
        return True
    return bool(inside.intersection(MARKS)) or inside.issuperset(REPORT)


def _counts(name: str) -> bool:
    """Return whether a file counts by its name; of the hidden ones, those do that settings are read from."""
    return not name.endswith(WRITTEN) and (not name.startswith(".") or name.startswith(".env"))


_KNOWN: dict[str, tuple[Stamp, bytes]] = {}  # of this process: a file that bears the same stamp is not read again


def _digest(path: str, status: os.stat_result) -> bytes:
    stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    known = _KNOWN.get(path)
    if known is not None and known[0] == stamp:
        return known[1]
    try:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:  # the project cannot read it, either
        return b"unreadable"
    if time.time() - max(status.st_mtime, status.st_ctime) > SURE_S:
        _KNOWN[path] = stamp, digest
    return digest


def _too_much(folder: Path, what: str, amounts: Counter[str]) -> UserError:
    """Return the error for a folder that holds too much: it names the folder in it where most of that is."""
    where = _heaviest(amounts)
    return UserError(
        f"{file_name(folder)} holds {what}, too much to be sure that none of it changes; most of it is in "
        f"{file_name(where or './')}: move that elsewhere, or, if it is output, put an empty file {TAG} into it"
    )


def _heaviest(amounts: Counter[str]) -> str:
    """Return the deepest folder where over half of it is, as ``shop/data/``; '' if that is the whole."""
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
