"""Ways to lose a crew. Each error is one line for people; callers that know more use their own words."""


class WorkerKilledError(Exception):
    """A worker process was killed, or told to end, while it had a task."""


class NoClusterError(Exception):
    """There is no cluster at the given address, or the package to reach it is not installed."""


class CrewGoneError(Exception):
    """The cluster's scheduler went away in mid-run."""
