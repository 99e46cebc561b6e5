"""One side of `bench.app`, in a process of its own: ``python -m bench.app_sides FOLDER`` reads its errand there.

There are three sides: a run; the bare client; and the bare client without a cache. The bare client is Django's own test
client. It sends the same requests one after another and has the same hits, as the clock of its cache shows the arrival
of each request.
"""

import resource
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from cachewise.sim.app.entry import enter
from cachewise.sim.app.errand import ANSWER, ERRAND, Errand, leave, take

if TYPE_CHECKING:
    from cachewise.sim.app.traffic import Arrival

SIDES = ("run", "bare", "no cache")
_BYTES = 1 if sys.platform == "darwin" else 1024  # the system's unit of peak memory


class Measured(NamedTuple):
    """The cost of a side: processor time of its requests, of its children (the judge), and of all after the set-up.

    `peak_bytes` is the sum of the peak memory of this process and of the largest of its children. `reads` counts the
    reads by function.
    """

    reads: Mapping[str, int]
    play_s: float
    judge_s: float = 0.0
    whole_s: float = 0.0
    peak_bytes: int = 0


def main(folder: Path) -> None:
    """Do the errand in *folder*, and write the measurements there."""
    errand: Errand = take(folder, ERRAND)
    enter(errand, Path(errand.file).parent)
    side = errand.further["side"]
    measured = _run(errand) if side == "run" else _bare(errand, cached=side == "bare")
    leave(folder, ANSWER, measured._asdict())


def _run(errand: Errand) -> Measured:
    """Play as `cachewise.sim.app.run.played` does, and measure its parts."""
    from cachewise.sim.project.first import put_in_place

    here = put_in_place(errand.start_s, errand.seed, Path(errand.file).parent)
    import pickle

    from cachewise.sim.app import run
    from cachewise.sim.app.set_up import project_of
    from cachewise.sim.project.stage import load_urls

    with run._own_copies(errand) as ours:
        project = project_of(ours, ours.databases, ours.family or "", here.guard)
        load_urls(project, ours.variant)
        one = run._Run(project, pickle.loads(ours.scenario), ours, here.clock)
        children_s = _processor_s(resource.RUSAGE_CHILDREN)
        with one.under_way(lambda _served: None):
            before_s = _processor_s(resource.RUSAGE_SELF)
            one.play()
            played_s = _processor_s(resource.RUSAGE_SELF)
            outcome = one.outcome()
            over_s = _processor_s(resource.RUSAGE_SELF)
    judge_s = _processor_s(resource.RUSAGE_CHILDREN) - children_s
    return Measured(
        {row["function"]: row["reads"] for row in outcome.functions},
        played_s - before_s,
        judge_s,
        over_s - before_s + judge_s,
        _peak_bytes(resource.RUSAGE_SELF) + _peak_bytes(resource.RUSAGE_CHILDREN),
    )


def _bare(errand: Errand, *, cached: bool) -> Measured:
    """Let Django's test client send the requests of a run, without waits."""
    app, arrivals, users = _set_up_bare(errand, cached=cached)
    from bench.replay import clocks

    reads: Counter[str] = Counter()
    app.pausing = lambda _seconds: None
    app.judging = lambda name, _response, _expect: reads.update([name])
    clock = SimpleNamespace()
    with clocks(clock):
        clock.time = lambda: 0.0
        calls = list(_calls(app, arrivals, users))
        before_s = _processor_s(resource.RUSAGE_SELF)
        for at_s, kind, func, given in calls:
            clock.time = lambda at_s=at_s: at_s
            func.func(*given)
            if kind == "read":
                reads[func.name] += 1
        return Measured(reads, _processor_s(resource.RUSAGE_SELF) - before_s)


def _set_up_bare(errand: Errand, *, cached: bool) -> tuple[Any, Sequence["Arrival"], Sequence[Any]]:
    """Set Django up as on a site, with the rows of a run; return the app, its traffic, and its users."""
    import pickle

    from cachewise.sim.project import databases
    from cachewise.sim.project.stage import _experiment, load_settings

    settings = load_settings(errand.settings, {})
    places = databases.copy(errand.databases, "bare", Path(errand.folder))
    settings.DATABASES = databases.entries(settings.DATABASES, places, errand.family or "")
    locmem = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {alias: {**entry, "BACKEND": locmem} for alias, entry in settings.CACHES.items()}
    import django
    from django.core.cache import caches

    from cachewise.sim.app.traffic import audience_of, traffic
    from cachewise.sim.app.users import Users
    from cachewise.sim.project.caches import Blanks

    django.setup()
    if not cached:
        for alias, cache in Blanks(settings.CACHES).with_stores({}).items():
            caches[alias] = cache
    app: Any = _experiment(Path(errand.file), errand.text).APP  # type: ignore[attr-defined]
    users = Users()
    audience = audience_of(app, users.find)
    return app, traffic(app, pickle.loads(errand.scenario), audience, errand.seed), users.all


def _calls(
    app: Any, arrivals: Sequence["Arrival"], users: Sequence[Any]
) -> Iterator[tuple[float, str, Any, tuple[Any, ...]]]:
    """Yield each call of a function of the experiment: its time, its kind, the function, its arguments."""
    from django.test import Client

    anybody, of_user = Client(), [Client() for _ in users]
    for client, user in zip(of_user, users, strict=True):
        client.handler = anybody.handler  # the middleware is loaded once, as on a site
        client.force_login(user)
    events = sorted(app.events, key=lambda one: -one.at_s)
    for one in arrivals:
        while events and events[-1].at_s <= one.arrival_s:
            event = events.pop()
            yield event.at_s, "at", event, ()
        whose = (anybody,) if one.user is None else (of_user[one.user], users[one.user])
        yield one.arrival_s, one.kind, one.func, (*whose, *one.args)


def _processor_s(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _peak_bytes(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * _BYTES


if __name__ == "__main__":
    main(Path(sys.argv[1]))
