"""Changes to the environment for the command's own process and those that it starts."""

import os
import warnings

MOST_FILES = 65_536  # open at once, if the system lets us
KEY_WARNINGS = "ignore:Cache key:RuntimeWarning"  # as -W takes it


def allow_many_files() -> None:
    """Raise this process's limit of open files as far as allowed, as each current request on a server needs one."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def drop_postgres_variables() -> None:
    """Remove all variables that PostgreSQL's clients would read, such as the address of another server."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def hush_key_warnings() -> None:
    """Switch off Django's warning for each key that memcached would refuse: on memcached such a key ends the run."""
    theirs = os.environ.get("PYTHONWARNINGS", "")
    if KEY_WARNINGS not in theirs:  # for child processes; the user's own filters come first
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [KEY_WARNINGS, theirs]))
    warnings.filterwarnings("ignore", "Cache key", RuntimeWarning, append=True)
