"""The cells of a sweep over a team's own project: the command plans them, and any worker may play them.

A cell is sent to its worker as an `AppTask`, which holds plain values only. A worker keeps the project that it has
scouted until it ends.
"""

import atexit
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ..app.choice import chosen, named, scenario_with
from ..app.cost import Cost, cost_of, requests_of
from ..app.description import Contender, Description
from ..app.found import Experiment
from ..app.kept import kept_in, sweep
from ..app.launch import run_one
from ..app.outcome import AppOutcome
from ..app.scouting import Scouted, scout
from ..daemons.session import Servers
from ..errors import UserError, file_name, one_line
from ..world.scenario import Scenario
from .app_files import TAG, files_of, hash_of, project_files_hash


@dataclass(frozen=True)
class AppTask:
    """One run of a project, in plain values only.

    `file`, `text`, `settings`, `env` and `start_s` are the experiment's; `database` is the family that was asked for.
    `fields` are the scenario's fields that are set, each ``name=value``. `print_` is the hash of the project's files on
    the command's machine, and `besides` are the folders that it left out.
    """

    file: str
    text: bytes
    settings: str
    env: tuple[tuple[str, str], ...]
    start_s: float
    database: str | None
    print_: str
    besides: tuple[str, ...]
    variant: str
    backend: str | None
    seed: int
    fields: tuple[str, ...] = ()

    def experiment(self) -> Experiment:
        """Return the experiment's file, as it was when the command began."""
        return Experiment(Path(self.file), self.file, self.text, self.settings, dict(self.env), self.start_s)

    def project(self) -> tuple[object, ...]:
        """Return what all cells that run on the same filled databases have in common."""
        return self.file, self.text, self.settings, self.env, self.start_s, self.database, self.print_


@dataclass(frozen=True)
class AppGround:
    """What all cells of a sweep over a project share: the scout's result, the contenders, and the hash of the files."""

    experiment: Experiment
    scouted: Scouted
    contenders: tuple[Contender, ...]
    backends: tuple[str | None, ...]
    database: str | None
    print_: str
    besides: tuple[str, ...] = ()

    @property
    def description(self) -> Description:
        """What the scout has found; its notes and refusals are texts for people."""
        return self.scouted.description

    def scenario(self, settings: Mapping[str, str]) -> Scenario:
        """Return the scenario of the file with *settings* (field to text) applied.

        Raises:
            UserError: for a field that an app does not use, or a value that is not valid.
        """
        return scenario_with(self.description.scenario, settings)

    def requests(self, scenario: Scenario) -> int:
        """Return how many requests a run of *scenario* has, on average."""
        return requests_of(scenario, self.description.requests_per_s)

    def task(self, variant: str, backend: str | None, seed: int, settings: Mapping[str, str]) -> AppTask:
        """Return a cell."""
        one = self.experiment
        return AppTask(
            file=str(one.path),
            text=one.text,
            settings=one.settings,
            env=tuple(sorted(one.env.items())),
            start_s=one.start_s,
            database=self.database,
            print_=self.print_,
            besides=self.besides,
            variant=variant,
            backend=backend,
            seed=seed,
            fields=tuple(f"{name}={text}" for name, text in sorted(settings.items())),
        )

    def cost(self, scenario: Scenario, seed: int, session: Servers, done: Callable[[], object] = lambda: None) -> Cost:
        """Estimate the cost of a run on this machine with two short runs; *done* is called after each.

        Raises:
            CodeError: if the project's code raises an exception.
        """
        return cost_of(self.scouted, scenario, self.backends[0], seed, session, done)


def plan_app(
    experiment: Experiment,
    variants: Sequence[str],
    backends: Sequence[str],
    database: str | None,
    settings: Mapping[str, str],
    session: Servers,
    rows: Path,
    *,
    besides: tuple[str, ...] = (),
    refill: bool = False,
) -> AppGround:
    """Scout a project, check everything before the first run, and return what all cells of the sweep share.

    If the scout refuses the project, the reasons are in the description: the caller must report them and stop.

    Args:
        experiment: the file, as it was when the command began.
        variants: their names; none: all. The project as it is and the one without a cache are always there.
        backends: their names; none: the kinds that the project's CACHES name.
        database: the family of databases that was asked for; None: the project's own.
        settings: fields of the scenario that are set for all cells, as texts; `AppGround.scenario` checks those that
            vary.
        session: the servers of this command.
        rows: a folder for the filled databases that lasts as long as they are needed.
        besides: folders that do not belong to the project, as the sweep itself writes there.
        refill: fill the databases anew, even if there is a kept copy.

    Raises:
        UserError: for an unknown variant, a field that an app does not use, sessions that would be lost at once.
        CodeError: if the project's code raises an exception.
    """
    besides = tuple(str(Path(one).resolve()) for one in besides)
    print_ = project_files_hash(experiment, besides)
    kept = kept_in(os.environ)
    sweep(kept)
    scouted = scout(experiment, database, session, rows, kept, refill=refill)
    where: tuple[str | None, ...] = tuple(dict.fromkeys(backends)) or (None,)
    scenario_with(scouted.description.scenario, settings)
    contenders = chosen(scouted.description, variants, where)
    return AppGround(experiment, scouted, contenders, where, database, print_, besides)


def play_app(task: AppTask, session: Servers) -> AppOutcome:
    """Play a cell in this worker, in a process of the project's, and return its outcome.

    Any thread may call this, as it waits until that process has ended: see `die_with_parent`.

    Raises:
        UserError: if the project's files here differ from those of the command, when the run begins or when it ends.
        CodeError: if the project's code raises an exception, or its process crashed.
    """
    experiment = task.experiment()
    with _HERE.lock:  # one cell at a time, even if a Dask worker has several threads
        before = files_of(experiment, task.besides)
        if hash_of(experiment, before) != task.print_:
            raise UserError(
                f"the project in {file_name(experiment.path.parent)} on {one_line(socket.gethostname())} differs from "
                "the one that the sweep began with; make both the same, or begin again"
            )
        scouted = _HERE.scouted(task, experiment, session)
        scenario = scenario_with(scouted.description.scenario, dict(_pair(one) for one in task.fields))
        variant = named(scouted.description, task.variant)
        outcome: AppOutcome = run_one(scouted.run(scenario, variant, task.backend, task.seed), session).opened()
        _require_same(before, files_of(experiment, task.besides))
    return outcome


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _require_same(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> None:
    """Make sure that a run had the same files from its beginning to its end.

    Raises:
        UserError: if not, with the name of a file that has changed.
    """
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if changed:
        raise UserError(
            f"{file_name(changed[0])} changed during a run, so this run does not count; begin again (if the file is "
            f"output, write it to a folder with an empty file {TAG})"
        )


class _Here:
    """What this worker process has scouted: one project, on the servers of a session."""

    def __init__(self) -> None:
        self.lock = Lock()
        self._known: tuple[object, ...] | None = None
        self._scouted: Scouted | None = None
        self._gone = ExitStack()

    def scouted(self, task: AppTask, experiment: Experiment, session: Servers) -> Scouted:
        """Return the scouted project of a cell; it is scouted only once.

        Raises:
            UserError: if the scout refuses it.
        """
        if self._scouted is None or self._known != (*task.project(), self._servers(session)):
            self._known = self._scouted = None
            self._gone.close()
            rows = self._gone.enter_context(session.folder())
            atexit.unregister(self._gone.close)
            atexit.register(self._gone.close)  # earlier than Python, which removes the folder with a warning
            found = scout(experiment, task.database, session, rows, kept_in(os.environ))
            if found.description.refusals:
                raise UserError(found.description.refusals[0])
            self._gone.callback(found.forget)
            self._scouted = found
            self._known = (*task.project(), self._servers(session))
        return self._scouted

    def _servers(self, session: Servers) -> tuple[object, ...]:
        """Return what the filled databases depend on: the session and its PostgreSQL, which may have been restarted."""
        if self._scouted is None or self._scouted.description.family != "postgres":
            return (session,)
        return session, session.start("postgres", virtual=False)


_HERE = _Here()
