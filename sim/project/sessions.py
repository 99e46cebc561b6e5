"""Sessions in the database: they are state, not copies, as sessions in a cache are.

An evaluation of a read uses the session that the read found, also on a state from before that session existed.
Otherwise the user would be logged out there, and an outdated page would look as if it had never been true.
"""

import pickle
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any

from .watch import Watch

KEPT = "sessions in the database"  # used in place of a cache's alias
_Load = Callable[[Any, Callable[[Any], dict[str, Any]]], dict[str, Any]]


def tell(watch: Watch, serves: Callable[[], bool]) -> None:
    """Tell *watch* of each session that a request loads; *serves* says whether a request is running."""

    def load(store: Any, real: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        key = store.session_key
        found = real(store)
        if key is not None and serves():
            watch.store_read(KEPT, key, None if store.session_key is None else pickle.dumps(found))
        return found

    _replace(load)


def hand_in(values: Mapping[tuple[str, str], bytes | None]) -> None:
    """From now on use the sessions in *values*; others are loaded as usual."""

    def load(store: Any, real: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        key = (KEPT, store.session_key)
        if key not in values:
            return real(store)
        value = values[key]
        if value is None:
            store._session_key = None  # as Django does for a missing session
            return {}
        found: dict[str, Any] = pickle.loads(value)
        return found

    _replace(load)


def _replace(load: _Load) -> None:
    """If sessions are in the database, load them with *load*, which gets Django's own method."""
    from django.conf import settings

    kind: Any = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(kind, "model"):
        return
    real = getattr(kind.load, "__wrapped__", kind.load)

    @wraps(real)
    def loading(self: Any) -> dict[str, Any]:
        return load(self, real)

    kind.load = loading
