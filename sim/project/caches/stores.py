"""Stores: what is kept in a cache and nowhere else (sessions, carts, counters), in contrast to copies."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from math import inf
from typing import Any, NamedTuple

from .births import GRACE_S, Place
from .patterns import Matching

StoreValues = Mapping[tuple[str, str], bytes | None]  # by alias and the key as it is stored; None: it was not there


class Sessions(NamedTuple):
    """Where a project's sessions are cached: under which alias, and what their keys begin with.

    `here_alone` is False with `cached_db`: there a session is in the database, too.
    """

    alias: str
    prefix: str
    here_alone: bool


def sessions_of_project() -> Sessions | None:
    """Return where the project's sessions are cached, if they are."""
    from django.conf import settings

    return sessions_of(settings.SESSION_ENGINE, settings.SESSION_CACHE_ALIAS)


def sessions_of(engine: str, alias: str) -> Sessions | None:
    """Return where sessions are cached with these settings, if they are."""
    kind: Any = import_module(engine).SessionStore
    prefix = getattr(kind, "cache_key_prefix", None)
    return None if prefix is None else Sessions(alias, str(prefix), not hasattr(kind, "model"))


class Stores:
    """Which keys are stores, and how many live ones were lost."""

    def __init__(
        self,
        patterns: Iterable[str],
        sessions: Sessions | None,
        now: Callable[[], float],
        lost: Callable[[int], None],
    ) -> None:
        self._named = Matching(patterns)
        self._sessions = sessions
        self._now = now
        self._live: dict[Place, float] = {}  # and its end
        self._lost = lost

    def holds(self, alias: str, key: str) -> bool:
        """Return whether *key* (as the project names it) of the cache *alias* is a store."""
        return self._is_session(alias, key) or self._named(key)

    def _is_session(self, alias: str, key: str) -> bool:
        sessions = self._sessions
        return sessions is not None and alias == sessions.alias and key.startswith(sessions.prefix)

    def stored(self, place: Place, alias: str, key: str, timeout: float | None) -> None:
        """Hear that a store was written."""
        if self._sessions is None or self._sessions.here_alone or not self._is_session(alias, key):
            self._live[place] = inf if timeout is None else self._now() + timeout

    def ended(self, place: Place) -> None:
        """Hear that the project deleted a store, as it should be."""
        self._live.pop(place, None)

    def cleared(self, store: Any, goes: Callable[[str], bool] = lambda _key: True) -> None:
        """Hear that everything is gone from *store*, or all whose key *goes*: what lived there is lost."""
        now_s = self._now()
        gone = [place for place in self._live if place[0] == store and goes(place[1])]
        ends = [self._live.pop(place) for place in gone]
        self._lose(sum(end_s > now_s for end_s in ends))

    def missed(self, place: Place) -> None:
        """Hear that a store was looked for in vain: if it should live, it was evicted."""
        live = self._live.pop(place, None)
        if live is not None and live > self._now() + GRACE_S:
            self._lose(1)

    def _lose(self, count: int) -> None:
        if count:
            self._lost(count)
