"""cachewise in a project's environment: one package, which leaves the project's modules alone, whatever their names."""

import os
import shutil
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
    """What can be installed, and the folder of the project."""

    cachewise: Path
    editable: Path  # of the clone
    shop: Path
    project: Path


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Write a project whose apps are called as cachewise's folders, and build its wheel and cachewise's."""
    project = tmp_path_factory.mktemp("project")
    files = {f"{app}/__init__.py": 'OWNER = "the shop"' for app in APPS} | {"shop/__init__.py": ""}
    files |= {"manage.py": MANAGE, "shop/settings.py": SETTINGS, "reports/caches.py": CACHE, "pyproject.toml": PROJECT}
    for name, text in (files | {"own.py": SCENARIO}).items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(textwrap.dedent(text))
    built = {
        "cachewise": build(ROOT, "wheel:standard", tmp_path_factory.mktemp("cachewise")),
        "editable": build(ROOT, "wheel:editable", tmp_path_factory.mktemp("editable")),
        "shop": build(project, "wheel:standard", tmp_path_factory.mktemp("shop")),
    }
    return Wheels(**built, project=project)


def build(source: Path, kind: str, folder: Path) -> Path:
    """Build a wheel into *folder*, as pip does, and return it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", folder]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.iterdir()
    return wheel


class Environment:
    """A virtual environment: empty at first; what cachewise depends on is lent it by the one that runs the tests."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=300)
        self.python = folder / "bin" / "python"
        (self.packages,) = folder.glob("lib/python*/site-packages")
        self._lent = folder / "lent"
        self._lent.mkdir()
        for path in {sysconfig.get_path(name) for name in ("purelib", "platlib")}:
            for one in Path(path).iterdir():
                if "cachewise" not in one.name and one.suffix != ".pth":
                    (self._lent / one.name).symlink_to(one)

    def pip(self, *args: str | Path) -> None:
        """Let pip do something here, without asking an index."""
        command = [sys.executable, "-m", "pip", "--python", self.python, *args, "--quiet"]
        offline = {**os.environ, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        subprocess.run(command, check=True, env=offline, timeout=300)

    def install(self, *wheels: Path) -> None:
        """Install them, one after the other."""
        for wheel in wheels:
            self.pip("install", "--no-deps", wheel)

    def runs(self, folder: Path, *args: str, **variables: str) -> str:
        """Return what a program of this environment prints, called in *folder*; it must end well."""
        program, *rest = args
        path = os.pathsep.join(filter(None, [variables.pop("PYTHONPATH", ""), str(self._lent)]))
        env = {**os.environ, "PYTHONPATH": path, **variables}
        command = [self.python.with_name(program), *rest]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False, timeout=300)
        assert done.returncode == 0, f"{args} in {folder}: {done.stderr}"
        return done.stdout

    def files(self) -> dict[str, bytes]:
        """Return all that is installed, but for what Python and pip write about it."""
        found = (path for path in self.packages.rglob("*") if path.is_file() and path.suffix != ".pyc")
        by_name = {path.relative_to(self.packages).as_posix(): path for path in found}
        return {name: path.read_bytes() for name, path in by_name.items() if ".dist-info/" not in name}


def test_the_wheel_is_one_package_with_all_that_is_here(wheels: Wheels) -> None:
    """Every file of the four folders is in the wheel, at its place in `cachewise`, and nothing else is."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src", *APPS]
    listed = subprocess.run(listing, capture_output=True, text=True, cwd=ROOT, check=True, timeout=60).stdout
    here = {path.removeprefix("src/cachewise/") for path in listed.splitlines() if (ROOT / path).is_file()}
    with zipfile.ZipFile(wheels.cachewise) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == {f"cachewise/{path}" for path in here}
    assert {"cachewise/__main__.py", "cachewise/py.typed", "cachewise/sim/engine/scheduler.py"} < packed


@pytest.mark.parametrize("first", ["the project", "cachewise"])
def test_it_lives_beside_a_project_of_the_same_names(wheels: Wheels, tmp_path: Path, first: str) -> None:
    """In one environment, in both orders, inside and outside the project's folder; uninstalling leaves all of it."""
    inside, outside = wheels.project, tmp_path / "elsewhere"
    outside.mkdir()
    order = [wheels.shop, wheels.cachewise] if first == "the project" else [wheels.cachewise, wheels.shop]
    ours, alone = Environment(tmp_path / "env"), Environment(tmp_path / "alone")
    alone.install(wheels.shop)
    ours.install(*order)
    assert ours.files().items() >= alone.files().items()

    for folder in (inside, outside):
        assert "\ndelete-on-write:" in ours.runs(folder, "cachewise", "list", "strategies", PYTHONPATH=".")
        several = ["product_list", "--seeds", "2", "--jobs", "2", "--out", str(tmp_path / folder.name)]
        assert "product_list" in ours.runs(folder, "cachewise", "run", *several, *QUICK)
        listed = ours.runs(folder, "python", "-m", "cachewise", "list", "scenarios")
        assert {"product_list", "shop_app"} < {*listed.splitlines()}
        assert "product_list" in ours.runs(folder, "python", "-m", "cachewise.scenarios.product_list", *QUICK)
    assert "own" in ours.runs(outside, "cachewise", "run", str(inside / "own.py"), *QUICK)
    assert "no issues" in ours.runs(inside, "python", "manage.py", "check")

    ours.pip("uninstall", "--yes", "cachewise")
    assert ours.files() == alone.files()


def test_a_project_that_is_not_installed_is_found_in_its_folder(wheels: Wheels, tmp_path: Path) -> None:
    """There the command finds what `manage.py` finds, in its workers too, and hides nothing that is installed."""
    environment, folder = Environment(tmp_path / "env"), tmp_path / "project"
    environment.install(wheels.cachewise)
    shutil.copytree(wheels.project, folder)
    (folder / "numpy.py").write_text("raise SystemExit('the project hides what is installed')")
    pairs = ["--seeds", "2", "--jobs", "2", *QUICK]
    assert "own" in environment.runs(folder, "cachewise", "run", "./own.py", *pairs)
    settings = ["product_list", "--settings", "shop.settings", *pairs]
    assert "settings:shop.settings" in environment.runs(folder, "cachewise", "run", *settings)
    named = {"DJANGO_SETTINGS_MODULE": "shop.settings"}
    assert ",db," in environment.runs(folder, "cachewise", "run", "product_list", "--backend", "db", *pairs, **named)


def test_a_clone_as_the_current_folder_hides_nothing(wheels: Wheels, tmp_path: Path) -> None:
    """An installed cachewise runs there, its own files, whichever way it is called."""
    environment = Environment(tmp_path / "env")
    environment.install(wheels.cachewise)
    code = "import cachewise, cachewise.reports as r; print(cachewise.__file__, r.__file__, *cachewise.__path__)"
    found = environment.runs(ROOT, "python", "-c", code).split()
    assert len(found) == 3
    assert all(Path(path).is_relative_to(environment.packages) for path in found)
    out = ["--out", str(tmp_path / "out")]
    for way in (["cachewise", "run", "product_list"], ["python", "-m", "cachewise", "run", "product_list"]):
        assert "product_list" in environment.runs(ROOT, *way, *QUICK, *out)
    assert "product_list" in environment.runs(ROOT, "python", "scenarios/product_list.py", *QUICK)


def test_an_editable_install_is_one_package_wherever_one_stands(wheels: Wheels, tmp_path: Path) -> None:
    """It is found beside a folder of its name, which a clone is when seen from its parent, and brings no other name."""
    environment = Environment(tmp_path / "env")
    environment.install(wheels.editable)
    (tmp_path / "cachewise" / "sim").mkdir(parents=True)
    (tmp_path / "mine.py").write_text("from cachewise import Scenario\nSCENARIO = Scenario('mine', reads_per_s=20)\n")
    run = ["run", "./mine.py", "--seeds", "2", "--jobs", "2", *QUICK]
    for way in (["cachewise"], ["python", "-m", "cachewise"]):
        assert "mine" in environment.runs(tmp_path, *way, *run)
    assert "product_list" in environment.runs(ROOT, "python", "scenarios/product_list.py", *QUICK)
    code = f"import importlib.util as u; print([name for name in {APPS} if u.find_spec(name)])"
    assert environment.runs(tmp_path, "python", "-c", code) == "[]\n"
