"""What determines a run: with the same parts the same bytes come out, so their hash is the name of its cell."""

import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ..backends import backend_named
from ..backends.entries import entry_at, is_own
from ..daemons.programs import Program
from ..experiment import strategy_spec
from ..own.sources import source_of
from ..verdict.result import Run
from ..world.scenario import Scenario

Identity = Mapping[str, Any]  # what JSON can hold
KEY_DIGITS = 32
FOLDERS = ("sim", "strategies")  # of cachewise's own sources: what a run is made of
TOP = Path(__file__).resolve().parents[2]
UNNEEDED = ("'test'", "'lint'", "'cluster'")  # extras that no run is made of
PACKAGES = ("site-packages", "dist-packages")  # installed ones count with their versions


def key_of(identity: Identity) -> str:
    """Return the hash of an identity: of all that the cells of a point have in common."""
    return _digits(json.dumps(identity, sort_keys=True, separators=(",", ":")))


def cell_key(point: str, seed: int) -> str:
    """Return the name of a cell: that of the *point* with this hash, run with *seed*."""
    return _digits(f"{point}/{seed}")


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


@dataclass(frozen=True)
class Surroundings:
    """What a run depends on of the machine that it is run on: the servers of *backends*, and what is installed.

    With `all_installed` that is all, as the code of others can import any of it; else what cachewise needs.
    """

    backends: tuple[str, ...]
    all_installed: bool

    def lines(self) -> tuple[str, ...]:
        """Return what there is here, a line each: the same lines stand for the same runs."""
        servers = [line for name in self.backends for line in servers_of(name)]
        return (f"cachewise {our_sources()}", *versions(all_of_them=self.all_installed), *dict.fromkeys(servers))


def surroundings_of(run: Run) -> Surroundings:
    """Return what *run* depends on of its machine."""
    return Surroundings((run.backend,), all_installed=is_own(run.backend) or not _is_ours(run.strategy))


def identity_of(run: Run) -> Identity:
    """Return all that determines what comes of *run*, but for its seed."""
    return {
        "surroundings": surroundings_of(run).lines(),
        "scenario": _scenario(run.scenario),
        "strategy": [strategy_spec(run.strategy), *_code_of(run.strategy)],
        "backend": _backend(run.backend),
    }


@cache
def our_sources() -> str:
    """Return the hash of cachewise's own sources."""
    files = (path for folder in FOLDERS for path in _modules_below(TOP / folder))
    return _hash_of((path.relative_to(TOP).as_posix(), path) for path in files)


@cache
def versions(*, all_of_them: bool) -> list[str]:
    """Return Python's version, and those of what cachewise needs, or of all that is installed (for others' code)."""
    installed = {one.name.lower(): one.version for one in metadata.distributions() if one.name}
    needed = {_plain(one) for one in metadata.requires("cachewise") or () if not any(map(one.count, UNNEEDED))}
    kept = (f"{name}=={number}" for name, number in installed.items() if all_of_them or _plain(name) in needed)
    return [sys.version.split()[0], *sorted(kept)]


@cache
def servers_of(backend: str) -> list[str]:
    """Return what the programs are, in their own words, that a backend needs."""
    return [_release(one) for one in backend_named(backend).needs if isinstance(one, Program)]


def _release(program: Program) -> str:
    """Return a program's version, or a library's hash."""
    found = program.find()
    if found is None:
        return f"{program.name}: none"
    if ".so" in program.name:
        return f"{program.name}: {_hash_of([('', Path(found))])}"
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - as the run will
    return f"{program.name}: {done.stdout.strip()}"


def _scenario(scenario: Scenario) -> dict[str, str]:
    parts = {one.name: _text_of(getattr(scenario, one.name)) for one in fields(scenario)}
    if scenario.trace is not None:
        parts["trace"] = file_hash(scenario.trace, Path(scenario.trace).stat().st_mtime_ns)
    return parts


@cache
def file_hash(path: str, _changed_ns: int) -> str:
    """Return the hash of a file's contents; it is read again when its time of change is another."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text_of(value: object) -> str:
    plain = value is None or isinstance(value, bool | int | float | str)
    return repr(value) if plain else hashlib.sha256(pickle.dumps(value)).hexdigest()


def _backend(name: str) -> list[str]:
    return [name, repr(sorted(entry_at(name).items(), key=str))] if is_own(name) else [name]


def _is_ours(strategy: object) -> bool:
    file = getattr(sys.modules.get(type(strategy).__module__), "__file__", None) or ""
    return Path(file).resolve().is_relative_to(TOP / "strategies")


def _code_of(strategy: object) -> list[str]:
    """Return the hashes of a strategy's own file and of what it has imported from the folders below that one's."""
    if _is_ours(strategy):
        return []
    parts = [type(strategy), strategy, *getattr(strategy, "functions", {}).values()]
    modules = sorted({str(getattr(part, "__module__", "")) for part in parts})
    sources = [source for source in map(source_of, modules) if source is not None]
    files = [Path(str(getattr(sys.modules.get(name), "__file__", None) or "")) for name in modules]
    folders = {path.resolve().parent for path in files if path.is_file() and not _is_installed(path)}
    beside = {path for folder in folders for path in _imported_below(folder)}
    own = [hashlib.sha256(source.text).hexdigest() for source in sources]
    return [*own, _hash_of((path.name, path) for path in sorted(beside))]


def _imported_below(folder: Path) -> Iterator[Path]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) else None
        if path is not None and path.is_relative_to(folder) and not _is_installed(path) and path.is_file():
            yield path


def _is_installed(path: Path) -> bool:
    return any(part in PACKAGES for part in path.parts) or path.is_relative_to(TOP / "sim")


def _modules_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def _hash_of(files: Iterable[tuple[str, Path]]) -> str:
    """Return the hash of named files: of each, its name and its contents."""
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _plain(requirement: str) -> str:
    """Return the name of a distribution as all spellings of it have it."""
    name = "".join(one if one.isalnum() or one in "-_." else " " for one in requirement).split()[0]
    return name.lower().replace("_", "-").replace(".", "-")
