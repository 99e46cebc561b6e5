"""What a strategy may use: the site it is handed, the rows it reads, and what it declares about itself.

A strategy is a frozen dataclass of parameters with two methods of ordinary, synchronous Django code. It keeps no state
of its own: everything it remembers lives in the cache. Random numbers come from `site.random`, the time from
`site.time()`. Within a request, `time.time()`, `time.monotonic()`, `time.sleep()` and Django's `timezone.now()` go by
the same time.
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


# A pickle contains the name of its class. Pickled rows use this public name, which does not depend on where this file
# lies; "v1" stands for the present layout of rows. Real caches count bytes: with a name of another length, Memcached
# would keep and refuse other entries.
Row_v1 = Row
Row.__module__, Row.__qualname__ = "cachewise", "Row_v1"
# The name is set here, not on first use: pickle would import it through the public face, and a Ctrl-C during that
# import would become a PicklingError.
vars(sys.modules[Row.__module__])[Row.__qualname__] = Row


class RollbackError(Exception):
    """Raised where a write's transaction would commit, in the requests that `Scenario.rollback_ratio` selects.

    It stands for an error late in a request, such as a deferred constraint or a check after the last statement. It is
    raised at the end of the outermost `atomic`, or by a write outside of one. The database is rolled back; changes to
    the cache stay. If the strategy does not catch it, or raises it again, the request fails and the site goes on.
    """

    @classmethod
    def ended(cls, error: BaseException | None) -> bool:
        """Return whether *error* is a `RollbackError`, or was raised from one or while one was being handled.

        Django's own code raises such errors. Any other error is a mistake of the strategy.
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
        """Return only the row's version. This is a query too, but not a full load."""

    def atomic(self, savepoint: bool = True, durable: bool = False) -> AbstractContextManager[None]:
        """Open a transaction, or a savepoint inside one, as Django's `atomic` does; an exception rolls it back.

        If the request was selected to be rolled back, the end of the outermost transaction raises `RollbackError`. It
        does so once per request: code that catches the error and tries again succeeds.
        """

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Call *func* after the commit; outside `atomic`, at once. After a rollback it is never called."""


class IdealCache(Protocol):
    """A cache that cannot exist: it costs nothing and knows every commit.

    Only strategies that show a theoretical limit use it, such as `oracle`; they name it in their `needs`.
    """

    def get(self, key: str) -> Row | None:
        """Return the row as committed now, or None the first time each version is asked for."""


class Site(Protocol):
    """The application around a request: its cache, database, clock, random numbers and background work."""

    @property
    def cache(self) -> BaseCache:
        """The worker's cache, a real Django cache object; `caches["default"]` is the same one.

        Any other alias is the project's own cache, reached without a round trip, at the virtual time: do not use it.
        """

    @property
    def db(self) -> Database:
        """The database."""

    @property
    def ideal(self) -> IdealCache:
        """The ideal cache, which no real site has."""

    @property
    def random(self) -> random.Random:
        """This request's own generator of random numbers, seeded by the run's seed and the request."""

    def time(self) -> float:
        """Return the virtual time in seconds, as `time.time()` would."""

    def sleep(self, seconds: float) -> None:
        """Wait *seconds* (0 or more). In a simulation they are virtual, as with `time.sleep` in a request's code."""

    def spawn(self, func: Callable[[], object], after_s: float = 0) -> None:
        """Run *func* in the background of this worker, *after_s* seconds from now; the request does not wait for it.

        Do not start a thread instead: no virtual time passes in it, and the run ends if it uses the site.
        """


def checked_delay(what: str, seconds: float) -> float:
    """Return *seconds* if it is a valid delay; *what* names it in messages.

    Raises:
        ValueError: if it is below 0 or above `LONGEST_DELAY_S`.
        TypeError: if it is not a number.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{what}: {seconds!r:.40} must be seconds, 0 or more")
    if not 0 <= seconds <= LONGEST_DELAY_S:
        raise ValueError(f"{what}: {seconds!r:.40} must be seconds, 0 to {LONGEST_DELAY_S:g}")
    return seconds


LONGEST_DELAY_S = 1e9  # 30 years


def child_number(request: int, nth: int) -> int:
    """Return the number of a request's *nth* background work; no other request or background work has the same."""
    return (request * 1_000_003 + nth + (1 << 62)) % _NUMBERS


_NUMBERS = 2**127 - 1  # a prime, and large enough


def checked_work(what: str, func: Callable[[], object]) -> Callable[[], object]:
    """Return *func* if it can be called without arguments; *what* names it in messages.

    A callable whose signature cannot be read is accepted.

    Raises:
        TypeError: if it needs arguments.
    """
    if isinstance(func, FunctionType) and not func.__code__.co_argcount and not func.__code__.co_kwonlyargcount:
        return func  # nearly always; reading a signature would take as long as a request
    if not callable(func):
        raise TypeError(f"{what}: {func!r:.60} must be a function without arguments")
    of_cache = isinstance(getattr(func, "__self__", None), BaseCache)  # its methods are wrapped: they wait first
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
    """The cache round trips (single calls to the backend) that a strategy declares; tests count them."""

    on_hit: int
    added_by_miss: int
    on_write: int


Bound = Literal["never", "timeout", "none"]
"""How old an outdated read can get: ``never`` outdated, at most ``timeout`` plus the load, or no limit.

``never`` also says that no uncommitted row is served.
"""


class Strategy(Protocol):
    """A cache-invalidation strategy.

    It may also declare `name` (text; by default one is made from the class's name), `costs` (`Costs`) and
    `stale_at_most` (`Bound`). Reports claim nothing that is not declared. `cachewise.sim.declared` reads these.

    A strategy that uses something that not every site has names it in `needs`, a tuple of texts without ``site.``:
    methods that only some caches have (``"cache.delete_pattern"``), or ``"ideal"``, which no real site has. It runs
    only on backends that have all of them.
    """

    def read(self, site: Site, key: str) -> Row:
        """Return the row for *key*, from the cache or the database."""

    def write(self, site: Site, key: str) -> Any:
        """Change the row for *key* and invalidate what is cached."""
