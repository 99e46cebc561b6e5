"""Modules of the current folder: found, but after all others, however those are found."""

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from cachewise.sim.modules import find_modules_here


class Hook:
    """Finds packages in a folder, as that of an editable install does: it is asked after all of `sys.path`."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the module is."""
        return PathFinder.find_spec(name, [self._folder], target) if path is None else None


def test_what_is_installed_in_whatever_way_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's folder may hold one of the name of an installed package: a library's clone, with its setup file."""
    installed, here = tmp_path / "installed", tmp_path / "here"
    for folder, name in ((installed, "library_of_the_shop"), (here, "library_of_the_shop"), (here, "app_of_the_shop")):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"OWNER = {folder.name!r}")
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Hook(installed)])
    before = len(sys.meta_path)
    find_modules_here()
    find_modules_here()
    assert len(sys.meta_path) == before + 1
    assert import_module("library_of_the_shop").OWNER == "installed"
    assert import_module("app_of_the_shop").OWNER == "here"


def test_a_folder_that_is_gone_is_none(tmp_path: Path) -> None:
    """Somebody may have removed the current folder: then there is nothing to find."""
    code = f"import os; os.rmdir({str(tmp_path)!r}); from cachewise.sim.modules import find_modules_here as f; f()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_is_not_looked_into_unasked(tmp_path: Path) -> None:
    """A run that names nothing of the user's leaves Python's own finders as they are, also where it sets Django up."""
    code = """
        import os, sys
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        from cachewise import Scenario, run
        from cachewise.strategies import TtlOnly
        before = sys.meta_path[:]
        run(Scenario("short", reads_per_s=9, duration_s=1, warmup_s=0), TtlOnly(), backend="db")
        print(sys.meta_path == before)
    """
    command = [sys.executable, "-c", dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")
