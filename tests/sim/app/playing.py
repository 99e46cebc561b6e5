"""Own apps in tests: the scout and the runs, each in its process, as the command starts them."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

from cachewise import Servers
from cachewise.sim.app.description import Description, NeedsPostgres
from cachewise.sim.app.errand import Errand
from cachewise.sim.app.found import experiment_at
from cachewise.sim.app.launch import run_all, run_one
from cachewise.sim.app.outcome import AppOutcome
from cachewise.sim.application import AS_IT_IS


class Play:
    """An experiment whose scout has been out: its runs begin with the same databases.

    Where *family* says "postgres" beforehand, one scout is enough.
    """

    def __init__(self, file: Path, servers: Servers, rows: Path, family: str | None = None) -> None:
        found = experiment_at(str(file))
        assert found is not None
        rows.mkdir(exist_ok=True)
        self._servers = servers
        common = {"start_s": found.start_s, "folder": "", "family": family, "further": {"rows": str(rows)}}
        self._errand = Errand("scout", str(found.path), found.text, found.settings, found.env, **common)
        answer = NeedsPostgres() if family == "postgres" else run_one(self._errand, servers).opened()
        if isinstance(answer, NeedsPostgres):
            server: Any = servers.start("postgres", virtual=False)
            self._errand = replace(self._errand, further={"rows": str(rows), "postgres": server.database})
            answer = run_one(self._errand, servers).opened()
        self.description: Description = answer

    def errand(self, variant: str = AS_IT_IS, **changes: Any) -> Errand:
        """Return the errand of a run."""
        told = self.description
        contender = next((one for one in told.variants if one.name == variant), None)
        assert contender is not None, f"{variant!r} is none of {[one.name for one in told.variants]}"
        common: dict[str, Any] = {
            "task": "run",
            "scenario": pickle.dumps(told.scenario),
            "family": told.family,
            "databases": told.places,
            "variant": variant,
            "overrides": contender.overrides,
        }
        return replace(self._errand, **{**common, **changes})

    def run(self, variant: str = AS_IT_IS, **changes: Any) -> AppOutcome:
        """Play one run."""
        outcome: AppOutcome = run_one(self.errand(variant, **changes), self._servers).opened()
        return outcome

    def runs(self, errands: list[Errand], jobs: int = 2) -> list[AppOutcome]:
        """Play several, side by side."""
        return [answer.opened() for answer in run_all(errands, jobs, self._servers)]
