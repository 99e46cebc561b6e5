"""The `site` argument of a strategy: its worker's cache, the database, time, randomness and background work."""

import random
from _thread import get_ident
from collections.abc import Callable

from django.core.cache.backends.base import BaseCache

from ..contract import Row, checked_delay, checked_work
from .database import SimulatedDatabase
from .scheduler import Engine
from .virtual import EPOCH_S


class OmniscientCache:
    """The oracle's cache: one load for every committed version, and never an outdated read."""

    def __init__(self, db: SimulatedDatabase) -> None:
        self._db = db
        self._loaded: dict[str, int] = {}

    def get(self, key: str) -> Row | None:
        """Return the row as committed now, or None the first time each version is asked for."""
        row = self._db.committed(key)
        if self._loaded.get(key) == row.version:
            return row
        self._loaded[key] = row.version
        return None


class SimulatedSite:
    """One worker's view of the application; implements `cachewise.sim.contract.Site`."""

    def __init__(
        self,
        engine: Engine,
        cache: BaseCache,
        db: SimulatedDatabase,
        ideal: OmniscientCache,
        spawn: Callable[[Callable[[], object], float], None],
        seed: int,
    ) -> None:
        self.cache = cache
        self.db = db
        self._ideal = ideal
        self._spawn = spawn
        self._engine = engine
        self._seed = seed

    @property
    def ideal(self) -> OmniscientCache:
        """The perfect cache, which cannot exist for real."""
        self._here("ideal")
        return self._ideal

    @property
    def random(self) -> random.Random:
        """The request's own random generator; draws of other requests do not change its numbers."""
        self._here("random")
        task = self._engine.current
        if task.random is None:
            task.random = random.Random(f"{self._seed}/{task.request}")
        return task.random  # type: ignore[no-any-return]

    def time(self) -> float:
        """Return the virtual time as the request sees it, in seconds."""
        self._here("time()")
        return EPOCH_S + self._engine.request_time()

    def sleep(self, seconds: float) -> None:
        """Let *seconds* of virtual time pass."""
        self._here("sleep()")
        self._engine.sleep(checked_delay("site.sleep", seconds))

    def spawn(self, func: Callable[[], object], after_s: float = 0) -> None:
        """Run *func* in the background, *after_s* virtual seconds from now."""
        self._here("spawn()")
        self._spawn(checked_work("site.spawn", func), checked_delay("site.spawn", after_s))

    def _here(self, what: str) -> None:
        if get_ident() != self._engine.thread:
            raise self._engine.astray(f"site.{what}")
