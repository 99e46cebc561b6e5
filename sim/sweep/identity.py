"""Names the cells of a sweep: the name is a hash of all that determines the result of a run."""

import hashlib
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ..backends import backend_named
from ..backends.entries import SETTINGS, entry_at, is_own
from ..contract import Strategy
from ..daemons.programs import Program
from ..experiment import strategy_spec
from ..own.sources import source_of
from ..verdict.result import Run
from .own_files import TOP, file_hash, modules_named_in, own_files, settings_module

Identity = Mapping[str, Any]  # what JSON can hold
KEY_DIGITS = 32
FOLDERS = ("sim", "strategies")  # the folders of cachewise's own sources that determine a run
UNNEEDED = ("'test'", "'lint'", "'cluster'")  # extras that do not change any run


def key_of(identity: Identity) -> str:
    """Return the hash of an identity, which is all that the cells of a point have in common."""
    return _digits(json.dumps(identity, sort_keys=True, separators=(",", ":")))


def cell_key(point: str, seed: int) -> str:
    """Return the name of the cell with *seed* of the point with the hash *point*."""
    return _digits(f"{point}/{seed}")


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


@dataclass(frozen=True)
class Surroundings:
    """What a run depends on in its machine: the servers of `backends`, and the installed packages.

    With `all_installed` all packages count, as a user's own code can import any of them; else those that cachewise
    needs.
    """

    backends: tuple[str, ...]
    all_installed: bool

    def lines(self) -> tuple[str, ...]:
        """Return a line for each part on this machine; on two machines with the same lines, runs are the same."""
        servers = [line for name in self.backends for line in servers_of(name)]
        return (f"cachewise {our_sources()}", *versions(all_of_them=self.all_installed), *dict.fromkeys(servers))


def surroundings_of(run: Run) -> Surroundings:
    """Return what *run* depends on in its machine."""
    return Surroundings((run.backend,), all_installed=is_own(run.backend) or not _is_ours(run.strategy))


def files_of(run: Run) -> dict[str, str]:
    """Return the user's own files that a run depends on, with their hashes: modules, a backend's file, the trace.

    A worker must find the same files. Those that are sent with the run are not among them.
    """
    modules: list[str] = [] if _is_ours(run.strategy) else _modules_of(run.strategy)
    found: dict[str, str] = {}
    if is_own(run.backend):
        modules += modules_named_in(entry_at(run.backend))
        if run.backend.startswith(SETTINGS):
            modules.append(run.backend.removeprefix(SETTINGS).partition(":")[0])
        else:
            found[run.backend] = file_hash(run.backend)
    if modules:
        found |= own_files([*modules, settings_module()])
    if run.scenario.trace is not None:
        found[run.scenario.trace] = file_hash(run.scenario.trace)
    return found


def identity_of(run: Run, files: Mapping[str, str]) -> Identity:
    """Return all that determines the result of *run* but its seed; *files* are as `files_of` returns them.

    A file counts with its name and its contents, not with the folders above it.
    """
    return {
        "surroundings": surroundings_of(run).lines(),
        "scenario": {one.name: _text_of(getattr(run.scenario, one.name)) for one in fields(run.scenario)},
        "strategy": [strategy_spec(run.strategy), *_sources_of(run.strategy)],
        "backend": _backend(run.backend),
        "files": sorted((Path(path).name, digest) for path, digest in files.items()),
    }


@cache
def our_sources() -> str:
    """Return the hash of cachewise's own sources."""
    files = (path for folder in FOLDERS for path in _modules_below(TOP / folder))
    return _hash_of((path.relative_to(TOP).as_posix(), path) for path in files)


@cache
def versions(*, all_of_them: bool) -> list[str]:
    """Return the versions of Python and of the packages that cachewise needs, or of all installed packages."""
    installed = {one.name.lower(): one.version for one in metadata.distributions() if one.name}
    needed = {_plain(one) for one in metadata.requires("cachewise") or () if not any(map(one.count, UNNEEDED))}
    kept = (f"{name}=={number}" for name, number in installed.items() if all_of_them or _plain(name) in needed)
    return [sys.version.split()[0], *sorted(kept)]


@cache
def servers_of(backend: str) -> list[str]:
    """Return the versions of the programs that a backend needs, as these programs print them."""
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


def _text_of(value: object) -> str:
    plain = value is None or isinstance(value, bool | int | float | str)
    return repr(value) if plain else hashlib.sha256(pickle.dumps(value)).hexdigest()


def _backend(name: str) -> list[str]:
    """Return a backend's name and its entry of CACHES, without the addresses of functions in memory."""
    if not is_own(name):
        return [name]
    return [name, re.sub(r" at 0x[0-9a-f]+", "", repr(sorted(entry_at(name).items(), key=str)))]


def _is_ours(strategy: object) -> bool:
    return _is_file_of_ours(getattr(sys.modules.get(type(strategy).__module__), "__file__", None) or "")


@cache
def _is_file_of_ours(file: str) -> bool:
    return Path(file).resolve().is_relative_to(TOP / "strategies")


def _sources_of(strategy: Strategy) -> list[str]:
    """Return the hashes of the files that are sent with a strategy."""
    sources = filter(None, map(source_of, _modules_of(strategy)))
    return [hashlib.sha256(source.text).hexdigest() for source in sources]


def _modules_of(strategy: object) -> list[str]:
    parts = [type(strategy), strategy, *getattr(strategy, "functions", {}).values()]
    return sorted({str(getattr(part, "__module__", "")) for part in parts})


def _modules_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def _hash_of(files: Iterable[tuple[str, Path]]) -> str:
    """Return one hash over the names and the contents of files."""
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _plain(requirement: str) -> str:
    """Return the normalised name of the distribution in a requirement."""
    name = "".join(one if one.isalnum() or one in "-_." else " " for one in requirement).split()[0]
    return name.lower().replace("_", "-").replace(".", "-")
