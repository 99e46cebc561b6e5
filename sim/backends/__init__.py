"""The backends: Django's own cache classes, each one round trip away from the workers."""

from ..contract import Strategy
from ..declared import strategy_name
from ..errors import UserError, unknown
from .caches import Caches, Limits, open_caches, params_of
from .embedded import EMBEDDED
from .entries import is_own
from .keys import RefusedKeyError, refusals_in_a_line, require_keys
from .networked import NETWORKED
from .own import own_backend
from .places import Backend, Call, Place

__all__ = [
    "BACKENDS",
    "Backend",
    "Caches",
    "Call",
    "Limits",
    "Place",
    "RefusedKeyError",
    "able",
    "backend_named",
    "open_caches",
    "params_of",
    "refusals_in_a_line",
    "require_keys",
    "require_verbs",
    "short_name_of",
]

BACKENDS = {backend.name: backend for backend in (*EMBEDDED, *NETWORKED)}


def require_verbs(backend: Backend, strategy: Strategy) -> None:
    """Make sure that *backend*'s cache has the extra methods that *strategy* needs.

    Raises:
        UserError: with the names of backends that have them.
    """
    missing = backend.lacks(strategy)
    if missing:
        has = able(strategy)
        hint = f"use --backend {has[0]} (in Python: backend={has[0]!r})" if has else "no backend has it"
        raise UserError(
            f"{strategy_name(strategy)} needs cache.{missing[0]}(), which backend {backend.name!r} lacks; {hint}"
        )


def able(strategy: Strategy | type[Strategy]) -> list[str]:
    """Return the names of the backends whose caches have all that *strategy* needs."""
    return [name for name, one in BACKENDS.items() if not one.lacks(strategy)]


def short_name_of(cache_class: str) -> str:
    """Return the short name of the backend with the class at this dotted path, or else the class's own name.

    `locmem` and `shared` have the same class: a project's own LocMemCache is `locmem`.
    """
    for name, one in BACKENDS.items():
        known = one.cache_class
        path = known if isinstance(known, str) else f"{known.__module__}.{known.__qualname__}"
        if path == cache_class and name != "shared":
            return name
    return cache_class.rpartition(".")[2]


def backend_named(name: str) -> Backend:
    """Return the backend called *name*, or the one that a CACHES entry describes (see `entries.is_own`).

    Raises:
        UserError: with the name of the nearest backend.
    """
    if is_own(name):
        return own_backend(name)
    if name not in BACKENDS:
        raise unknown("backend", name, BACKENDS)
    return BACKENDS[name]
