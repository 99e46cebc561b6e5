"""The cells of a sweep over a team's own project: planned by the command, each played by whichever worker gets it.

A cell travels as an `AppTask`, which holds plain things only. What a worker has scouted it keeps as long as it lives.
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
    """One run of a project, in plain things alone.

    `file`, `text`, `settings`, `env` and `start_s` are the experiment's; `database` is the family that was asked for.
    `fields` are those of the scenario that are set, each ``name=value``. `print_` is the hash of the project's files as
    the command saw them, and `besides` are the folders that it left out.
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
        """Return what this cell has in common with all those that run on the same filled databases."""
        return self.file, self.text, self.settings, self.env, self.start_s, self.database, self.print_


@dataclass(frozen=True)
class AppGround:
    """What a sweep over a project stands on: what the scout has found, who competes, and the hash of the files."""

    experiment: Experiment
    scouted: Scouted
    contenders: tuple[Contender, ...]
    backends: tuple[str | None, ...]
    database: str | None
    print_: str
    besides: tuple[str, ...] = ()

    @property
    def description(self) -> Description:
        """What the scout has found: what it says and refuses is for people."""
        return self.scouted.description

    def scenario(self, settings: Mapping[str, str]) -> Scenario:
        """Return the scenario of the file with *settings* (field to text) applied.

        Raises:
            UserError: for a field that means nothing to an app, or a value that no run could honour.
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
        """Return what a run takes here, as two short ones show; *done* is called after each.

        Raises:
            CodeError: for what the project's code raises.
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
    """Scout a project, and return what a sweep over it stands on, all of which is looked at before anything starts.

    What the scout refuses is in the description, for people: whoever calls this says it, and goes no further.

    Args:
        experiment: the file, as it was when the command began.
        variants: their names; none: all. The project as it is and the one without a cache are always there.
        backends: their names; none: the kinds that the project's CACHES name.
        database: the family of databases that was asked for; None: the project's own.
        settings: fields of the scenario that hold everywhere, as texts; those that vary `AppGround.scenario` looks at.
        session: the servers of this command.
        rows: a folder for the filled databases that lives as long as they are needed.
        besides: folders that are no part of the project: where the sweep itself writes.
        refill: fill anew what is kept.

    Raises:
        UserError: for an unknown variant, a field that means nothing to an app, sessions that would be lost at once.
        CodeError: for what the project's code raises.
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
    """Play a cell in this worker, in a process of the project's, and return what came of it.

    The thread that calls this waits until that process has ended, so any thread will do: see `die_with_parent`.

    Raises:
        UserError: if the project here is not the one that the command saw, when the run begins and when it ends.
        CodeError: for what the project's code raises, or if its process crashed.
    """
    experiment = task.experiment()
    with _HERE.lock:  # one at a time, even where somebody has given a worker several threads
        before = files_of(experiment, task.besides)
        if hash_of(experiment, before) != task.print_:
            raise UserError(
                f"the project in {file_name(experiment.path.parent)} on {one_line(socket.gethostname())} differs from "
                "the one that the sweep began with; make them the same, or begin again"
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
        UserError: if it had not, with one that has changed.
    """
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    if changed:
        raise UserError(
            f"{file_name(changed[0])} changed while a run was under way, which does not count; begin again (if it is "
            f"output, it belongs into a folder with an empty file {TAG})"
        )


class _Here:
    """What this worker process has scouted: one project, on the servers that were there."""

    def __init__(self) -> None:
        self.lock = Lock()
        self._known: tuple[object, ...] | None = None
        self._scouted: Scouted | None = None
        self._gone = ExitStack()

    def scouted(self, task: AppTask, experiment: Experiment, session: Servers) -> Scouted:
        """Return what the scout finds of a cell's project; it is sent out once.

        Raises:
            UserError: for what it refuses.
        """
        if self._scouted is None or self._known != (*task.project(), self._servers(session)):
            self._known = self._scouted = None
            self._gone.close()
            rows = self._gone.enter_context(session.folder())
            atexit.unregister(self._gone.close)
            atexit.register(self._gone.close)  # before Python itself would remove the folder, with a warning
            found = scout(experiment, task.database, session, rows, kept_in(os.environ))
            if found.description.refusals:
                raise UserError(found.description.refusals[0])
            self._gone.callback(found.forget)
            self._scouted = found
            self._known = (*task.project(), self._servers(session))
        return self._scouted

    def _servers(self, session: Servers) -> tuple[object, ...]:
        """Return what the filled databases hang on: the session, and its PostgreSQL, which may have died since."""
        if self._scouted is None or self._scouted.description.family != "postgres":
            return (session,)
        return session, session.start("postgres", virtual=False)


_HERE = _Here()
