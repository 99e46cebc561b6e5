"""Tells which files in a folder are ours: a list in the folder names the files of a report, each with its hash.

A file that is not in the list, or has changed since, belongs to the user: it is never replaced or removed.
"""

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..sim.errors import UserError

NAME = ".cachewise.json"
ABOUT = (
    "Files that cachewise wrote here, with their SHA-256. It replaces or removes these alone, and only if unchanged."
)
Hashes = Mapping[str, Collection[str]]  # by the file's name in the folder; two while a report is being replaced


@dataclass(frozen=True)
class Manifest:
    """The list of a folder: `hashes` of the files that were written there; `of_sweep` says that a sweep wrote them."""

    folder: Path
    hashes: Hashes
    of_sweep: bool = False

    @classmethod
    def of(cls, folder: Path) -> "Manifest":
        """Return the list in *folder*; an empty one if there is none.

        Raises:
            UserError: if the file of that name is not such a list.
            OSError: if it cannot be read.
        """
        path = folder / NAME
        if not os.path.lexists(path):
            return cls(folder, {})
        try:
            if not _is_a_file(path):
                raise ValueError
            found = json.loads(path.read_text(encoding="utf-8"))
            hashes = {str(name): [str(one) for one in several] for name, several in found["files"].items()}
            return cls(folder, {name: hashes[name] for name in filter(_is_inside, hashes)}, bool(found["sweep"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{NAME} in it is not a list that cachewise wrote; move it away") from None

    def text(self) -> str:
        """Return the text of the list's file."""
        files = {name: sorted(self.hashes[name]) for name in sorted(self.hashes)}
        return json.dumps({"about": ABOUT, "sweep": self.of_sweep, "files": files}, indent=1) + "\n"

    def ours(self) -> dict[str, str]:
        """Return the names of the files that are unchanged, each with its hash."""
        there = [name for name in self.hashes if _is_a_file(self.folder / name)]
        found = {name: hash_of(self.folder / name) for name in there}
        return {name: one for name, one in found.items() if one in self.hashes[name]}


def remove(folder: Path, names: Collection[str]) -> None:
    """Remove these files from *folder*, and folders in it that are then empty."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    for parent in {(folder / name).parent for name in names} - {folder}:
        with suppress(OSError):  # it is not empty
            parent.rmdir()


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_a_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_inside(name: str) -> bool:
    """Return whether a name leads to a place inside the folder; someone else may have written the list."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
