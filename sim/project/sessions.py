"""Sessions in the database: no copies but state, as those in a cache are.

What a read found of its session is what its evaluations find, also on a state from before that session was made: there
everybody would be logged out, and an outdated page would be none that ever was true.
"""

import pickle
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any

from .watch import Watch

KEPT = "sessions in the database"  # stands where stores of a cache have its alias
_Load = Callable[[Any, Callable[[Any], dict[str, Any]]], dict[str, Any]]


def tell(watch: Watch, serves: Callable[[], bool]) -> None:
    """Let *watch* hear of each session that a request loads; *serves* says whether it is one that asks."""

    def load(store: Any, real: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        key = store.session_key
        found = real(store)
        if key is not None and serves():
            watch.store_read(KEPT, key, None if store.session_key is None else pickle.dumps(found))
        return found

    _replace(load)


def hand_in(values: Mapping[tuple[str, str], bytes | None]) -> None:
    """From now on let sessions be what *values* say; one that is not among them is looked for."""

    def load(store: Any, real: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        key = (KEPT, store.session_key)
        if key not in values:
            return real(store)
        value = values[key]
        if value is None:
            store._session_key = None  # as Django has it for one that is not there
            return {}
        found: dict[str, Any] = pickle.loads(value)
        return found

    _replace(load)


def _replace(load: _Load) -> None:
    """Let the project's sessions be loaded by *load*, which gets Django's own way, if they are in the database."""
    from django.conf import settings

    kind: Any = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(kind, "model"):
        return
    real = getattr(kind.load, "__wrapped__", kind.load)

    @wraps(real)
    def loading(self: Any) -> dict[str, Any]:
        return load(self, real)

    kind.load = loading
