"""Finds the user's own files that a run depends on, by following the import statements in them.

Installed packages count with their versions, and cachewise itself with its sources, so both are left out here.
"""

import ast
import hashlib
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..own.sources import source_of

TOP = Path(__file__).resolve().parents[2]
OURS = tuple(TOP / name for name in ("sim", "strategies", "reports", "scenarios", "src"))
PACKAGES = ("site-packages", "dist-packages")
IMPORTERS = ("import_module", "__import__", "import_string")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def file_hash(path: str) -> str:
    """Return the hash of a file's contents; the file is read again when its time of change differs."""
    status = Path(path).stat()
    return _hash_at(path, status.st_mtime_ns, status.st_size)


@cache
def _hash_at(path: str, _changed_ns: int, _size: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def modules_named_in(value: Any) -> Iterator[str]:
    """Yield possible modules in an entry of CACHES: dotted paths, and the modules of other values."""
    if isinstance(value, str):
        if _DOTTED.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from modules_named_in(one)
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from modules_named_in(one)
    else:
        yield str(getattr(value, "__module__", ""))


def own_files(modules: Iterable[str]) -> dict[str, str]:
    """Return the hashes of the user's own files of *modules*, and of all that they import, by path.

    A file that is sent with the run (`source_of`) is not among them, but the files that it imports are.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(name, "") for name in modules]
    while waiting:
        name, beside = waiting.pop()
        if not name or (name, beside) in seen:
            continue
        seen.add((name, beside))
        for file, package in _places(name, beside):
            if file in found or not _is_own(file):
                continue
            source = source_of(name)
            if source is None:
                found[file] = file_hash(file)
            folder = str(Path(file).parent)
            waiting += [(one, folder) for one in _imports(file, package, found.get(file), source and source.text)]
    return found


def _places(name: str, beside: str) -> Iterator[tuple[str, str]]:
    """Yield the possible files of a module called *name* and of the packages around it, each with its package.

    A module in the folder *beside* counts as well: two files may each have a ``conf.py`` beside them.
    """
    top, *rest = name.split(".")
    for spec in (_found(top), PathFinder.find_spec(top, [beside]) if beside else None):
        here, full = spec, top
        for part in [*rest, ""]:
            if here is None:
                break
            locations = here.submodule_search_locations
            if here.origin and Path(here.origin).is_file():
                yield str(Path(here.origin).resolve()), full if locations else full.rpartition(".")[0]
            if locations is None or not part:
                break
            full = f"{full}.{part}"
            here = PathFinder.find_spec(full, list(locations))


def _found(top: str) -> ModuleSpec | None:
    module = sys.modules.get(top)
    if module is not None and getattr(module, "__spec__", None) is not None:
        return module.__spec__
    try:
        return find_spec(top)
    except (ImportError, ValueError):
        return None


@cache
def _is_own(file: str) -> bool:
    path = Path(file)
    if any(part in PACKAGES for part in path.parts) or any(path.is_relative_to(one) for one in OURS):
        return False
    return not any(path.is_relative_to(one) for one in _of_python())


@cache
def _of_python() -> tuple[Path, ...]:
    return tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


@cache
def _imports(file: str, package: str, _hash: str | None, text: bytes | None) -> tuple[str, ...]:
    """Return the names of all modules that a file may import; ``from a import b`` may mean a module a.b."""
    if text is None and not file.endswith(".py"):
        return ()
    try:
        tree = ast.parse(Path(file).read_bytes() if text is None else text)
    except (OSError, SyntaxError, ValueError):
        return ()
    return tuple(dict.fromkeys(name for node in ast.walk(tree) for name in _imported_by(node, package)))


def _imported_by(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        origin = ".".join(filter(None, [*above, node.module or ""]))
        yield from (f"{origin}.{one.name}" for one in node.names if origin)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        if called in IMPORTERS and isinstance(node.args[0].value, str):
            yield node.args[0].value


def settings_module() -> str:
    """Return the name of the project's settings module in the environment, or "": the user's own code may use it."""
    return os.environ.get("DJANGO_SETTINGS_MODULE", "")
