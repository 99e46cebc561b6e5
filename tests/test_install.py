"""cachewise in a project's environment: one package, which leaves the project's modules alone, whatever their names."""

import os
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers import ROOT

APPS = ("sim", "strategies", "scenarios", "reports")  # the project's, called as the folders here are
QUICK = ["--strategy", "ttl-only", "--set", "warmup_s=0", "--duration", "3", "--format", "csv"]
MANAGE = """
    import os, sys
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
SETTINGS = f"""
    SECRET_KEY = "of the shop"
    INSTALLED_APPS = {APPS}
    CACHES = {{"default": {{"BACKEND": "reports.caches.Cache", "TIMEOUT": 60}}}}
"""
CACHE = """
    from django.core.cache.backends.locmem import LocMemCache

    class Cache(LocMemCache):
        pass
"""
SCENARIO = """
    import reports, scenarios, sim, strategies
    from cachewise import Scenario

    assert {module.OWNER for module in (reports, scenarios, sim, strategies)} == {"the shop"}
    SCENARIO = Scenario("own", keys=2, reads_per_s=20, writes_per_s=1)
"""
PROJECT = """
    [build-system]
    requires = ["hatchling"]
    build-backend = "hatchling.build"
    [project]
    name = "shop"
    version = "1"
    [tool.hatch.build.targets.wheel]
    packages = ["shop", "sim", "strategies", "scenarios", "reports"]
"""


class Wheels(NamedTuple):
    """Both wheels, and the folder of the project."""

    cachewise: Path
    shop: Path
    project: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Write a project whose apps are called as cachewise's folders, and build its wheel and cachewise's."""
    project, built = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheels")
    files = {f"{app}/__init__.py": 'OWNER = "the shop"' for app in APPS} | {"shop/__init__.py": ""}
    files |= {"manage.py": MANAGE, "shop/settings.py": SETTINGS, "reports/caches.py": CACHE, "pyproject.toml": PROJECT}
    for name, text in (files | {"own.py": SCENARIO}).items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(textwrap.dedent(text))
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", built, ROOT, project)
    (cachewise,), (shop,) = built.glob("cachewise-*.whl"), built.glob("shop-*.whl")
    return Wheels(cachewise, shop, project)


def pip(*args: str | Path) -> None:
    """Let pip do something, without asking an index."""
    command = [sys.executable, "-m", "pip", *args, "--quiet", "--disable-pip-version-check"]
    subprocess.run(command, check=True, env={**os.environ, "PIP_NO_INDEX": "1"})


class Environment:
    """A virtual environment: empty at first; what cachewise depends on is lent it by the one that runs the tests."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / "bin" / "python"
        (self.packages,) = folder.glob("lib/python*/site-packages")

    def install(self, *wheels: Path) -> None:
        """Install them, one after the other."""
        for wheel in wheels:
            pip("--python", self.python, "install", "--no-deps", wheel)

    def uninstall(self, name: str) -> None:
        """Take a package out."""
        pip("--python", self.python, "uninstall", "--yes", name)

    def runs(self, folder: Path, *args: str, **variables: str) -> str:
        """Return what a program of this environment prints, called in *folder*; it must end well."""
        program, *rest = args
        lent = [variables.pop("PYTHONPATH", ""), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, lent)), **variables}
        command = [self.python.with_name(program), *rest]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)
        assert done.returncode == 0, f"{args} in {folder}: {done.stderr}"
        return done.stdout

    def files(self) -> dict[str, bytes]:
        """Return all that is installed, but for what Python has compiled."""
        found = (path for path in self.packages.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {path.relative_to(self.packages).as_posix(): path.read_bytes() for path in found}


def test_the_wheel_is_one_package_with_all_that_is_here(wheels: Wheels) -> None:
    """Every file of the four folders is in the wheel, at its place in `cachewise`, and nothing else is."""
    homes = {"cachewise": ROOT / "src" / "cachewise", **{f"cachewise/{app}": ROOT / app for app in APPS}}
    here = {
        f"{home}/{path.relative_to(folder).as_posix()}"
        for home, folder in homes.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheels.cachewise) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == here
    assert {"cachewise/__main__.py", "cachewise/py.typed", "cachewise/sim/engine/calendar.py"} < packed


@pytest.mark.parametrize("first", ["the project", "cachewise"])
def test_it_lives_beside_a_project_of_the_same_names(wheels: Wheels, tmp_path: Path, first: str) -> None:
    """In one environment, in both orders, inside and outside the project's folder; uninstalling leaves all of it."""
    inside, outside = wheels.project, tmp_path / "elsewhere"
    outside.mkdir()
    order = [wheels.shop, wheels.cachewise] if first == "the project" else [wheels.cachewise, wheels.shop]
    ours, alone = Environment(tmp_path / "env"), Environment(tmp_path / "alone")
    alone.install(wheels.shop)
    ours.install(*order)
    assert ours.files().items() >= {k: v for k, v in alone.files().items() if "dist-info" not in k}.items()

    for folder in (inside, outside):
        where = ours.runs(folder, "python", "-c", "import cachewise; print(cachewise.__file__)")
        assert Path(where.strip()).is_relative_to(ours.packages)
        assert "\ndelete-on-write:" in ours.runs(folder, "cachewise", "list", "strategies", PYTHONPATH=".")
        assert "product_list" in ours.runs(folder, "python", "-m", "cachewise", "list", "scenarios")
        several = ["product_list", "--seeds", "2", "--jobs", "2", "--out", str(tmp_path / folder.name)]
        assert "product_list" in ours.runs(folder, "cachewise", "run", *several, *QUICK)
        assert "product_list" in ours.runs(folder, "python", "-m", "cachewise.scenarios.product_list", *QUICK)
    assert "own" in ours.runs(outside, "cachewise", "run", str(inside / "own.py"), *QUICK)
    in_pairs = ["--seeds", "2", "--jobs", "2", "--settings", "shop.settings"]
    assert "settings:shop.settings" in ours.runs(inside, "cachewise", "run", "./own.py", *in_pairs, *QUICK)
    assert "no issues" in ours.runs(inside, "python", "manage.py", "check")

    ours.uninstall("cachewise")
    assert {k: v for k, v in ours.files().items() if "dist-info" not in k} == {
        k: v for k, v in alone.files().items() if "dist-info" not in k
    }


def test_a_project_that_is_not_installed_is_found_in_its_folder(wheels: Wheels, tmp_path: Path) -> None:
    """There the command finds what `manage.py` finds: a scenario file's imports, and the settings that are named."""
    environment = Environment(tmp_path / "env")
    environment.install(wheels.cachewise)
    folder = wheels.project
    assert "own" in environment.runs(folder, "cachewise", "run", "./own.py", "--seeds", "2", "--jobs", "2", *QUICK)
    on_table = ["product_list", "--backend", "db", "--seeds", "2", "--jobs", "2"]
    assert "db" in environment.runs(
        folder, "cachewise", "run", *on_table, *QUICK, DJANGO_SETTINGS_MODULE="shop.settings"
    )


def test_a_clone_as_the_current_folder_hides_nothing(wheels: Wheels, tmp_path: Path) -> None:
    """An installed cachewise runs there, its own files, whichever way it is called."""
    environment = Environment(tmp_path / "env")
    environment.install(wheels.cachewise)
    code = "import cachewise, cachewise.sim.engine, cachewise.reports as r; print(cachewise.__file__, r.__file__)"
    for found in environment.runs(ROOT, "python", "-c", code).split():
        assert Path(found).is_relative_to(environment.packages)
    out = ["--out", str(tmp_path / "out")]
    for way in (["cachewise", "run", "product_list"], ["python", "-m", "cachewise", "run", "product_list"]):
        assert "product_list" in environment.runs(ROOT, *way, *QUICK, *out)
    assert "product_list" in environment.runs(ROOT, "python", "scenarios/product_list.py", *QUICK)


def test_a_folder_of_its_name_hides_nothing(tmp_path: Path) -> None:
    """Seen from its parent, a clone is a folder called `cachewise`: what is installed is found all the same."""
    (tmp_path / "cachewise" / "sim").mkdir(parents=True)
    (tmp_path / "mine.py").write_text("from cachewise import Scenario\nSCENARIO = Scenario('mine', reads_per_s=20)\n")
    command = [sys.executable, "-m", "cachewise", "run", "./mine.py", "--seeds", "2", "--jobs", "2", *QUICK]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mine" in done.stdout
