"""The backends: Django's own cache classes, each put a round trip away from the workers."""

from sim.backends.caches import Caches, Limits, cache_params, open_caches, params_of
from sim.backends.embedded import EMBEDDED
from sim.backends.networked import NETWORKED
from sim.backends.own import is_own, own_backend
from sim.backends.places import Backend, Call, Place
from sim.contract import Strategy
from sim.errors import UserError, unknown

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
    "params_of",
    "require_verbs",
]

BACKENDS = {backend.name: backend for backend in (*EMBEDDED, *NETWORKED)}


def require_verbs(backend: Backend, strategy: Strategy) -> None:
    """Make sure that *backend*'s cache has the methods that *strategy* needs beside Django's own.

    Raises:
        UserError: naming the backends that have them.
    """
    missing = backend.lacks(strategy)
    if missing:
        able = ", ".join(name for name, one in BACKENDS.items() if not one.lacks(strategy))
        raise UserError(f"{strategy.name} needs cache.{missing[0]}(), which backend {backend.name!r} lacks; use {able}")


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
