"""How many cores there are for this process and its children."""

import os


def cores() -> int:
    """Return how many cores this process may use: a container or `taskset` may give it fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
