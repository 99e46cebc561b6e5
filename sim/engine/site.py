"""The site a strategy is handed: the cache of the request's worker, the database, time, chance and background work."""

import random
from collections.abc import Callable

from django.core.cache.backends.base import BaseCache

from ..contract import Row
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
        spawn: Callable[[Callable[[], object]], None],
        seed: int,
    ) -> None:
        self.cache = cache
        self.db = db
        self.ideal = ideal
        self.spawn = spawn
        self._engine = engine
        self._seed = seed

    @property
    def random(self) -> random.Random:
        """The request's own generator: what other requests draw does not shift it."""
        task = self._engine.current
        if task.random is None:
            task.random = random.Random(f"{self._seed}/{task.request}")
        return task.random  # type: ignore[no-any-return]

    def time(self) -> float:
        """Return the virtual time as the request sees it, in seconds."""
        return EPOCH_S + self._engine.time() + self._engine.current.debt_s
