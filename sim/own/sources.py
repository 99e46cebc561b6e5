"""Loads the user's own Python files, each as a module of its own, from the same text here and in worker processes."""

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from importlib.abc import ExecutionLoader
from importlib.util import decode_source, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from ..errors import UserError, file_name
from ..modules import find_modules_here, find_modules_in, neighbours_first

THEIRS: dict[str, str] = {}  # the user's own files that this process knows: their full paths, and the paths as typed
_LOADED: dict[str, "Source"] = {}  # by the module's name


@dataclass(frozen=True)
class Source:
    """A file as it was when this run began.

    `module` names the module that is made from it. Pickles of its objects contain this name, and caches count bytes. So
    the name depends on the file's own name and text, not on the folders above it. `shown` is the path as it was typed.
    """

    path: str
    shown: str
    text: bytes
    module: str

    @property
    def sha256(self) -> str:
        """The first 12 digits of the text's SHA-256."""
        return _sha256(self.text)[:12]


def source_at(typed: str) -> Source:
    """Return the file at *typed*, as it is now.

    Raises:
        UserError: if it cannot be read.
    """
    path = Path(typed)
    try:
        text = path.read_bytes()
        full = str(path.resolve())
    except (OSError, ValueError) as error:  # ValueError: a character that no path can have
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{file_name(typed)}: it cannot be read: {why}") from None
    stem = re.sub(r"\W", "_", path.stem) or "_"
    name = f"{stem}_{_sha256(text)[:8]}"
    known = [one for one in _LOADED.values() if one.module.startswith(name)]
    same = next((one for one in known if one.path == full), None)
    if same is not None:
        return same
    shown = typed if os.sep in typed or "/" in typed else f".{os.sep}{typed}"
    return Source(full, shown, text, f"{name}_{len(known) + 1}" if known else name)


def load(source: Source) -> ModuleType:
    """Return the module of *source*, loaded on the first call. It can import modules from its own folder.

    Exceptions of the file are passed on unchanged.
    """
    if source.module in _LOADED:
        return sys.modules[source.module]
    find_modules_here()
    find_modules_in(str(Path(source.path).parent))
    THEIRS[source.path] = source.shown
    loader = _Loader(source)
    spec = spec_from_file_location(source.module, source.path, loader=loader)
    assert spec is not None  # noqa: S101 - it is None only without a loader
    module = sys.modules[source.module] = module_from_spec(spec)
    try:
        with neighbours_first(str(Path(source.path).parent)):
            loader.exec_module(module)
    except BaseException:
        del sys.modules[source.module]
        raise
    _LOADED[source.module] = source
    return module


def source_of(module: str) -> Source | None:
    """Return the file from which the module called *module* was made, or None if it was not made here."""
    return _LOADED.get(module)


def from_here(path: str) -> str:
    """Return a file's full path as a user would type it in the current folder."""
    here = f"{Path.cwd()}{os.sep}"
    return f".{os.sep}{path.removeprefix(here)}" if path.startswith(here) else path


class _Loader(ExecutionLoader):
    """Makes a module from a text."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 - it loads one
        return self._source.path

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 - it loads one
        return decode_source(self._source.text)


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
