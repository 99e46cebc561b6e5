"""A small project in a process of its own: requests played on its caches, and what was told of them, as JSON.

``python -m tests.sim.project.caches.play FOLDER`` plays the functions that FOLDER/cache_experiment.py lists as STEPS.
"""

import json
import math
import os
import sys
from contextvars import copy_context
from pathlib import Path
from typing import Any

from cachewise.sim.daemons import servers
from cachewise.sim.engine.scheduler import Engine
from cachewise.sim.engine.virtual import CURRENT_RUN
from cachewise.sim.project import outside
from cachewise.sim.project.watch import CacheCall

START_S = 1_735_689_600.0  # 2025-01-01


class Told:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.calls: list[CacheCall] = []
        self.stores: list[tuple[str, str, bytes | None]] = []
        self.lost = 0

    def cache_call(self, call: CacheCall) -> None:
        self.calls.append(call)

    def store_read(self, alias: str, key: str, value: bytes | None) -> None:
        self.stores.append((alias, key, value))

    def stores_lost(self, count: int) -> None:
        self.lost += count

    def statement(self, statement: Any) -> None:
        raise NotImplementedError

    def committed(self, tables: Any) -> None:
        raise NotImplementedError


def play(engine: Engine, caches: Any, steps: list[Any], every_s: float = 10.0) -> None:
    """Let each of *steps* be a request of the first worker, *every_s* virtual seconds apart."""
    from django.core.cache import caches as django_caches

    engine.contexts = []
    for mapping in caches.of_worker:
        context = copy_context()
        context.run(CURRENT_RUN.set, caches.current)
        for alias, cache in mapping.items():
            context.run(django_caches.__setitem__, alias, cache)
        engine.contexts.append(context)

    def request(number: int, step: Any) -> None:
        task = engine.current
        engine.enter_worker(task, 0)
        task.begin(number, engine.time(), engine.time())
        step()
        engine.settle()
        task.serving = False

    for number, step in enumerate(steps):
        engine.call_at(every_s * number, lambda number=number, step=step: request(number, step))
    engine.play()


def evaluation(step: Any, entries: Any) -> Any:
    """Return what *step* gives without a cache, in a fork of this process."""
    from django.core.cache import caches as handler

    from cachewise.sim.project.caches import Blanks

    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        for alias, cache in Blanks(entries).with_stores({}).items():
            handler[alias] = cache
        os.write(writer, json.dumps(step()).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    answer = os.read(reader, 1 << 20)
    os.close(reader)
    return json.loads(answer) if not status else None


def main(folder: Path) -> None:
    """Set the project up, play its steps, and print what was told."""
    guard = outside.install(folder)
    sys.path.insert(0, str(folder))
    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    import django
    from django.conf import settings
    from django.core.cache import caches as handler

    from cachewise.sim.project.caches import blank

    for name, value in outside.private_settings(settings, folder / "private").items():
        setattr(settings, name, value)
    for alias, cache in blank.before_the_run(settings.CACHES).items():
        handler[alias] = cache
    django.setup()
    import cache_experiment

    guard.set_up()
    told = played(cache_experiment, settings.CACHES, folder)
    print(json.dumps(told | {"notes": guard.notes()}))  # noqa: T201 - for the test


def played(experiment: Any, entries: Any, folder: Path) -> dict[str, Any]:
    """Play the steps of *experiment* on caches as *entries* have them, and return what was told."""
    from cachewise.sim.project.caches import open_caches

    told, engine = Told(), Engine()
    with (
        servers() as session,
        open_caches(
            entries,
            backend=None,
            engine=engine,
            rtt_s=0.001,
            seed=1,
            workers=1,
            servers=session,
            watch=told,
            file=folder / "cache_experiment.py",
            start_s=START_S,
            blank_copies=getattr(experiment, "NO_CACHE", False),
        ) as caches,
    ):
        play(engine, caches, experiment.STEPS)
        evaluated = [evaluation(step, entries) for step in getattr(experiment, "EVALUATED", [])]
        oldest_s = caches.births.oldest_alive_s()
    calls = [[*call[:4], *(None if math.isnan(call[4] or 0) else call[4],), *call[5:7], call[8]] for call in told.calls]
    return {
        "evaluated": evaluated,
        "calls": calls,
        "said": getattr(experiment, "SAID", []),
        "lost": told.lost,
        "caches": caches.notes,
        "oldest_s": str(oldest_s),
        "end_s": engine.time(),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
