"""What the command line finds around it, and changes for its own process and those that it starts."""

import os
import warnings

MOST_FILES = 65_536  # open at once, if the system lets us
KEY_WARNINGS = "ignore:Cache key:RuntimeWarning"  # as -W takes it


def allow_many_files() -> None:
    """Raise this process's own limit as far as it may: on a server each request under way has a connection."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def drop_postgres_variables() -> None:
    """Take out of the environment all that PostgreSQL's clients would read there, another server's address first."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def hush_key_warnings() -> None:
    """Let Django not warn, key by key, of what memcached would not take: there it ends the run anyway."""
    theirs = os.environ.get("PYTHONWARNINGS", "")
    if KEY_WARNINGS not in theirs:  # for the processes that are started; what the user says goes before it
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [KEY_WARNINGS, theirs]))
    warnings.filterwarnings("ignore", "Cache key", RuntimeWarning, append=True)
