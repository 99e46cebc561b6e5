"""What the user's own strategy needs in a worker process: the text of its file, and the folders of its modules."""

from dataclasses import dataclass
from typing import Any

from ..modules import find_modules_in, last_resorts
from .sources import THEIRS, Source, load, source_of


@dataclass(frozen=True)
class Luggage:
    """This is unpickled before the strategy, and loads the module of the strategy's class.

    It contains the file's text, not only its name: all processes run the same code, even if the file changes meanwhile.
    """

    folders: tuple[str, ...]
    sources: tuple[Source, ...]
    theirs: dict[str, str]

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.folders, self.sources, self.theirs)


def luggage_of(strategy: object) -> Luggage:
    """Return what *strategy* needs in another process."""
    parts = [type(strategy), strategy, *getattr(strategy, "functions", {}).values()]
    modules = dict.fromkeys(str(getattr(part, "__module__", "")) for part in parts)
    sources = tuple(source for source in map(source_of, modules) if source is not None)
    return Luggage(last_resorts(), sources, dict(THEIRS))


def _unpacked(folders: tuple[str, ...], sources: tuple[Source, ...], theirs: dict[str, str]) -> Luggage:
    for folder in folders:
        find_modules_in(folder)
    THEIRS.update(theirs)
    for source in sources:
        load(source)
    return Luggage(folders, sources, theirs)
