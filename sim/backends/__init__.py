"""The backends: Django's own cache classes, each put a round trip away from the workers."""

from sim.backends.caches import Caches, Limits, cache_params, open_caches
from sim.backends.embedded import EMBEDDED
from sim.backends.networked import NETWORKED
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
    """Return the backend called *name*.

    Raises:
        UserError: naming the nearest backend there is.
    """
    if name not in BACKENDS:
        raise unknown("backend", name, BACKENDS)
    return BACKENDS[name]
