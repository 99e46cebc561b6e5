"""A run's caches: a backend, opened for one run, with a cache object for each worker."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from django.core.cache.backends import locmem
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache

from ..daemons.programs import require_all
from ..daemons.session import Servers
from ..engine.scheduler import Engine
from ..engine.virtual import EPOCH_S, virtualise
from ..errors import UserError
from ..world.latency import LatencyOf
from ..world.scenario import DEFAULTS, MaxEntries
from .entries import is_own
from .places import Backend, Call, Place
from .simulated import NO_LIMIT, simulated
from .wire import Wire, wired


class Limits(NamedTuple):
    """The scenario's MAX_ENTRIES (None: no limit; "auto": Django's default) and CULL_FREQUENCY."""

    max_entries: MaxEntries
    cull_frequency: int


class Caches(NamedTuple):
    """A run's caches, one for each worker (the same one if the store is shared), and the run for Django's code."""

    of_worker: list[BaseCache]
    entries: Callable[[], float]
    database_alias: str | None
    epoch_s: float
    notes: list[str]


@contextmanager
def open_caches(
    backend: Backend,
    engine: Engine,
    rtt: LatencyOf | None,
    limits: Limits,
    workers: int,
    servers: Servers,
    log: list[Call] | None,
) -> Iterator[Caches]:
    """Open *backend* for a run, with a round trip of *rtt*; everything that it creates is removed afterwards.

    Every round trip to a store is appended to *log*, if there is one.

    Raises:
        UserError: if a server dies meanwhile, or the backend does not have such limits.
    """
    require_all(backend.needs)
    virtualise()
    with backend.open(servers, virtual=True) as place:
        params = wired(params_of(backend, limits), backend.wire, virtual=True)
        move = None if place.server is None or place.server.clock is None else place.server.move
        cls = simulated(backend.load(virtual=True), backend, engine, rtt, log, move)
        stores = 1 if backend.one_store else workers
        caches = [private_cache(cls, place.location, params) for _ in range(stores)]
        of_worker = caches * workers if backend.one_store else caches
        epoch_s = EPOCH_S if place.server is None else EPOCH_S + place.server.begin()
        with closing(Wire(engine, rtt, place.server, log)):
            yield Caches(
                of_worker,
                entries=place.entries or (lambda: sum(map(backend.entries, caches))),
                database_alias=place.database_alias,
                epoch_s=epoch_s,
                notes=_notes(backend, place),
            )


def _notes(backend: Backend, place: Place) -> list[str]:
    """Say which release of a server a run used, or where a user's cache without a server was."""
    server = place.server
    if server is None:
        return [f"`{backend.name}` ran {backend.home}"] if is_own(backend.name) else []
    clock = "" if server.clock is None else ", its clock moved by the run"
    return [f"`{backend.name}` ran on a private {server.program} {server.version}{clock}"]


def params_of(backend: Backend, limits: Limits) -> Mapping[str, Any]:
    """Return *backend*'s params with the scenario's limits; "no limit" is passed as the largest number.

    Raises:
        UserError: if the backend does not have such limits.
    """
    if not backend.has_limits:
        _require_none(backend, limits)
        return backend.params
    most = backend.limit(limits.max_entries)
    if most is None and limits.cull_frequency != DEFAULTS["cull_frequency"]:
        raise UserError(
            f"cull_frequency={limits.cull_frequency:,} needs max_entries: backend {backend.name!r} has no other"
        )
    options = {"MAX_ENTRIES": NO_LIMIT if most is None else most, "CULL_FREQUENCY": limits.cull_frequency}
    return {**backend.params, "OPTIONS": options | backend.params.get("OPTIONS", {})}


def _require_none(backend: Backend, limits: Limits) -> None:
    """Refuse a scenario's limits if the backend has none, or sets its own."""
    own = is_own(backend.name) and hasattr(backend.load(), "_cull")
    for name, value in limits._asdict().items():
        if value == DEFAULTS[name] or (value is None and not own):
            continue
        told = f"{name}={'none' if value is None else f'{value:,}'}"
        if own:
            raise UserError(
                f"{told}: backend {backend.name!r} has a limit of its own; "
                f"set {name.upper()} in its OPTIONS, where its BACKEND is"
            )
        raise UserError(f"{told}: backend {backend.name!r} has no such limit; leave it out")


def private_cache(cls: type[BaseCache], location: str, params: Mapping[str, Any]) -> BaseCache:
    """Return a cache object with a private store."""
    make: Any = cls  # BaseCache itself takes no location, all its subclasses do
    cache: BaseCache = make(location, params)
    if isinstance(cache, LocMemCache):
        # Django keeps LocMem's stores in module globals, by location.
        for stores in (locmem._caches, locmem._expire_info, locmem._locks):  # type: ignore[attr-defined]
            del stores[location]
    return cache
