"""What must be in place before anything of Django or of a project is imported: threads, time, chance, and the guard."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import chance, threads
from .clock import ProjectClock

if TYPE_CHECKING:
    from .outside import Guard


class InPlace(NamedTuple):
    """What this process has: the project's clock, and the guard that nothing leads outside."""

    clock: ProjectClock
    guard: "Guard"


def put_in_place(start_s: float, seed: int, project: Path) -> InPlace:
    """Make this process a project's: its threads, its time from *start_s* (seconds since 1970), its chance.

    *project* is the folder of its files. From now on nothing outside is reached.

    Raises:
        UserError: if what this needs is not installed.
    """
    chance.install(seed)
    threads.install()
    clock = ProjectClock(start_s)
    clock.install()
    from . import outside  # which imports Django

    return InPlace(clock, outside.install(project))
