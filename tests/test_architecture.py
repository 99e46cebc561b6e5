"""Which package may import which, what importing costs, and that nothing is left out of the wheel."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sim", "strategies", "scenarios", "reports")
CONTRACT = {"Bound", "Costs", "Row", "Site", "Strategy"}
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path, *, main_block: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (module, names) of every import in *path*; those of its ``__main__`` block only if *main_block*."""
    tree = ast.parse(path.read_text())
    if not main_block:
        tree.body = [
            node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test))
        ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            below = (*path.relative_to(ROOT).parts[:-1],)
            module = ".".join([*below[: len(below) - node.level + 1], *([node.module] if node.module else [])])
            module = module if node.level else (node.module or "")
            is_ours = module.split(".")[0] in (*PACKAGES, "cachewise")
            assert node.level or not is_ours or path.relative_to(ROOT).parts[0] not in ("sim", "reports"), path
            yield module, tuple(alias.name for alias in node.names)


def ours(path: Path, *, main_block: bool = False) -> set[str]:
    """Return the modules of this project that *path* imports."""
    found = {module for module, _ in imports(path, main_block=main_block)}
    return {module for module in found if module.split(".")[0] in PACKAGES}


def face(path: Path, *, main_block: bool) -> set[str]:
    """Return what *path* imports from the public face."""
    return {name for module, names in imports(path, main_block=main_block) if module == "cachewise" for name in names}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_import_arrows(path: Path) -> None:
    """Sim imports none of the others, strategies and scenarios only its vocabulary, reports only sim."""
    package, modules = path.relative_to(ROOT).parts[0], ours(path)
    own = {module for module in modules if module.split(".")[0] == package}
    others = modules - own
    if path == ROOT / "sim" / "__main__.py":
        return  # the composition root
    if package == "sim":
        assert not others
    elif package == "strategies":
        assert not others
        assert not own or path.stem == "__init__"
        assert face(path, main_block=True) <= CONTRACT
    elif package == "scenarios":
        assert not modules
        assert face(path, main_block=True) <= {"Scenario", "run_script"}
        assert face(path, main_block=False) <= {"Scenario"}
    else:
        assert all(module.split(".")[0] == "sim" and module != "sim.__main__" for module in others)


@pytest.mark.parametrize("module", ["cachewise", "cachewise.strategies", "cachewise.scenarios.product_list"])
def test_importing_is_cheap(module: str) -> None:
    """Importing the vocabulary loads neither pandas nor matplotlib nor pyarrow nor SciPy's statistics."""
    heavy = ("pandas", "matplotlib", "pyarrow", "scipy.stats")
    code = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in (ROOT / "tests").rglob("*.py")}), ids=lambda path: path.name
)
def test_every_test_folder_is_a_package(folder: Path) -> None:
    """Each folder of tests has its __init__.py, so that equal file names do not clash."""
    assert (folder / "__init__.py").exists()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_small(path: Path) -> None:
    """A file has fewer than 400 lines, a function at most 50, and both the module and its public names a docstring."""
    tree = ast.parse(path.read_text())
    assert len(path.read_text().splitlines()) < 400
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name
