"""What a strategy of one's own takes along to a worker process: its file's text, and where modules are found."""

from dataclasses import dataclass
from typing import Any

from ..modules import find_modules_in, last_resorts
from .sources import THEIRS, Source, load, source_of


@dataclass(frozen=True)
class Luggage:
    """Unpickled before the strategy, it makes sure that the strategy's class is there to be found.

    The file's text travels, not its name alone: whatever becomes of the file meanwhile, all processes run the same.
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
