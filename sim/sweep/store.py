"""A sweep's folder: each cell is written there completely or not at all, and a later command finds all finished cells.

``cells/`` holds finished cells and nothing else; ``failed/`` holds one file for each cell that failed; ``earlier/``
holds cells that the present command does not ask for. Unfinished files are in the folder `ASIDE`.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import UserError, file_name, one_line
from .schema import SCHEMA, table_of

PACK_ABOVE = 10_000  # cells; more files than this are slow to read
PACK = "pack-"
ASIDE = ".cachewise-unfinished"  # no user's folder is called so: what is in it is removed
PLAN = "sweep.json"  # the command as it was typed, for `resume`
TIMING = "cell,wall_s"
Row = Mapping[str, Any]


def _said_plainly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method of `Store` report in one line that its folder cannot be written to."""

    @wraps(method)
    def plainly(self: "Store", *args: Any) -> Any:
        with _writing(self.folder):
            return method(self, *args)

    return plainly


class Store:
    """The folder of a sweep, while this process alone uses it: see `opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells, self.failed, self.earlier = (folder / name for name in ("cells", "failed", "earlier"))
        self._aside = folder / ASIDE
        self._loose = 0

    @_said_plainly
    def settle(self, wanted: Collection[str]) -> set[str]:
        """Make ``cells/`` hold exactly the finished cells of *wanted*, and return their names.

        Other cells move to ``earlier/``; wanted cells that an earlier command had moved there come back.
        """
        wanted = set(wanted)
        for path, keys in [*_index(self.cells).items()]:
            if not keys <= wanted:
                path.replace(_made(self.earlier) / path.name)
        here = _names(self.cells)
        for path, keys in _index(self.earlier).items():
            missing = (keys & wanted) - here
            if missing and keys <= wanted and not keys & here:
                path.replace(self.cells / path.name)
            elif missing:
                for row in _rows(path):
                    if row["cell"] in missing:
                        self._write(row)
            here |= missing
        self._loose = len(_loose(self.cells))
        return here

    @_said_plainly
    def land(self, row: Row, wall_s: float) -> None:
        """Add a finished cell; the time that it took goes to a file of its own."""
        self._write(row)
        self.forgive(row["cell"])
        with (self.folder / "timing.csv").open("a", encoding="utf-8") as file:
            file.write(f"{row['cell']},{wall_s:.6f}\n")
        self._loose += 1
        if self._loose > PACK_ABOVE:
            where = {path.stem: path for path in _loose(self.cells)}
            self._swap(where, [[*where]])
            self._loose = 0

    @_said_plainly
    def note(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a small file beside the cells, completely or not at all."""
        _write_whole(self.folder / name, json.dumps(content, indent=1).encode(), _made(self._aside))

    @_said_plainly
    def fail(self, key: str, what: str, reason: str, frames: str) -> None:
        """Note that a cell failed, and why."""
        text = json.dumps({"cell": key, "what": what, "reason": reason, "frames": frames}, indent=1)
        _write_whole(_made(self.failed) / f"{key}.json", text.encode(), _made(self._aside))

    def failures(self) -> dict[str, dict[str, str]]:
        """Return the failures by the cell's name: `what` was run, the `reason`, and `frames`, a traceback."""
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.failed.glob("*.json"))}

    def forgive(self, key: str) -> None:
        """Forget that a cell failed."""
        (self.failed / f"{key}.json").unlink(missing_ok=True)
        with suppress(OSError):
            self.failed.rmdir()

    def rows(self) -> Iterator[Row]:
        """Yield all finished cells, in the order of their files."""
        for path in sorted(self.cells.glob("*.parquet")):
            yield from _rows(path)

    @_said_plainly
    def pack(self, order: Sequence[str]) -> None:
        """Pack the finished cells in this *order*, if they are many."""
        where = {key: path for path, keys in _index(self.cells).items() for key in keys}
        if len(where) > PACK_ABOVE:
            kept = [key for key in order if key in where]
            self._swap(where, [kept[first : first + PACK_ABOVE] for first in range(0, len(kept), PACK_ABOVE)])

    def _write(self, row: Row) -> None:
        _write_table(table_of([row]), self.cells / f"{row['cell']}.parquet", _made(self._aside))

    def _swap(self, where: Mapping[str, Path], parts: Iterable[Sequence[str]]) -> None:
        """Replace the files *where* cells are by packs of *parts*; at no instant is a cell there twice.

        A list of the steps is written first. After a kill, the next command that opens the folder finishes them.
        """
        new = {f"{PACK}{key_of_all(keys)}.parquet": keys for keys in parts}
        gone = [path.name for path in dict.fromkeys(where.values()) if path.name not in new]
        for name, keys in new.items():
            if not (self.cells / name).exists():
                _write_table(_gathered(keys, where), _made(self._aside / "packs") / name, _made(self._aside))
        todo = json.dumps({"old": gone, "new": [*new]}).encode()
        _write_whole(self._aside / "swap.json", todo, _made(self._aside))
        self._finish_swap()

    def _finish_swap(self) -> None:
        todo = self._aside / "swap.json"
        if not todo.exists():
            return
        said = json.loads(todo.read_text(encoding="utf-8"))
        for name in said["old"]:
            (self.cells / name).unlink(missing_ok=True)
        for name in said["new"]:
            with suppress(FileNotFoundError):
                (self._aside / "packs" / name).replace(self.cells / name)
        todo.unlink()

    def recover(self) -> None:
        """Clean up after a kill: finish a replacement of files that had begun, and remove unfinished files."""
        _made(self.cells)
        self._finish_swap()
        shutil.rmtree(self._aside, ignore_errors=True)
        timing = self.folder / "timing.csv"
        lines = timing.read_text(encoding="utf-8").splitlines(keepends=True) if timing.exists() else [f"{TIMING}\n"]
        whole = "".join(line for line in lines if line.endswith("\n"))  # a kill may have cut the last line
        timing.write_text(whole, encoding="utf-8")

    def close(self) -> None:
        """Remove the folder for unfinished files."""
        shutil.rmtree(self._aside, ignore_errors=True)


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Open the folder of a sweep for this process alone.

    Raises:
        UserError: if another command uses it, or it cannot be written to.
    """
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            who = os.read(handle, 20).decode(errors="replace").strip()
            raise UserError(
                f"another command is using {file_name(folder)} (process {who}): wait until it ends"
            ) from None
        store = Store(folder)
        with _writing(folder):
            os.truncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            store.recover()
        yield store
        store.close()
    finally:
        os.close(handle)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Report in one line that a folder cannot be written to, for instance because the disk is full.

    Raises:
        UserError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else one_line(error)  # pyarrow's text is a long one
        raise UserError(f"cannot write to {file_name(folder)}: {why}") from error


def plan_in(folder: Path) -> tuple[list[str], str] | None:
    """Return the arguments of the sweep in *folder*, and where its command began; None if there is no sweep."""
    try:
        found = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        return list(found["arguments"]), str(found["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def in_the_way_of_a_sweep(folder: Path) -> str | None:
    """Return the name of what is in *folder* where a sweep has its own, and no sweep has made; None: nothing is."""
    if plan_in(folder):
        return None
    if (folder / PLAN).exists():
        return PLAN
    for name in ("cells", "failed", "earlier"):
        place = folder / name
        if place.exists() and not (place.is_dir() and not any(place.iterdir())):
            return name
    timing = folder / "timing.csv"
    with suppress(FileNotFoundError):
        if not timing.read_bytes().startswith(TIMING.encode()):
            return timing.name
    return None


def key_of_all(keys: Sequence[str]) -> str:
    """Return the name of a pack: the hash of the names of its cells, in order."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:16]


def _gathered(keys: Sequence[str], where: Mapping[str, Path]) -> pa.Table:
    """Return cells in this order, as one table; the files *where* they are are read one at a time."""
    wanted = pa.array(keys)
    files = dict.fromkeys(where[key] for key in keys)
    parts = (_table(path) for path in files)
    found = pa.concat_tables(part.filter(pc.is_in(part["cell"], wanted)) for part in parts).combine_chunks()
    return found.take(pc.index_in(wanted, found["cell"].combine_chunks())).combine_chunks()


def _index(folder: Path) -> dict[Path, set[str]]:
    """Return the files of a folder, each with the names of its cells."""
    return {path: _keys(path) for path in sorted(folder.glob("*.parquet"))}


def _names(folder: Path) -> set[str]:
    return {key for keys in _index(folder).values() for key in keys}


def _keys(path: Path) -> set[str]:
    if path.stem.startswith(PACK):
        return {*_table(path, ["cell"])["cell"].to_pylist()}
    return {path.stem}


def _loose(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.parquet")) if not path.stem.startswith(PACK)]


def _rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _table(path).to_pylist()
    return found


def _table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns, schema=SCHEMA)
    except pa.ArrowInvalid:  # perhaps an incomplete copy; this store itself writes only complete files
        raise UserError(f"{file_name(path)} is broken: remove it, and its runs are run again") from None


def _write_table(table: pa.Table, path: Path, aside: Path) -> None:
    unfinished = aside / path.name
    pq.write_table(table, unfinished, compression="zstd", use_dictionary=False, write_statistics=False)
    _moved(unfinished, path)


def _write_whole(path: Path, content: bytes, aside: Path) -> None:
    unfinished = aside / f"{path.name}.part"
    unfinished.write_bytes(content)
    _moved(unfinished, path)


def _moved(unfinished: Path, path: Path) -> None:
    """Move a file to its place once it is on the disk: if the machine stops, the file is complete or missing."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
