"""The number of cores for this process and its children."""

import os


def cores() -> int:
    """Return how many cores this process may use; a container or `taskset` may allow fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
