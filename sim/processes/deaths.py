"""A process on Linux that ends with the one that started it, however that ends; and its own children with it."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(parent: int | None = None) -> None:
    """From now on end by force when the parent is gone; at once, if the *parent* with this number is gone already.

    Elsewhere than on Linux this does nothing. The thread of the parent's that started this process counts as it: it
    must live as long.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def children_die_with_this() -> None:
    """Let every fork of this process, and of its forks in turn, end with who made it."""
    os.register_at_fork(after_in_child=die_with_parent)
