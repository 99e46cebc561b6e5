"""The words of backends: a backend, the place of a run's cache, and a call that reached its store."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from ..contract import Strategy
from ..daemons.programs import Needed
from ..daemons.server import Server
from ..daemons.session import Servers
from ..world.latency import Latency
from ..world.scenario import MaxEntries
from .culls import Removed, unknown

DJANGO_MAX_ENTRIES: int = BaseCache({})._max_entries  # Django's default


class Call(NamedTuple):
    """One round trip to a cache's store; `at_s` is when it took effect.

    On the embedded backends it is a call of a cache method, with its `result` (which may be the exception it raised).
    On a server `method` is the command that was sent, in lower case, with its arguments as text and no result.
    """

    at_s: float
    worker: int
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any


@dataclass(frozen=True)
class Place:
    """Where a run's cache lives: its LOCATION in Django's CACHES.

    `entries` counts the stored entries, if the cache objects do not (`Backend.entries`). A cache table has a `database`
    (an entry of DATABASES), with the alias `database_alias` in this process.
    """

    location: str
    entries: Callable[[], float] | None = None
    database_alias: str | None = None
    database: Mapping[str, Any] | None = None
    server: Server | None = None


class Wiring(NamedTuple):
    """How a run's wire is put below a cache class: the client library, and the nested OPTIONS for it, if any.

    See `cachewise.sim.backends.wire.wired`.
    """

    library: str
    nested: str | None = None


class Open(Protocol):
    """Opens a place on a session's servers, in virtual or real time."""

    def __call__(self, servers: Servers, *, virtual: bool) -> AbstractContextManager[Place]:
        """Give the place for the length of a ``with`` block."""


@dataclass(frozen=True)
class Backend:
    """A cache backend by its short name: everything about it, for virtual and for real time.

    `cache_class` is the class or its path; `params` are what Django's CACHES say of it besides BACKEND and LOCATION. If
    it `has_limits`, the scenario's MAX_ENTRIES and CULL_FREQUENCY are added; other backends have no such limits.
    `auto_max_entries` is the limit if the scenario says "auto" (None: no limit). `culled` carries out a cull and
    returns how many live entries it removed. `refuses` returns why the cache refuses a key ("": it accepts it); if
    `refuses` is None, all keys are accepted. `primitives` are the methods of its class that touch the store directly;
    with a `wire` there are none, because the client's commands are the round trips. `entries` returns how many entries
    a cache object holds, if its place does not. `auto_rtt_s` is a round trip if the scenario says "auto". `verbs` are
    the extra methods of its class; `needs` is what must be installed. `opaque` says that it is unknown which primitives
    call each other; then inner calls are part of the same round trip. `schemes` are the URL schemes of a foreign
    server, each with the scheme for LOCATION. `home` says where a user's cache without a server is. `forget` drops data
    that a library would keep for ever for a location. `in_simulation` changes the class for virtual time.
    """

    name: str
    what: str
    one_store: bool  # False: one store for each worker process
    primitives: tuple[str, ...]
    open: Open
    cache_class: type[BaseCache] | str
    params: Mapping[str, Any] = field(default_factory=dict)
    has_limits: bool = True
    auto_max_entries: int | None = None
    culled: Removed = unknown
    refuses: Callable[[str], str] | None = None
    wire: Wiring | None = None
    entries: Callable[[Any], int] = lambda _cache: 0
    auto_rtt_s: Latency = 0
    verbs: tuple[str, ...] = ()
    needs: tuple[Needed, ...] = ()
    opaque: bool = False
    schemes: Mapping[str, str] = field(default_factory=dict)
    home: str = ""
    forget: Callable[[str], None] = lambda _location: None
    in_simulation: Callable[[type[BaseCache]], type[BaseCache]] = lambda cls: cls

    def load(self, *, virtual: bool = False) -> type[BaseCache]:
        """Import and return the cache class, for a run in *virtual* time or for any other use."""
        found: type[BaseCache] = (
            import_string(self.cache_class) if isinstance(self.cache_class, str) else self.cache_class
        )
        return self.in_simulation(found) if virtual else found

    def lacks(self, strategy: Strategy | type[Strategy]) -> tuple[str, ...]:
        """Return the methods that *strategy* needs but this backend's cache does not have."""
        needed = (need.partition("cache.")[2] for need in getattr(strategy, "needs", ()) if need.startswith("cache."))
        return tuple(verb for verb in needed if verb not in self.verbs)

    def rtt_s(self, cache_rtt_s: Latency) -> Latency:
        """Return a scenario's `cache_rtt_s`, with "auto" resolved."""
        return self.auto_rtt_s if cache_rtt_s == "auto" else cache_rtt_s

    def limit(self, max_entries: MaxEntries) -> int | None:
        """Return a scenario's `max_entries`, with "auto" resolved."""
        return self.auto_max_entries if max_entries == "auto" else max_entries
