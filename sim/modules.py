"""Where a project's modules are found: in the current folder and beside its files, too, but elsewhere first."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType


def find_modules_here() -> None:
    """From now on find modules in the current folder, where a project's settings are, if they are nowhere else.

    The end of `sys.path` would not do: what is installed to be edited can be found after all of it, by a hook.
    """
    with suppress(FileNotFoundError):  # somebody has removed the folder
        find_modules_in(str(Path.cwd()))


def find_modules_in(folder: str) -> None:
    """From now on find modules in *folder*, too, if they are nowhere else."""
    if folder not in sys.path and folder not in last_resorts():
        sys.meta_path.append(_LastResort(folder))


def last_resorts() -> tuple[str, ...]:
    """Return the folders in which modules are found that are nowhere else, in the order in which they are asked."""
    return tuple(finder.folder for finder in sys.meta_path if isinstance(finder, _LastResort))


class _LastResort:
    """Finds modules in a folder; it is asked after all others."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, [self.folder], target) if path is None else None
