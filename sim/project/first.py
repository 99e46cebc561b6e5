"""What must be in place before anything of Django or of a project is imported: threads, time and chance."""

from . import chance, threads
from .clock import ProjectClock


def put_in_place(start_s: float, seed: int) -> ProjectClock:
    """Make this process a project's: its threads, its time from *start_s* (seconds since 1970), its chance.

    Raises:
        UserError: if what this needs is not installed.
    """
    chance.install(seed)
    threads.install()
    clock = ProjectClock(start_s)
    clock.install()
    return clock
