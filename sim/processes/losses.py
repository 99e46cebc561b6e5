"""How a crew is lost: each is one line for people, which callers put into words of their own where they know more."""


class WorkerKilledError(Exception):
    """A worker process was killed, or told to end, while it had something to do."""


class NoClusterError(Exception):
    """There is no cluster where one was said to be, or nothing to reach it with."""


class CrewGoneError(Exception):
    """The cluster's scheduler went away in mid-run."""
