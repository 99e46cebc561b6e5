"""A stage for tests within this process: caches of a run, and what requests on them were told."""

import itertools
from collections.abc import Callable, Mapping
from contextvars import copy_context
from pathlib import Path
from typing import Any

from cachewise.sim.backends.database import set_django_up
from cachewise.sim.engine.scheduler import Engine
from cachewise.sim.engine.virtual import CURRENT_RUN
from cachewise.sim.project.caches import ProjectCaches, open_caches
from tests.helpers import SERVERS
from tests.sim.project.caches.play import START_S, Told, play

set_django_up("db")
CLASSES = {
    "locmem": "django.core.cache.backends.locmem.LocMemCache",
    "file": "django.core.cache.backends.filebased.FileBasedCache",
    "db": "django.core.cache.backends.db.DatabaseCache",
    "redis": "django.core.cache.backends.redis.RedisCache",
    "memcached": "django.core.cache.backends.memcached.PyMemcacheCache",
    "django-redis": "django_redis.cache.RedisCache",
}
STARTS_S = itertools.count(int(START_S), 1_000_000)  # the clock of a server never goes back
LOCATIONS = {"redis": "redis://user:secret@cache.example.org:6379/1", "django-redis": "redis://cache.example.org/1"}


def entry(kind: str, **further: Any) -> dict[str, Any]:
    """Return an entry of CACHES."""
    return {"BACKEND": CLASSES[kind], "LOCATION": LOCATIONS.get(kind, "somewhere"), **further}


def on_stage(
    entries: Mapping[str, Mapping[str, Any]],
    *steps: Callable[[ProjectCaches], object],
    before: Callable[[ProjectCaches], object] = lambda _caches: None,
    backend: str | None = None,
    rtt_s: float | str = 0.0,
    every_s: float = 10.0,
    watch: Told | None = None,
    **options: Any,
) -> tuple[list[Any], Told]:
    """Play *steps*, one request every *every_s*; return what each returned, and what was told."""
    told, engine, said = watch or Told(), Engine(), []
    options = {"workers": 2, "watch": told, "file": Path(__file__).with_name("experiment.py"), **options}
    with open_caches(
        entries, backend=backend, engine=engine, rtt_s=rtt_s, seed=1, servers=SERVERS, start_s=next(STARTS_S), **options
    ) as caches:
        context = copy_context()
        context.run(CURRENT_RUN.set, caches.current)
        context.run(before, caches)
        play(engine, caches, [lambda step=step: said.append(step(caches)) for step in steps], every_s)
    return said, told
