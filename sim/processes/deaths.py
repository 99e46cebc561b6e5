"""On Linux: a process that ends with its parent, however the parent ends; and its own children with it."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(parent: int | None = None) -> None:
    """Be killed when the parent is gone; at once if the *parent* with this process number is gone already.

    Outside Linux this does nothing. The kernel watches the parent's thread that started this process, so that thread
    must live as long as this process.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def children_die_with_this() -> None:
    """Let every fork of this process, and every fork of a fork, end with its parent."""
    os.register_at_fork(after_in_child=die_with_parent)
