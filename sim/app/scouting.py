"""Scouting a project from outside: its process is started, given PostgreSQL if it asks, and what it found is kept."""

import pickle
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..daemons.session import Servers
from ..world.scenario import Scenario
from .description import Contender, Description, NeedsPostgres
from .errand import Errand
from .found import Experiment
from .launch import run_one


@dataclass(frozen=True)
class Scouted:
    """A project that was scouted: what was found, and the scout's errand, which says what all runs have in common.

    Its filled databases live as long as the folder of rows and the servers that the scout was given.
    """

    description: Description
    errand: Errand

    def run(self, scenario: Scenario, variant: Contender, backend: str | None, seed: int) -> Errand:
        """Return the errand of a run."""
        return replace(
            self.errand,
            task="run",
            scenario=pickle.dumps(scenario),
            family=self.description.family,
            databases=self.description.places,
            variant=variant.name,
            overrides=variant.overrides,
            backend=backend,
            seed=seed,
        )

    def forget(self) -> None:
        """Drop the filled databases of a server that lives on; files go with their folder."""
        if self.description.family == "postgres":
            from ..project.databases import drop

            with suppress(Exception):  # it may be gone, and then they are
                drop(self.description.places)


def scout(
    experiment: Experiment,
    database: str | None,
    session: Servers,
    rows: Path,
    kept: Path,
    *,
    refill: bool = False,
) -> Scouted:
    """Return what a scout finds out about *experiment*, whose filled databases are in *rows* or on *session*'s server.

    Args:
        experiment: the file, as it was when the command began.
        database: the family of databases that was asked for; None: the project's own.
        session: starts PostgreSQL, if need be.
        rows: a folder that lives as long as the databases are needed.
        kept: where filled databases are kept from one scout to the next.
        refill: fill anew what is kept.

    Raises:
        CodeError: for what the project's code raises, or if its process crashed.
    """
    errand = Errand(
        task="scout",
        file=str(experiment.path),
        text=experiment.text,
        settings=experiment.settings,
        env=experiment.env,
        start_s=experiment.start_s,
        folder="",
        family=database,
        further={
            "rows": str(rows),
            "kept": str(kept),
            "refill": refill,
            "database_asked": database is not None,
        },
    )
    if database == "postgres":
        errand = _with_postgres(errand, session)
    found = run_one(errand, session).opened()
    if isinstance(found, NeedsPostgres):
        errand = _with_postgres(errand, session)
        found = run_one(errand, session).opened()
    return Scouted(found, errand)


def _with_postgres(errand: Errand, session: Servers) -> Errand:
    server: Any = session.start("postgres", virtual=False)
    return replace(errand, further={**errand.further, "postgres": server.database})
