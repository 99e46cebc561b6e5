"""The vocabulary of backends: what one is, where a run's cache lives, and what reached its store."""

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

DJANGO_MAX_ENTRIES: int = BaseCache({})._max_entries  # where OPTIONS say nothing


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

    `entries` counts what is there, where that is not left to the cache objects (`Backend.entries`). A cache table has
    a `database` (an entry of DATABASES), which this process knows as `database_alias`.
    """

    location: str
    entries: Callable[[], float] | None = None
    database_alias: str | None = None
    database: Mapping[str, Any] | None = None
    server: Server | None = None


class Wiring(NamedTuple):
    """How a run's wire comes below a cache class: whose client is wired, and which nested OPTIONS are its own, if any.

    See `cachewise.sim.backends.wire.wired`.
    """

    library: str
    nested: str | None = None


class Open(Protocol):
    """Opens a place on a session of servers, on virtual time or on the real one."""

    def __call__(self, servers: Servers, *, virtual: bool) -> AbstractContextManager[Place]:
        """Give the place for the length of a ``with`` block."""


@dataclass(frozen=True)
class Backend:
    """A cache backend by its short name: all there is to know of it, on virtual time and on the real one.

    `cache_class` is the class or its path; `params` are what Django's CACHES say of it besides BACKEND and LOCATION.
    Where it `has_limits`, MAX_ENTRIES and CULL_FREQUENCY of the scenario are added; elsewhere they mean nothing.
    `auto_max_entries` is the limit where the scenario says "auto" (None: there is none). `culled` carries out a cull
    and says how many live entries that has cost. `refuses` says what is wrong with a key, as the cache
    gets it ("": nothing); with None any key will do.
    `primitives` are the methods of its class that touch the store directly; with a `wire` there are none, as the round
    trips are those of its client. `entries` says how many entries a cache object holds, where its place does not.
    `auto_rtt_s` is a round trip where the scenario says "auto". `verbs` are the methods
    that its class has beside Django's own; `needs` what must be installed. `opaque`
    says that nothing is known of what the primitives call of each other: then it is part of the same round trip.
    `schemes` are those of URLs of a server that is not ours, each with what LOCATION has in its place. `home`
    says where a cache of one's own lives that needs no server. `forget` lets go of what a library
    keeps of a location for good. `in_simulation` changes the class for virtual time.
    """

    name: str
    what: str
    one_store: bool  # False: one store a worker process
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
        """Return the cache class, imported if it has not been yet, for a run on *virtual* time or for any other use."""
        found: type[BaseCache] = (
            import_string(self.cache_class) if isinstance(self.cache_class, str) else self.cache_class
        )
        return self.in_simulation(found) if virtual else found

    def lacks(self, strategy: Strategy | type[Strategy]) -> tuple[str, ...]:
        """Return the methods that *strategy* needs and this backend's cache does not have."""
        needed = (need.partition("cache.")[2] for need in getattr(strategy, "needs", ()) if need.startswith("cache."))
        return tuple(verb for verb in needed if verb not in self.verbs)

    def rtt_s(self, cache_rtt_s: Latency) -> Latency:
        """Return a scenario's `cache_rtt_s`, with "auto" resolved."""
        return self.auto_rtt_s if cache_rtt_s == "auto" else cache_rtt_s

    def limit(self, max_entries: MaxEntries) -> int | None:
        """Return a scenario's `max_entries`, with "auto" resolved."""
        return self.auto_max_entries if max_entries == "auto" else max_entries
