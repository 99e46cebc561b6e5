"""What a strategy may use: the site it is handed, the rows it reads, and what it declares about itself.

A strategy is a frozen dataclass of parameters with two methods of ordinary, synchronous Django code. It keeps no
state: what it remembers lives in the cache. Chance is `site.random`. Time is `site.time()`, and within a request
`time.time()`, `time.monotonic()`, `time.sleep()` and Django's `timezone.now()` keep the same time.
"""

import inspect
import random
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FunctionType
from typing import Any, Literal, NamedTuple, Protocol

from django.core.cache.backends.base import BaseCache


class Row(NamedTuple):
    """One immutable state of a key in the database: `version` is 0 before the first write."""

    key: str
    version: int
    payload: bytes


# A pickle names its class. In a cache it is this public name, wherever this file lies, for the form that rows have now.
# Real caches count bytes: with a name of another length a Memcached would keep other entries, and refuse others.
Row_v1 = Row
Row.__module__, Row.__qualname__ = "cachewise", "Row_v1"
# There from the start: pickling would call the public face for it, and turn a Ctrl-C in that call into a PicklingError.
vars(sys.modules[Row.__module__])[Row.__qualname__] = Row


class RollbackError(Exception):
    """A write request fails where its transaction would commit, for `Scenario.rollback_ratio` has chosen it.

    It stands for what goes wrong late in a request: a check after the statements, a constraint that is deferred. It is
    raised at the end of the outermost `atomic`, or by a write outside of one, and the database is rolled back; what a
    strategy did to the cache stays. Left alone, or raised again, it fails the request, and the site goes on.
    """

    @classmethod
    def ended(cls, error: BaseException | None) -> bool:
        """Return whether *error* is one, or was raised from one or while one was handled, as Django's own code does.

        Any other error is a mistake of the strategy.
        """
        while error is not None and not isinstance(error, cls):
            error = error.__cause__ or error.__context__
        return error is not None


class Database(Protocol):
    """The source of truth, as a request sees it. Every call waits in virtual time."""

    def read(self, key: str) -> Row:
        """Return the row as of the query's snapshot (or as this transaction wrote it)."""

    def write(self, key: str) -> Row:
        """Lock the row until commit or rollback and give it its next version; outside `atomic` commit at once."""

    def version(self, key: str) -> int:
        """Return only the row's version: a query too, but not a full load."""

    def atomic(self, savepoint: bool = True, durable: bool = False) -> AbstractContextManager[None]:
        """Open a transaction, or a savepoint inside one; an exception rolls it back. As Django's.

        The end of the outermost one raises `RollbackError` where the request is to be rolled back instead of committed:
        once a request, so that whoever catches it and tries again gets through.
        """

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Call *func* after the commit, at once outside `atomic`, never after a rollback."""


class IdealCache(Protocol):
    """A cache that cannot exist: free, and aware of every commit. Only bounds use it, and name it in their `needs`."""

    def get(self, key: str) -> Row | None:
        """Return the row as committed now, or None the first time each version is asked for."""


class Site(Protocol):
    """The application around a request: its cache, its database, its clock, its chance, its background work."""

    @property
    def cache(self) -> BaseCache:
        """The worker's cache, a real Django cache object; `caches["default"]` is the same one.

        Any other alias is the project's own cache, reached without a round trip, at the virtual time: leave it alone.
        """

    @property
    def db(self) -> Database:
        """The database."""

    @property
    def ideal(self) -> IdealCache:
        """The cache that cannot exist."""

    @property
    def random(self) -> random.Random:
        """A generator of this request's own, seeded by the run's seed and the request."""

    def time(self) -> float:
        """Return the virtual time in seconds, as `time.time()` would."""

    def sleep(self, seconds: float) -> None:
        """Let *seconds* pass, 0 or more: virtual ones in a simulation, as for `time.sleep` in a request's code."""

    def spawn(self, func: Callable[[], object], after_s: float = 0) -> None:
        """Run *func* in the background of this worker, *after_s* seconds from now; the request does not wait for it.

        A thread of one's own will not do: no virtual time passes there, and the run ends if it uses the site.
        """


def checked_delay(what: str, seconds: float) -> float:
    """Return *seconds* if they can be waited for.

    Raises:
        ValueError: if they are below 0, or endless.
        TypeError: if they are no number.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{what}: {seconds!r:.40} must be seconds, 0 or more")
    if not 0 <= seconds <= LONGEST_DELAY_S:
        raise ValueError(f"{what}: {seconds!r:.40} must be seconds, 0 to {LONGEST_DELAY_S:g}")
    return seconds


LONGEST_DELAY_S = 1e9  # 30 years


def child_number(request: int, nth: int) -> int:
    """Return the number of a request's *nth* background work; no other request has it, of whatever generation."""
    return (request * 1_000_003 + nth + (1 << 62)) % _NUMBERS


_NUMBERS = 2**127 - 1  # a prime: so many numbers are enough


def checked_work(what: str, func: Callable[[], object]) -> Callable[[], object]:
    """Return *func* if it can be called without arguments; of a callable that hides what it takes, believe so.

    Raises:
        TypeError: if it cannot.
    """
    if isinstance(func, FunctionType) and not func.__code__.co_argcount and not func.__code__.co_kwonlyargcount:
        return func  # nearly always; asking for a signature takes as long as a request
    if not callable(func):
        raise TypeError(f"{what}: {func!r:.60} must be a function without arguments")
    of_cache = isinstance(getattr(func, "__self__", None), BaseCache)  # whose methods wait before they do anything
    try:
        signature = inspect.signature(func, follow_wrapped=of_cache)
    except (TypeError, ValueError):
        return func
    try:
        signature.bind()
    except TypeError as error:
        name = getattr(func, "__qualname__", type(func).__name__)
        raise TypeError(f"{what}: {name} must be a function without arguments: {error}") from None
    return func


class Costs(NamedTuple):
    """Cache round trips (single calls to the backend) a strategy declares; tests count them."""

    on_hit: int
    added_by_miss: int
    on_write: int


Bound = Literal["never", "timeout", "none"]
"""How old an outdated read can get: ``never`` outdated, at most ``timeout`` plus the load, or no limit.

``never`` also says that no row is served that is not committed.
"""


class Strategy(Protocol):
    """A cache-invalidation strategy.

    It may declare more, and what it does not declare is not claimed: `name` (a text; else its class gives one), `costs`
    (`Costs`), and `stale_at_most` (`Bound`). `cachewise.sim.declared` asks for them.

    One that uses what not every site has names it in `needs`, a tuple, as it stands behind ``site.``: methods that not
    every cache has (``"cache.delete_pattern"``), and ``"ideal"``, which no real site has. It runs only where all are.
    """

    def read(self, site: Site, key: str) -> Row:
        """Return the row for *key*, from the cache or the database."""

    def write(self, site: Site, key: str) -> Any:
        """Change the row for *key* and invalidate what is cached."""
