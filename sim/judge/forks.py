"""Processes that are forks of this one, and end with it, however it ends."""

import gc
import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress

from ..processes.deaths import die_with_parent

_MOST_FILES, _FILES_KEPT = 65_536, 256  # a sensible maximum; files besides snapshots


def fork(body: Callable[[], object]) -> int:
    """Call *body* in a fork of this process. The fork then ends at once, without closing or flushing anything.

    The fork ignores Ctrl-C; its parent handles it. Return the fork's process id.
    """
    above = os.getpid()
    gc.freeze()  # the collection skips present objects, so their memory stays shared
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python warns that threads are not forked
        pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        die_with_parent(above)  # outside Linux, its pipe tells that the parent is gone
        body()
        code = 0
    except BaseException:  # noqa: BLE001 - the fork must not go on with the parent's code
        with suppress(Exception):
            sys.stderr.write(traceback.format_exc())
            sys.stderr.flush()
    finally:
        os._exit(code)


def reap(pid: int, *, kill: bool = False) -> int:
    """Wait for a fork to end, killed if need be, and return its status (negative: the signal that ended it)."""
    if kill:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return 0


def files_left() -> int:
    """Raise this process's limit of open files as far as allowed; return how many it can still open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most - _FILES_KEPT
