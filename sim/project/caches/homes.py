"""The private places of a project's caches in one run, and their cache objects."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from random import Random
from typing import Any

from django.core.cache.backends.base import BaseCache

from ...backends import backend_named
from ...backends.caches import private_cache
from ...backends.database import another_table
from ...backends.places import Place
from ...backends.simulated import simulated
from ...backends.wire import Wire, wire_to, wired
from ...daemons.programs import require_all
from ...daemons.session import Servers
from ...daemons.session import servers as private_servers
from ...engine.scheduler import Engine
from ...engine.virtual import CurrentRun
from ...world.latency import Latency, LatencyOf, latency_of
from ...world.seeds import streams
from .blank import blank_class
from .desk import Desk
from .direct import DIRECT, Home, RunsHome, cacheops_off, plain_home
from .kinds import Address, Kind
from .watched import watched


class ProjectWire(Wire):
    """A run's way to a server whose clock shows the project's own time."""

    tells_instants = True


class Homes:
    """The private places of a run's caches: each home is opened once, for one or more aliases."""

    def __init__(
        self, stack: ExitStack, servers: Servers, engine: Engine, seed: int, rtt_s: Latency, start_s: float
    ) -> None:
        self._stack, self._servers, self._engine = stack, servers, engine
        self._seed, self._spec, self._start_s = seed, rtt_s, start_s
        self._places: dict[tuple[Any, ...], Place] = {}
        self._databases: dict[Address, int] = {}  # of the one private Redis
        self._redis: Place | None = None
        self._rows: Place | None = None
        self._first_taken: set[str] = set()
        self._in_memory: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._told: list[str] = []  # the notes

    def current(self) -> CurrentRun:
        """Return the run for Django's cache modules: its time, and the database with the cache tables."""
        alias = None if self._rows is None else self._rows.database_alias
        return CurrentRun(self._engine, Random(f"{self._seed}/culling"), alias, self._engine, self._start_s)

    def connections(self) -> dict[str, Any]:
        """Return the connections to cache tables, by alias. All share them, because no request waits within a call."""
        if self._rows is None:
            return {}
        from django.db import connections

        alias = str(self._rows.database_alias)
        connections[alias].inc_thread_sharing()
        return {alias: connections[alias]}

    def welcome_direct_clients(self, desk: Desk, *, blank: bool) -> None:
        """Let direct clients use the private Redis: now if there may be any, otherwise when the first one connects.

        With *blank* caches, cacheops is off.
        """
        if blank:
            self._stack.enter_context(cacheops_off())
        if DIRECT.used or not {"redis", "valkey"}.isdisjoint(sys.modules):
            self._lead_direct_clients(desk)
        else:  # the library may be imported in the middle of a run
            DIRECT.lead_when_asked(lambda: self._lead_direct_clients(desk))
            self._stack.callback(DIRECT.lead_when_asked, None)

    def caches(self, kind: Kind, workers: int, desk: Desk, blank: bool) -> list[BaseCache]:
        """Return *kind*'s cache for each worker: the same object if they share a store."""
        require_all(kind.backend.needs)
        rtt = self._rtt(kind.backend.rtt_s(self._spec))
        place = self._place(kind, rtt)
        move = None if place.server is None or place.server.clock is None else place.server.move
        cls = simulated(kind.cls, kind.backend, self._engine, rtt, None, move)
        params = wired(kind.params, kind.backend.wire, virtual=True)
        number = 1 if kind.backend.one_store else workers
        made = [self._made(kind, cls, place, params, desk, blank, worker) for worker in range(number)]
        return made * (workers // number)

    def _made(
        self, kind: Kind, cls: type, place: Place, params: Mapping[str, Any], desk: Desk, blank: bool, worker: int
    ) -> BaseCache:
        store = (*kind.home, worker)
        here = replace(desk, alias=kind.alias, store=store, under_way={})
        if not blank:
            return self._shared(store, private_cache(watched(cls, here), place.location, params))
        real = self._shared(store, private_cache(cls, place.location, params))
        make: Any = watched(blank_class(cls), here)
        return make(cls, kind.params, lambda key: desk.stores.holds(kind.alias, key), real)  # type: ignore[no-any-return]

    def _shared(self, store: tuple[Any, ...], cache: Any) -> BaseCache:
        """Let in-memory caches with the same home share their entries, as in Django."""
        names = ("_cache", "_expire_info", "_lock")
        if all(name in vars(cache) for name in names):
            shared = self._in_memory.setdefault(store, {name: getattr(cache, name) for name in names})
            vars(cache).update(shared)
        return cache  # type: ignore[no-any-return]

    def _rtt(self, spec: Latency) -> LatencyOf | None:
        """Return the latency of a round trip; before the run begins, it takes no time."""
        drawn = latency_of("cache_rtt_s", spec, streams(self._seed)["cache_rtt_s"])
        serves = self._engine.serves_here
        return None if drawn is None else lambda request, nth: drawn(request, nth) if serves() else 0.0

    def _place(self, kind: Kind, rtt: LatencyOf | None) -> Place:
        if kind.home not in self._places:
            self._places[kind.home] = self._opened(kind, rtt)
        return self._places[kind.home]

    def _opened(self, kind: Kind, rtt: LatencyOf | None) -> Place:
        if kind.server == "redis":
            return self._in_redis(kind.address or ("", 0, len(self._databases)), rtt)
        if kind.keeps_rows:
            return self._table(kind)
        place = self._stack.enter_context(kind.backend.open(self._session(kind.server), virtual=True))
        self._begin(place, rtt)
        return place

    def _in_redis(self, address: Address, rtt: LatencyOf | None) -> Place:
        """Return the database of the private Redis for *address*."""
        if self._redis is None:
            server = self._stack.enter_context(self._servers.taken("redis", virtual=True))
            self._redis = Place(server.location, server=server)
            self._begin(self._redis, rtt)
        return replace(self._redis, location=f"{self._redis.location}?db={self._number(address)}")

    def _lead_direct_clients(self, desk: Desk) -> None:
        """Let direct clients use the private Redis, and another one in evaluations, until the run ends."""
        rtt = self._rtt(backend_named("redis").rtt_s(self._spec))
        place = self._in_redis(("", 0, 0), rtt)
        path = str(place.server.socket)  # type: ignore[union-attr]
        home = RunsHome(self._engine, wire_to(path), desk.births, desk.watch, desk.sites, self._note_direct)
        DIRECT.evaluations = plain_home(str(self._servers.start("redis", virtual=False).socket))
        DIRECT.lead_to(Home(path, self._number, home.cross, home.answered))
        self._stack.callback(DIRECT.lead_to, None)

    def _number(self, address: Address) -> int:
        return self._databases.setdefault(address, len(self._databases))

    def _table(self, kind: Kind) -> Place:
        if self._rows is None:
            self._rows = self._stack.enter_context(kind.backend.open(self._session(kind.server), virtual=True))
            return self._rows
        return another_table(self._rows, len(self._places) + 1)

    def _session(self, server: str) -> Servers:
        """Return a session whose *server* is free: each LOCATION needs its own server."""
        if server in self._first_taken:
            return self._stack.enter_context(private_servers())
        self._first_taken |= {server} - {""}
        return self._servers

    def _begin(self, place: Place, rtt: LatencyOf | None) -> None:
        """From now on, show the project's time to a server, and send its commands through a wire."""
        if place.server is not None:
            place.server.begin(int(self._start_s))
            self._stack.enter_context(closing(ProjectWire(self._engine, rtt, place.server, None)))

    def notes(self, kinds: list[Kind]) -> list[str]:
        """Return the notes, which say what each alias ran on; later ones are added to the list."""
        for kind in kinds:
            place = self._places[kind.home]
            server = "" if place.server is None else f" on a private {place.server.program} {place.server.version}"
            rows = ", its table in a database of its own" if kind.keeps_rows else ""
            name = f"{kind.cls.__module__}.{kind.cls.__qualname__}"
            self._told.append(f"the cache `{kind.alias}` was {name}{server}{rows}")
        return self._told

    def _note_direct(self) -> None:
        self._told.append(
            "the project's own commands to Redis (cacheops sends some) went to a private redis-server; the age of "
            "their data is unknown, and without a cache it is kept, as a store is (cacheops is switched off there)"
        )
