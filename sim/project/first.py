"""Set-up before any import of Django or the project: threads, time, random numbers, and the guard."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import chance, threads
from .clock import ProjectClock

if TYPE_CHECKING:
    from .outside import Guard


class InPlace(NamedTuple):
    """The replacements in this process: the project's clock, and the guard against connections to the outside."""

    clock: ProjectClock
    guard: "Guard"


def put_in_place(start_s: float, seed: int, project: Path) -> InPlace:
    """Make this process a project's: threads, time from *start_s* on (seconds since 1970), random numbers.

    *project* is the folder of its files. From now on the process cannot connect to the outside.

    Raises:
        UserError: if a needed package is not installed.
    """
    chance.install(seed)
    threads.install()
    clock = ProjectClock(start_s)
    clock.install()
    from . import outside  # imports Django

    return InPlace(clock, outside.install(project))
