"""The site of a real run: what a plain Django project needs to run a strategy unchanged."""

import random
import threading
import time
from collections.abc import Callable
from contextvars import Context

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.db import connections

from ..contract import IdealCache, checked_delay, checked_work
from ..errors import ForbiddenError
from .database import DjangoDatabase
from .ledger import Ledger, Request


class DjangoSite:
    """The application around a thread's request; implements `cachewise.sim.contract.Site`."""

    def __init__(self, db: DjangoDatabase, ledger: Ledger, seed: int) -> None:
        self.db = db
        self._ledger = ledger
        self._seed = seed
        self._background: list[threading.Thread] = []

    @property
    def cache(self) -> BaseCache:
        """Django's default cache, as this thread sees it."""
        return caches["default"]

    @property
    def ideal(self) -> IdealCache:
        """Refuse: no real site has an ideal cache.

        Raises:
            ForbiddenError: always.
        """
        raise ForbiddenError(
            "site.ideal is in the simulation only: no real cache knows every commit at once; "
            'a strategy that uses it says so with needs = ("ideal",)'
        )

    @property
    def random(self) -> random.Random:
        """The request's own random generator; it gives the same numbers as in the simulation."""
        request = self._ledger.request
        if request.chance is None:
            request.chance = random.Random(f"{self._seed}/{request.number}")
        return request.chance

    def time(self) -> float:
        """Return the real time in seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep *seconds* of real time."""
        time.sleep(checked_delay("site.sleep", seconds))

    def spawn(self, func: Callable[[], object], after_s: float = 0) -> None:
        """Run *func* in a background thread, *after_s* seconds from now; the request does not wait for it."""
        request = self._ledger.request.child()
        due_s = self._ledger.now() + checked_delay("site.spawn", after_s)
        work = (self._in_background, request, checked_work("site.spawn", func), due_s)
        thread = threading.Thread(target=Context().run, args=work, daemon=True)
        thread.start()
        self._background.append(thread)

    def drain(self) -> None:
        """Wait for all background work to end, also for work that it has spawned itself."""
        while self._background:
            self._background.pop().join()

    def _in_background(self, request: Request, func: Callable[[], object], due_s: float) -> None:
        self._ledger.request = request
        time.sleep(max(0.0, due_s - self._ledger.now()))
        try:
            func()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it fails alone, as on a site, and is counted
            self._ledger.failed(request, error)
        finally:
            connections.close_all()
            self._ledger.finish(request)
