"""One run of a project: set it up, log its users in, start the judge, play the traffic, and have every read judged."""

import pickle
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import Context, copy_context
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.cache import caches as django_caches

from ..application import NO_CACHE, App
from ..backends import short_name_of
from ..daemons.session import servers
from ..engine.scheduler import Engine
from ..engine.threads import threads_watched, wait_for_threads
from ..engine.virtual import CURRENT_RUN
from ..judge.compare import ADDRESS
from ..judge.families import snapshots_of
from ..judge.judge import Judge
from ..judge.verdict import Verdict
from ..project import celery, databases, sessions, threads
from ..project.caches import open_caches
from ..project.client import Handler
from ..project.clock import ProjectClock
from ..project.databases.connections import let_go_of_all, take_over, version
from ..project.first import InPlace
from ..project.stage import Project, load_urls
from ..project.warm import warm_up
from ..world.latency import LatencyOf, latency_of
from ..world.rollbacks import rollbacks
from ..world.scenario import LATENCIES, Scenario
from ..world.seeds import streams
from .errand import Errand
from .evaluate import Evaluator
from .outcome import AppOutcome, Setup, run_of
from .record import Recorder
from .serve import Service
from .set_up import project_of
from .sum_up import outcome_of
from .traffic import Audience, audience_of, traffic
from .users import Users
from .workers import Worker

Progress = Callable[[int], None]  # is called from time to time with the number of requests served


def played(errand: Errand, here: InPlace, progress: Progress = lambda _served: None) -> AppOutcome:
    """Play one run of a project in this process, which serves nothing else, and return its outcome.

    Raises:
        UserError: if the run is not possible. Errors of the project's code outside requests are passed on unchanged.
    """
    with _own_copies(errand) as ours:
        project = project_of(ours, ours.databases, ours.family or "", here.guard, ours.changed_settings())
        load_urls(project, ours.variant)
        scenario: Scenario = pickle.loads(ours.scenario) if ours.scenario else project.scenario
        run = _Run(project, scenario, ours, here.clock)
        with run.under_way(progress):
            run.play()
            return run.outcome()


@contextmanager
def _own_copies(errand: Errand) -> Iterator[Errand]:
    """Yield the errand with copies of its databases, which are dropped afterwards."""
    places = databases.copy(errand.databases, f"run_{uuid.uuid4().hex[:12]}", Path(errand.folder))
    try:
        yield replace(errand, databases=places)
    finally:
        let_go_of_all()
        databases.drop(places)


class _Run:
    """The parts of a run, from its caches to its judge."""

    def __init__(self, project: Project, scenario: Scenario, errand: Errand, clock: ProjectClock) -> None:
        self._project = project
        self._scenario = scenario
        self._errand = errand
        self._clock = clock
        self._engine = Engine()
        seeds = streams(errand.seed)
        self._latencies: dict[str, LatencyOf | None] = {
            name: latency_of(name, getattr(scenario, name), seeds[name]) for name in LATENCIES if name != "cache_rtt_s"
        }
        self._rolls_back = rollbacks(scenario.rollback_ratio, seeds["rollbacks"])
        self._handler = Handler()
        self._users = Users()

    @contextmanager
    def under_way(self, progress: Progress) -> Iterator[None]:
        """Set everything up for the length of a ``with`` block, and remove it afterwards."""
        project, scenario, errand, engine = self._project, self._scenario, self._errand, self._engine
        threads.serve(engine)
        audience = audience_of(project.app, self._users.find)
        evaluate = Evaluator(project.app, project.caches, self._clock, self._handler, self._users.all, errand.seed)
        snapshots = snapshots_of(errand.family or "", errand.databases)
        self._judge = Judge(evaluate, snapshots, lambda: self._clock.times_asked)
        self._recorder = Recorder(engine, self._judge, scenario.warmup_s)
        with ExitStack() as stack:
            ours = stack.enter_context(servers())
            self._caches = stack.enter_context(
                open_caches(
                    project.caches,
                    backend=errand.backend,
                    engine=engine,
                    rtt_s=scenario.cache_rtt_s,
                    seed=errand.seed,
                    workers=scenario.workers or 1,
                    servers=ours,
                    watch=self._recorder,
                    stores=project.app.stores,
                    timeouts=_timeouts(project.app, errand.variant),
                    blank_copies=errand.variant == NO_CACHE,
                    start_s=errand.start_s,
                    file=project.file,
                )
            )
            engine.contexts = [self._context() for _ in self._caches.of_worker]
            self._log_in()
            self._database = version()
            let_go_of_all()
            stack.callback(self._judge.close)
            sessions.tell(self._recorder, engine.serves_here)
            warm_up()
            self._judge.start()
            self._taken = take_over(engine, self._latencies, self._recorder, scenario.db_connections)
            stack.callback(self._taken.end)
            self._serve(audience, progress)
            yield

    def play(self) -> None:
        """Play the traffic, and wait for the threads that the project has started."""
        engine = self._engine
        self._clock.source, self._clock.sleeper = engine.request_time, engine.sleep
        with threads_watched(engine):
            engine.play()
            told = [*self._caches.notes, *self._project.guard.notes(), *self._taken.notes()]
            self._recorder.notes.extend([*told, *wait_for_threads(engine)])

    def outcome(self) -> AppOutcome:
        """Wait for the judge, and return the outcome."""
        errand = self._errand
        backend = errand.backend or _own_backends(self._project.caches)
        run = run_of(self._scenario, errand.variant, backend, errand.seed)
        reads = [one.name for one in self._project.app.reads]
        verdicts = self._judge.finish()
        self._recorder.notes.extend(_notes_on(verdicts, self._judge.raised))
        asked = bool(errand.further.get("reads"))
        found = outcome_of(run, reads, self._recorder, verdicts, with_reads=asked)
        return replace(found, setup=_setup(self._project.app, errand, self._database))

    def _context(self) -> Context:
        """Return the context variables of a worker, in which Django's cache modules see the run's time."""
        context = copy_context()
        context.run(CURRENT_RUN.set, self._caches.current)
        return context

    def _log_in(self) -> None:
        """Log the users in, before any time has passed, in the first worker's caches."""

        def log_in() -> None:
            for alias, cache in self._caches.of_worker[0].items():
                django_caches[alias] = cache
            self._users.log_in(self._handler)

        with self._engine.still():
            self._engine.contexts[0].copy().run(log_in)

    def _serve(self, audience: Audience, progress: Progress) -> None:
        """Let the service take the traffic, the events, and Celery's tasks."""
        app, scenario, engine, recorder = self._project.app, self._scenario, self._engine, self._recorder
        service = Service(
            engine,
            app,
            recorder,
            self._users,
            self._handler,
            [Worker(number, scenario.threads, context, self._caches) for number, context in enumerate(engine.contexts)],
            render=self._latencies["render_s"],
            release=self._taken.release,
            rolls_back=self._rolls_back,
            progress=progress,
        )
        celery.install(service.spawn)
        service.take(traffic(app, scenario, audience, self._errand.seed))
        for nth, event in enumerate(one for one in app.events if one.at_s < scenario.end_s):
            recorder.events.append((event.at_s, event.name))
            service.at(event, nth)
        recorder.pinned = lambda: self._judge.let_go(min(self._caches.births.oldest_alive_s(), service.oldest_s()))


def _setup(app: App, errand: Errand, database: str) -> Setup:
    several: dict[str, Sequence[Any]] = {"read": app.reads, "write": app.writes, "journey": app.journeys}
    return Setup(
        database,
        bool(errand.further.get("database_asked")),
        errand.start_s,
        rates=tuple((kind, one.name, one.per_s) for kind, ones in several.items() for one in ones),
        changes=next((one.changes for one in app.variants if one.name == errand.variant), ()),
    )


def _timeouts(app: App, variant: str) -> dict[str, float | None]:
    return next((dict(one.timeouts) for one in app.variants if one.name == variant), {})


def _own_backends(entries: Mapping[str, Any]) -> str:
    """Return the kinds of the project's own CACHES, in short: ``redis``, or ``default: redis, sessions: locmem``."""
    names = {alias: short_name_of(str(entry.get("BACKEND", ""))) for alias, entry in entries.items()}
    if len(names) == 1:
        return next(iter(names.values()))
    return ", ".join(f"{alias}: {name}" for alias, name in names.items())


def _notes_on(verdicts: Sequence[Verdict], raised: Mapping[str, str]) -> Iterator[str]:
    """Yield notes on reads that the judge could not judge, and on functions that raised errors there."""
    unknown = sum(verdict.unknown for verdict in verdicts)
    if unknown:
        yield (
            f"{unknown:,} reads could not be judged: they show data that is older than the oldest database state that "
            "could be kept; shorten the run"
        )
    for name, frames in raised.items():
        said = frames.strip().splitlines()[-1]
        told = ADDRESS.sub("0x", said)  # addresses differ from run to run
        yield f"{name} raises an error without a cache, on some state of the database: {told}"
