"""Scouts a project from outside: starts the scout's process, with PostgreSQL if it needs one, and keeps its answer."""

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
    """A scouted project: its description, and the scout's errand, which holds what all runs have in common.

    The filled databases last as long as the folder of rows and the servers that the scout was given.
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

            with suppress(Exception):  # if the server is gone, so are they
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
    """Scout *experiment*, and fill its databases in *rows* or on *session*'s server.

    Args:
        experiment: the file, as it was when the command began.
        database: the family of databases that was asked for; None: the project's own.
        session: starts PostgreSQL, if it is needed.
        rows: a folder that lasts as long as the databases are needed.
        kept: the folder where filled databases are kept from one scout to the next.
        refill: fill the databases anew, even if there is a kept copy.

    Raises:
        CodeError: if the project's code raises an exception, or its process crashed.
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
