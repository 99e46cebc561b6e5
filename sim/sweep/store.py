"""A sweep's folder: each cell lands there whole or not at all, and whoever comes back finds what had landed.

``cells/`` holds finished cells and nothing else; ``failed/`` one file for each that failed; ``earlier/`` cells that the
command of today does not ask for. What is under way is in ``.unfinished/``.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..errors import UserError, file_name
from .schema import SCHEMA, table_of

PACK_ABOVE = 10_000  # cells: more files than that are slow to read
PACK = "pack-"
TIMING = "cell,wall_s"
_TIMED = re.compile(r"(\w+),(\d+\.\d{6})")
Row = Mapping[str, Any]


class Store:
    """The folder of a sweep, while this process alone has it: see `opened`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cells, self.failed, self.earlier = (folder / name for name in ("cells", "failed", "earlier"))
        self._aside = folder / ".unfinished"
        self._loose = 0

    def settle(self, wanted: Collection[str]) -> set[str]:
        """Let ``cells/`` hold just the finished ones of *wanted*, and return their names.

        The others move to ``earlier/``, and from there come those that an earlier command had left.
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

    def land(self, row: Row, wall_s: float) -> None:
        """Add a finished cell; how long it took this machine is noted apart."""
        self._write(row)
        self.forgive(row["cell"])
        with (self.folder / "timing.csv").open("a", encoding="utf-8") as file:
            file.write(f"{row['cell']},{wall_s:.6f}\n")
        self._loose += 1
        if self._loose > PACK_ABOVE:
            rows = [row for path in _loose(self.cells) for row in _rows(path)]
            self._swap(_loose(self.cells), [rows])
            self._loose = 0

    def note(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a small file beside the cells, whole or not at all."""
        _write_whole(self.folder / name, json.dumps(content, indent=1).encode(), _made(self._aside))

    def fail(self, key: str, what: str, reason: str, frames: str) -> None:
        """Note that a cell failed, and why."""
        text = json.dumps({"cell": key, "what": what, "reason": reason, "frames": frames}, indent=1)
        _write_whole(_made(self.failed) / f"{key}.json", text.encode(), _made(self._aside))

    def failures(self) -> dict[str, dict[str, str]]:
        """Return what failed, by the cell's name: `what` was run, the `reason`, and the `frames` of a traceback."""
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

    def real_s(self) -> dict[str, float]:
        """Return how long finished cells took this machine, by name."""
        with suppress(OSError), (self.folder / "timing.csv").open(encoding="utf-8") as file:
            found = filter(None, map(_TIMED.fullmatch, file.read().splitlines()))  # a kill may have cut a line
            return {one[1]: float(one[2]) for one in found}
        return {}

    def pack(self, order: Sequence[str]) -> None:
        """Pack the finished cells, if they are many: in this *order*, whenever they landed."""
        if len(_names(self.cells)) > PACK_ABOVE:
            rows = {row["cell"]: row for row in self.rows()}
            kept = [rows[key] for key in order if key in rows]
            parts = [kept[first : first + PACK_ABOVE] for first in range(0, len(kept), PACK_ABOVE)]
            self._swap(sorted(self.cells.glob("*.parquet")), parts)

    def _write(self, row: Row) -> None:
        _write_table([row], self.cells / f"{row['cell']}.parquet", _made(self._aside))

    def _swap(self, old: Iterable[Path], parts: Iterable[Sequence[Row]]) -> None:
        """Put packs of *parts* in the place of the *old* files: at no instant is a cell in ``cells/`` twice.

        From the moment at which the list of what to do is there, whoever opens the folder next can finish it.
        """
        new = {f"{PACK}{key_of_all(rows)}.parquet": rows for rows in parts}
        gone = [path.name for path in old if path.name not in new]
        for name, rows in new.items():
            if not (self.cells / name).exists():
                _write_table(rows, _made(self._aside / "packs") / name, _made(self._aside))
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
        """Finish what a kill has cut in two, and remove what was under way."""
        _made(self.cells)
        self._finish_swap()
        shutil.rmtree(self._aside, ignore_errors=True)
        timing = self.folder / "timing.csv"
        if not timing.exists():
            timing.write_text(f"{TIMING}\n", encoding="utf-8")

    def close(self) -> None:
        """Remove what nobody needs any more."""
        shutil.rmtree(self._aside, ignore_errors=True)


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Give the folder of a sweep to this process alone.

    Raises:
        UserError: if another command has it, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot write to {file_name(folder)}: {getattr(error, 'strerror', error)}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            who = os.read(handle, 20).decode(errors="replace").strip()
            raise UserError(
                f"another command is at work in {file_name(folder)} (process {who}): wait for its end"
            ) from None
        os.truncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        store = Store(folder)
        store.recover()
        yield store
        store.close()
    finally:
        os.close(handle)


def key_of_all(rows: Sequence[Row]) -> str:
    """Return the name of a pack: the hash of the names of its cells, in order."""
    return hashlib.sha256("\n".join(row["cell"] for row in rows).encode()).hexdigest()[:16]


def _index(folder: Path) -> dict[Path, set[str]]:
    """Return the files of a folder, and which cells are in each."""
    return {path: _keys(path) for path in sorted(folder.glob("*.parquet"))}


def _names(folder: Path) -> set[str]:
    return {key for keys in _index(folder).values() for key in keys}


def _keys(path: Path) -> set[str]:
    if path.stem.startswith(PACK):
        return {*pq.read_table(path, columns=["cell"])["cell"].to_pylist()}
    return {path.stem}


def _loose(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*.parquet")) if not path.stem.startswith(PACK)]


def _rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path, schema=SCHEMA).to_pylist()
    return found


def _write_table(rows: Sequence[Row], path: Path, aside: Path) -> None:
    unfinished = aside / path.name
    pq.write_table(table_of(rows), unfinished, compression="zstd", use_dictionary=False, write_statistics=False)
    _moved(unfinished, path)


def _write_whole(path: Path, content: bytes, aside: Path) -> None:
    unfinished = aside / f"{path.name}.part"
    unfinished.write_bytes(content)
    _moved(unfinished, path)


def _moved(unfinished: Path, path: Path) -> None:
    """Move a file to its place once it is on the disk: a machine that stops has it, or has nothing."""
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
