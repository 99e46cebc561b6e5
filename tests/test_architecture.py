"""Which file may import which, in which manner, what importing costs, and how large a file may be."""

import ast
import pickle
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

import cachewise
from tests.helpers import CLI, ROOT

FOLDERS = ("sim", "strategies", "scenarios", "reports")
SRC, FACE = ROOT / "src", ROOT / "src" / "cachewise"
SOURCES = [path for folder in (*FOLDERS, "src") for path in sorted((ROOT / folder).rglob("*.py"))]
APPS = ROOT / "scenarios" / "apps"  # Django projects, each in its folder as a team would have it
OTHERS = [path for folder in ("tests", "bench") for path in sorted((ROOT / folder).rglob("*.py"))]


def shown(path: Path) -> str:
    """Return *path* as people name it."""
    return path.relative_to(ROOT).as_posix()


class Import(NamedTuple):
    """A name that a file imports from us: the module as the file says it, and the file where the name is at home."""

    said: str
    name: str
    home: Path

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"from {self.said} import {self.name}"


def imports(path: Path, *, main_block: bool = False) -> Iterator[Import]:
    """Yield what *path* imports from us, wherever in it; what its ``__main__`` block does only if *main_block*."""
    tree = ast.parse(path.read_text())
    if not main_block:
        tree.body = [
            node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))
        ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [(one.name, one.name, "") for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            said, module = "." * node.level + (node.module or ""), full_name(path, node)
            found = [(said, module, one.name) for one in node.names]
        else:
            continue
        for said, module, name in found:
            if module.partition(".")[0] in ("cachewise", *FOLDERS, "src", "tests", "bench"):
                yield Import(said, name, home(module, name))


def full_name(path: Path, node: ast.ImportFrom) -> str:
    """Return the module that *node* in *path* imports from, as it is installed."""
    if not node.level:
        return node.module or ""
    package = (
        [*path.relative_to(SRC).parts] if path.is_relative_to(SRC) else ["cachewise", *path.relative_to(ROOT).parts]
    )
    return ".".join([*package[: len(package) - node.level], *([node.module] if node.module else [])])


def home(module: str, name: str) -> Path:
    """Return the file where *name* of *module* is at home; the public face only hands it on."""
    below = module.removeprefix("cachewise").strip(".").split(".")
    if below == [""]:
        below = cachewise._HOMES.get(name, "").strip(".").split(".")
    folder = ROOT.joinpath(*below)
    candidates = (
        folder / f"{name}.py",
        folder / name / "__init__.py",
        folder.with_suffix(".py"),
        folder / "__init__.py",
    )
    return next((path for path in candidates if path.is_file()), FACE / "__init__.py")


def room(path: Path) -> str:
    """Return the room that *path* is in, as the table in DESIGN.md names it: in sim/, a wing or a file."""
    if path.is_relative_to(FACE):
        return "src/cachewise/"
    first, *rest = path.relative_to(ROOT).parts
    return f"{first}/" if first != "sim" else f"sim/{rest[0]}/" if len(rest) > 1 else f"sim/{rest[0]}"


def house() -> dict[str, set[str]]:
    """Return DESIGN's table of rooms, from the top down: each with the rooms that it imports."""
    text = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
    rows = text.split("\n| room |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    cells = [[cell.strip(" `") for cell in row.strip("|").split(" | ")] for row in rows]
    names = [cell[0] for cell in cells]
    full = {Path(name).stem: name for name in names}
    table = {name: {full[one] for one in said.split(", ") if one in full} for name, *_, said in cells}
    table |= {names[place]: set(names[place + 1 :]) for place, cell in enumerate(cells) if cell[-1] == "all below"}
    assert all(cell[-1] in ("all below", "nothing") or {*cell[-1].split(", ")} <= set(full) for cell in cells)
    return table


def test_the_rooms_are_those_of_the_design() -> None:
    """DESIGN's table names every room, and each imports only what stands below it."""
    table = house()
    assert set(table) == {room(path) for path in SOURCES} - {"sim/__init__.py"}
    names = list(table)
    for place, name in enumerate(names):
        assert table[name] <= set(names[place + 1 :]), name


def test_every_arrow_is_in_the_design() -> None:
    """Each room imports the rooms that the table says, and no other; none is named there that it does not import."""
    table = house()
    found: dict[str, dict[str, str]] = {name: {} for name in table}
    for path in SOURCES:
        for one in imports(path):
            if room(one.home) != room(path):
                found[room(path)][room(one.home)] = f"{shown(path)}: {one}"
    strays = [why for name, rooms in found.items() for to, why in rooms.items() if to not in table[name]]
    assert strays == []
    idle = {
        name: table[name] - set(rooms) for name, rooms in found.items() if name != "sim/command/"
    }  # it may, not must
    assert {name: rooms for name, rooms in idle.items() if rooms} == {}


def test_no_circle() -> None:
    """No file imports itself by way of others, not even inside a function."""
    graph = {path: {one.home for one in imports(path)} - {path} for path in SOURCES}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", [*SOURCES, *OTHERS], ids=shown)
def test_the_manner_of_imports(path: Path) -> None:
    """Inside, imports go by path, which every tool can follow; whoever uses cachewise says its name, and only that."""
    folder = path.relative_to(ROOT).parts[0]
    for one in imports(path, main_block=True):
        if folder in ("sim", "reports", "src") or (path.name == "__init__.py" and room(one.home) == room(path)):
            assert one.said.startswith("."), f"{one}: write it as a path"
        elif path.is_relative_to(APPS) and one.said.startswith("."):
            assert one.home.is_relative_to(APPS / path.relative_to(APPS).parts[0]), f"{one}: a project is whole"
        elif folder in ("strategies", "scenarios"):
            assert one.said == "cachewise", f"{one}: write it as a user's own file does"
        else:
            assert not one.said.startswith("."), f"{one}: write its name"
            assert one.said.split(".")[0] not in FOLDERS, f"{one}: it is installed as cachewise.{one.said}"


def test_strategies_and_scenarios_are_what_a_user_could_write() -> None:
    """A strategy imports the contract's names alone; a scenario its vocabulary, and how to start a script."""
    contract = {"Bound", "Costs", "Row", "Site", "Strategy"}
    for path in sorted((ROOT / "strategies").glob("*.py")):
        assert {one.name for one in imports(path, main_block=True) if one.said == "cachewise"} <= contract
    for path in sorted((ROOT / "scenarios").glob("[a-z]*.py")):
        assert {one.name for one in imports(path)} == {"Scenario"}
        assert {one.name for one in imports(path, main_block=True)} == {"Scenario", "run_script"}
    for path in sorted(APPS.rglob("*.py")):
        theirs = {one.name for one in imports(path, main_block=True) if one.said == "cachewise"}
        assert theirs == ({"App", "Scenario"} if path.name == "cache_experiment.py" else set()), shown(path)


@pytest.mark.parametrize("module", ["cachewise", "cachewise.strategies", "cachewise.scenarios.product_list"])
def test_importing_is_cheap(module: str) -> None:
    """Importing the vocabulary loads neither pandas nor matplotlib nor pyarrow nor SciPy's statistics."""
    heavy = ("pandas", "matplotlib", "pyarrow", "scipy.stats")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in SOURCES if path.stem in sys.stdlib_module_names}), ids=shown
)
def test_a_file_named_as_pythons_own_harms_nobody(folder: Path) -> None:
    """In each folder that has such a file, which Python then finds before its own, the command runs."""
    command = [*CLI, "run", "product_list", "--strategy", "oracle", "--set", "warmup_s=0", "--duration", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_row_is_pickled_by_its_public_name() -> None:
    """What a cache holds does not change where the contract's file is moved; figures hang on its length."""
    row = cachewise.Row("key", 1, b"")
    pickled = pickle.dumps(row, pickle.HIGHEST_PROTOCOL)
    assert b"\tcachewise\x94\x8c\x06Row_v1" in pickled
    assert len(pickled) == 50
    code = f"import pickle; print(pickle.loads({pickled!r}))"  # by somebody who looks into a cache, say
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert pickle.loads(pickled) == row
    assert elsewhere.strip() == repr(row) == "Row(key='key', version=1, payload=b'')"


def test_ctrl_c_while_a_row_is_pickled_comes_out_as_one() -> None:
    """Whichever Python call the first pickling in a process makes, a Ctrl-C in it is no PicklingError."""
    code = """
        import pickle, sys
        from cachewise.sim.contract import Row

        def interrupt(frame, event, _argument):
            if event == "call" and frame.f_code.co_name == sys.argv[1]:
                raise KeyboardInterrupt

        def note(frame, event, _argument):
            if event == "call":
                print(frame.f_code.co_name)

        row = Row("key", 1, b"")
        sys.setprofile(interrupt if sys.argv[1:] else note)
        pickle.dumps(row, pickle.HIGHEST_PROTOCOL)
        sys.setprofile(None)
    """

    def pickling(*interrupted: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", dedent(code), *interrupted]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    calls = pickling().stdout.split()
    assert calls
    for call in calls:
        done = pickling(call)
        assert done.stderr.rstrip().endswith("\nKeyboardInterrupt"), done.stderr


def test_the_public_face_has_what_it_names() -> None:
    """Every public name is there when it is asked for, and in `dir()`; the version is that of the package."""
    from importlib.metadata import version

    assert {*cachewise.__all__, "Row_v1"} == set(cachewise._HOMES)
    assert {*cachewise.__all__, *FOLDERS, "__version__"} <= set(dir(cachewise))
    assert all(getattr(cachewise, folder).__name__ == f"cachewise.{folder}" for folder in FOLDERS)
    assert all(getattr(cachewise, name).__name__ == name for name in cachewise.__all__ if name != "Bound")
    assert cachewise.__version__ == version("cachewise")
    with pytest.raises(AttributeError, match="module 'cachewise' has no attribute 'nothing'"):
        cachewise.nothing  # noqa: B018 - to ask for it is the test


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in (ROOT / "tests").rglob("*.py")}), ids=lambda path: path.name
)
def test_every_test_folder_is_a_package(folder: Path) -> None:
    """Each folder of tests has its __init__.py, so that equal file names do not clash."""
    assert (folder / "__init__.py").exists()


def test_tests_mirror_the_wings() -> None:
    """Every wing of sim/ has its folder of tests, and no folder of tests there is of something else."""
    wings = {path.parent.name for path in (ROOT / "sim").glob("*/__init__.py")}
    assert {path.parent.name for path in (ROOT / "tests" / "sim").glob("*/__init__.py")} == wings


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_files_are_small(path: Path) -> None:
    """A file has fewer than 400 lines, a function at most 50, and both the module and its public names a docstring."""
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) < 400
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name
