"""Random numbers that depend only on the seed: session keys and CSRF tokens are the same in each run.

`random.SystemRandom`, `secrets` and `uuid4` draw from `os.urandom`, which is replaced. Real threads, the harness and
names of temporary files keep the real one, because the run does not decide when they draw. (The order of a set of
strings is random, too. It comes from the environment variable `PYTHONHASHSEED`, before anything runs.)
"""

import os
import random
import sys
import uuid
from _thread import get_ident
from collections.abc import Callable
from typing import Any

from .imports import replace_by_name

_KEEP_REAL = {"cachewise", "tempfile"}


def install(seed: object) -> None:
    """Make the random numbers of this process's code depend on *seed*, permanently."""
    if os.urandom is not _urandom:
        _thread.append(get_ident())
        replace_by_name({id(_real_urandom): _urandom}, _KEEP_REAL)
        random.Random.seed = _seed  # type: ignore[method-assign]
        # After a fork, `random` takes a seed from the system.
        os.register_at_fork(after_in_child=lambda: reseed(f"{_seeds[-1]}/child"))
    reseed(seed)


def reseed(seed: object) -> None:
    """Begin the streams of *seed* (each evaluation of a read has its own)."""
    _seeds[:] = [seed]
    _SOURCE.seed(f"urandom/{seed}")
    random.seed(f"random/{seed}")
    uuid._node = _SOURCE.getrandbits(48) | 1 << 40  # type: ignore[attr-defined]  # of no machine: the multicast bit
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(_SOURCE.getrandbits(32))


def _urandom(size: int, /) -> bytes:
    """Stand in for `os.urandom`."""
    return _SOURCE.randbytes(size) if _virtual_for(sys._getframe(1).f_globals) else _real_urandom(size)


def _seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    """Stand in for `random.Random.seed`, which asks the system if it is given none."""
    # The caller is `Random.__init__`; its caller is the code that wants a generator.
    if a is None and _virtual_for(sys._getframe(2).f_globals):
        a = _SOURCE.getrandbits(256)
    _real_seed(self, a, version)


def _virtual_for(names: dict[str, Any]) -> bool:
    return get_ident() in _thread and names.get("__name__", "").partition(".")[0] not in _KEEP_REAL


_real_urandom = os.urandom
_real_seed: Callable[..., None] = random.Random.seed
_SOURCE = random.Random(0)
_thread: list[int] = []  # the thread of the run
_seeds: list[object] = []
