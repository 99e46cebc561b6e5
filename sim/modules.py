"""Where a project's modules are found: in the current folder and beside its files, too, but elsewhere first."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any


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


@contextmanager
def neighbours_first(folder: str) -> Iterator[None]:
    """While a file in *folder* is loaded, let it find the modules beside it, not those beside another file.

    Two files may each have a ``conf.py`` at their side: whoever came first would have the only one.
    """
    ours = next((one for one in sys.meta_path if isinstance(one, _LastResort) and one.folder == folder), None)
    if ours is None:  # it is on Python's path anyway
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
    """Finds modules in a folder; it is asked after all others."""

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
