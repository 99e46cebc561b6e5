"""Stores: data that exists only in a cache (sessions, carts, counters), in contrast to copies of rows."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from math import inf
from typing import Any, NamedTuple

from .births import GRACE_S, Place
from .patterns import Matching

StoreValues = Mapping[tuple[str, str], bytes | None]  # by alias and stored key; None: there was no value


class Sessions(NamedTuple):
    """Where a project's sessions are cached: the alias, and the prefix of their keys.

    `here_alone` is False with `cached_db`, where a session is in the database, too.
    """

    alias: str
    prefix: str
    here_alone: bool


def sessions_of_project() -> Sessions | None:
    """Return where the project's sessions are cached, or None."""
    from django.conf import settings

    return sessions_of(settings.SESSION_ENGINE, settings.SESSION_CACHE_ALIAS)


def sessions_of(engine: str, alias: str) -> Sessions | None:
    """Return where sessions are cached with these settings, or None."""
    kind: Any = import_module(engine).SessionStore
    prefix = getattr(kind, "cache_key_prefix", None)
    return None if prefix is None else Sessions(alias, str(prefix), not hasattr(kind, "model"))


class Stores:
    """Knows which keys are stores, and counts live stores that were lost."""

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
        self._live: dict[Place, float] = {}  # a live store, and its end
        self._lost = lost

    def holds(self, alias: str, key: str) -> bool:
        """Return whether *key* (as the project names it) of the cache *alias* is a store."""
        return self._is_session(alias, key) or self._named(key)

    def _is_session(self, alias: str, key: str) -> bool:
        sessions = self._sessions
        return sessions is not None and alias == sessions.alias and key.startswith(sessions.prefix)

    def stored(self, place: Place, alias: str, key: str, timeout: float | None) -> None:
        """Record that a store was written."""
        if self._sessions is None or self._sessions.here_alone or not self._is_session(alias, key):
            self._live[place] = inf if timeout is None else self._now() + timeout

    def ended(self, place: Place) -> None:
        """Record that the project deleted a store on purpose."""
        self._live.pop(place, None)

    def cleared(self, store: Any, goes: Callable[[str], bool] = lambda _key: True) -> None:
        """Record that *store* was cleared, or all keys for which *goes* returns True: live stores there are lost."""
        now_s = self._now()
        gone = [place for place in self._live if place[0] == store and goes(place[1])]
        ends = [self._live.pop(place) for place in gone]
        self._lose(sum(end_s > now_s for end_s in ends))

    def missed(self, place: Place) -> None:
        """Record that a store was not found: if it should still live, it was evicted."""
        live = self._live.pop(place, None)
        if live is not None and live > self._now() + GRACE_S:
            self._lose(1)

    def _lose(self, count: int) -> None:
        if count:
            self._lost(count)
