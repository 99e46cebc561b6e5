"""The backends: Django's own cache classes, each put a round trip away from the workers."""

from sim.backends.caches import Caches, Limits, cache_params, open_caches
from sim.backends.embedded import EMBEDDED
from sim.backends.networked import NETWORKED
from sim.backends.own import is_own, own_backend
from sim.backends.places import Backend, Call, Place
from sim.errors import unknown

__all__ = [
    "BACKENDS",
    "Backend",
    "Caches",
    "Call",
    "Limits",
    "Place",
    "backend_named",
    "cache_params",
    "open_caches",
]

BACKENDS = {backend.name: backend for backend in (*EMBEDDED, *NETWORKED)}


def backend_named(name: str) -> Backend:
    """Return the backend called *name*, or the one that a CACHES entry describes (see `sim.backends.own.is_own`).

    Raises:
        UserError: naming the nearest backend there is.
    """
    if is_own(name):
        return own_backend(name)
    if name not in BACKENDS:
        raise unknown("backend", name, BACKENDS)
    return BACKENDS[name]
