"""Opens a project's caches for one run: each alias is simulated, at a private place, and watched."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import BaseCache

from ...backends import Limits
from ...daemons.session import Servers
from ...engine.scheduler import Engine
from ...engine.virtual import CurrentRun, virtualise
from ...world.latency import Latency
from ...world.scenario import DEFAULTS
from ..watch import Watch
from .births import Births
from .blank import NoBirths
from .desk import Desk
from .homes import Homes
from .kinds import kinds_of
from .patterns import Timeouts
from .sites import Sites
from .stores import Stores, sessions_of_project

AS_DJANGO_HAS_IT = Limits("auto", DEFAULTS["cull_frequency"])


@dataclass(frozen=True)
class ProjectCaches:
    """A run's caches: one for each worker process and alias.

    `current` must be the value of CURRENT_RUN in every request's context, so that Django's cache modules see the run's
    time. `connections` are those to cache tables, by alias; every thread must have them.
    """

    of_worker: list[dict[str, BaseCache]]
    connections: Mapping[str, Any]
    births: Births
    stores: Stores
    current: CurrentRun
    notes: list[str]


@contextmanager
def open_caches(
    entries: Mapping[str, Mapping[str, Any]],
    *,
    backend: str | None,
    engine: Engine,
    rtt_s: Latency,
    seed: int,
    workers: int,
    servers: Servers,
    watch: Watch,
    file: Path,
    start_s: float,
    stores: Iterable[str] = (),
    timeouts: Mapping[str, float | None] | None = None,
    blank_copies: bool = False,
) -> Iterator[ProjectCaches]:
    """Open a project's caches for a run; everything that is created is removed afterwards.

    Args:
        entries: settings.CACHES.
        backend: the short name of a backend for all aliases; None: the backend of each entry's class.
        engine: the run's.
        rtt_s: `cache_rtt_s` of the scenario.
        seed: the run's.
        workers: how many worker processes are simulated.
        servers: starts the private servers.
        watch: is told of each call.
        file: the experiment's file in the project's folder.
        start_s: the project's first instant, in seconds since 1970.
        stores: the patterns of keys that are no copies (`APP.store`).
        timeouts: other timeouts, by pattern of keys.
        blank_copies: True if no copy may ever be found (the variant *no cache*).

    Raises:
        UserError: if an entry is no cache, a program is missing, or a server dies.
    """
    virtualise()
    sessions = sessions_of_project()
    births = (NoBirths if blank_copies else Births)(engine.time)
    kept = Stores(stores, sessions, engine.time, watch.stores_lost)
    desk = Desk("", None, engine, watch, births, kept, Sites(file.parent, (file,)), Timeouts(timeouts or {}))
    with ExitStack() as stack:
        kinds = kinds_of(entries, backend, AS_DJANGO_HAS_IT, sessions)
        homes = Homes(stack, servers, engine, seed, rtt_s, start_s)
        homes.welcome_direct_clients(desk, blank=blank_copies)
        of_alias = {kind.alias: homes.caches(kind, workers, desk, blank_copies) for kind in kinds}
        of_worker = [{alias: caches[worker] for alias, caches in of_alias.items()} for worker in range(workers)]
        yield ProjectCaches(of_worker, homes.connections(), births, kept, homes.current(), homes.notes(kinds))
