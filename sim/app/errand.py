"""Errands: the tasks of a project's processes, and their answers. Nothing here imports Django."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..application import AS_IT_IS
from ..errors import CodeError

ERRAND, ANSWER = "errand.pickle", "answer.pickle"  # files in the process's own folder
SERVED = "served.txt"  # how many requests it has served so far


@dataclass(frozen=True)
class Errand:
    """What a process is to do with a project.

    `file` is the experiment's file and `text` what was in it when the command began; `folder` belongs to this process
    alone. `databases` says where each alias of DATABASES lives (NAME, USER, PASSWORD, HOST, PORT; all of it private).
    `overrides` are the settings that the variant changes, pickled. `scenario` is a pickled `Scenario`, once the scout
    has told it.
    """

    task: Literal["scout", "run", "sketch"]
    file: str
    text: bytes
    settings: str
    env: Mapping[str, str]
    start_s: float
    folder: str
    databases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    family: str | None = None  # "sqlite" or "postgres"; None: the project's own
    backend: str | None = None  # None: the kinds that the project's CACHES name
    variant: str = AS_IT_IS
    overrides: bytes = b""
    scenario: bytes = b""
    seed: int = 1
    further: Mapping[str, Any] = field(default_factory=dict)

    def changed_settings(self) -> Mapping[str, Any]:
        """Return the settings that the variant changes.

        Call this only after `put_in_place`, as unpickling them may import modules of the project.
        """
        found: Mapping[str, Any] = pickle.loads(self.overrides) if self.overrides else {}
        return found


@dataclass(frozen=True)
class Answer:
    """The result of an errand: `found`, or `refusal`, a line for people (and `frames`, the traceback of their code).

    `crash` says how a process ended without an answer; `mistake` is a traceback that never touched the user's code.
    """

    found: Any = None
    refusal: str = ""
    frames: str = ""
    crash: str = ""
    mistake: str = ""
    missing: str = ""  # the name of the missing environment variable, if that is the refusal

    def opened(self) -> Any:
        """Return what was found.

        Raises:
            CodeError: if the errand was refused, or its process crashed.
            RuntimeError: for a mistake of cachewise's own.
        """
        if self.mistake:
            raise RuntimeError(f"in a process of the project:\n{self.mistake}")
        if self.refusal or self.crash:
            raise CodeError(self.refusal or self.crash, self.frames)
        return self.found


def leave(where: Path, name: str, content: object) -> None:
    """Write *content* to the file *name* in *where*, completely or not at all."""
    unfinished = where / f"{name}.part"
    unfinished.write_bytes(pickle.dumps(content))
    unfinished.rename(where / name)


def take(where: Path, name: str) -> Any:
    """Return what `leave` has written, or None."""
    path = where / name
    return pickle.loads(path.read_bytes()) if path.exists() else None
