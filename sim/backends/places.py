"""The vocabulary of backends: what one is, where a run's cache lives, and what reached its store."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from django.core.cache.backends.base import BaseCache

from sim.contract import Strategy
from sim.daemons.programs import Needed
from sim.daemons.server import Server
from sim.daemons.session import Servers
from sim.latency import Latency


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
    """Where a run's cache lives: how to make a worker's cache object, and how many entries one holds.

    `params` are what Django's CACHES say besides BACKEND and LOCATION. Where `has_limits`, MAX_ENTRIES and
    CULL_FREQUENCY of the scenario are added; elsewhere they mean nothing.
    """

    cache_class: type[BaseCache]
    location: str
    entries: Callable[[BaseCache], int]
    params: Mapping[str, Any] = field(default_factory=dict)
    has_limits: bool = True
    database_alias: str | None = None
    server: Server | None = None


class Open(Protocol):
    """Opens a place on a session of servers, on virtual time or on the real one."""

    def __call__(self, servers: Servers, *, virtual: bool) -> AbstractContextManager[Place]:
        """Give the place for the length of a ``with`` block."""


@dataclass(frozen=True)
class Backend:
    """A cache backend by its short name.

    `primitives` are the methods of its class that touch the store directly; on a server there are none, as the round
    trips are those of its client. `auto_rtt_s` is a round trip where the scenario says "auto". `verbs` are the methods
    that its class has beside Django's own; `needs` what must be installed. `opaque`
    says that nothing is known of what the primitives call of each other: then it is part of the same round trip. `home`
    says where a cache of one's own lives that needs no server.
    """

    name: str
    what: str
    one_store: bool  # False: one store a worker process
    primitives: tuple[str, ...]
    open: Open
    auto_rtt_s: Latency = 0
    verbs: tuple[str, ...] = ()
    needs: tuple[Needed, ...] = ()
    opaque: bool = False
    home: str = ""

    def lacks(self, strategy: Strategy | type[Strategy]) -> tuple[str, ...]:
        """Return the methods that *strategy* needs and this backend's cache does not have."""
        return tuple(verb for verb in getattr(strategy, "needs", ()) if verb not in self.verbs)

    def rtt_s(self, cache_rtt_s: Latency) -> Latency:
        """Return a scenario's `cache_rtt_s`, with "auto" resolved."""
        return self.auto_rtt_s if cache_rtt_s == "auto" else cache_rtt_s
