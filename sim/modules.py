"""Lets Python find a project's modules in the current folder and beside its files, after all other places."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any


def find_modules_here() -> None:
    """From now on, also find modules in the current folder, where a project's settings are, if they are nowhere else.

    Appending to `sys.path` is not enough: an import hook may find editable installs only after all of `sys.path`.
    """
    with suppress(FileNotFoundError):  # the folder has been removed
        find_modules_in(str(Path.cwd()))


def find_modules_in(folder: str) -> None:
    """From now on, also find modules in *folder*, if they are nowhere else."""
    if folder not in sys.path and folder not in last_resorts():
        sys.meta_path.append(_LastResort(folder))


def last_resorts() -> tuple[str, ...]:
    """Return the folders in which modules are looked for last, in the order in which they are asked."""
    return tuple(finder.folder for finder in sys.meta_path if isinstance(finder, _LastResort))


@contextmanager
def neighbours_first(folder: str) -> Iterator[None]:
    """While a file in *folder* is loaded, let it find the modules beside it, not those beside another file.

    Two files may each have a ``conf.py`` beside them. Without this, the second file would get that of the first.
    """
    ours = next((one for one in sys.meta_path if isinstance(one, _LastResort) and one.folder == folder), None)
    if ours is None:  # the folder is on Python's path anyway
        yield
        return
    others = {name for one in sys.meta_path if isinstance(one, _LastResort) and one is not ours for name in one.found}
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in others & ours.offers()}
    for name in hidden:
        del sys.modules[name]
    places = [place for place, one in enumerate(sys.meta_path) if isinstance(one, _LastResort)]
    before = [sys.meta_path[place] for place in places]
    _arrange(places, sorted(before, key=lambda one: one is not ours))
    try:
        yield
    finally:
        _arrange(places, before)
        for name, module in hidden.items():
            sys.modules.setdefault(name, module)


def _arrange(places: list[int], finders: list[Any]) -> None:
    for place, finder in zip(places, finders, strict=True):
        sys.meta_path[place] = finder


class _LastResort:
    """Finds modules in a folder; Python asks it after all other finders."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: set[str] = set()

    def offers(self) -> set[str]:
        """Return the names of the modules in its folder."""
        return {one.stem for one in Path(self.folder).iterdir() if one.suffix == ".py" or one.is_dir()}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, [self.folder], target) if path is None else None
        if spec is not None:
            self.found.add(name)
        return spec
