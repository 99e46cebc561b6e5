"""Incidents of one small project, played: what goes wrong shows in the figures, and its cure removes it."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cachewise.sim.app.description import Description, NeedsPostgres
from cachewise.sim.app.errand import Errand
from cachewise.sim.app.found import experiment_at
from cachewise.sim.app.launch import run_all, run_one
from cachewise.sim.app.outcome import AppOutcome
from cachewise.sim.application import AS_IT_IS
from tests.helpers import SERVERS

INCIDENTS = Path(__file__).parent / "incidents"


class Played(NamedTuple):
    """A run of the project as it is, and one of its cure."""

    incident: AppOutcome
    cured: AppOutcome


def played(name: str, **settings: Any) -> Played:
    """Play an incident and its cure."""
    with SERVERS.folder() as rows:
        scouts = scout_of(name, rows)
        found = run_one(scouts, SERVERS).opened()
        if isinstance(found, NeedsPostgres):
            server: Any = SERVERS.start("postgres", virtual=False)
            scouts = replace(scouts, further={**scouts.further, "postgres": server.database})
            found = run_one(scouts, SERVERS).opened()
        assert found.refusals == ()
        outcomes = [answer.opened() for answer in run_all(list(runs_of(scouts, found, settings)), 2, SERVERS)]
    assert [outcome.failures for outcome in outcomes] == [(), ()]
    return Played(*outcomes)


def scout_of(name: str, rows: Path) -> Errand:
    """Return the scout's errand about an incident."""
    experiment = experiment_at(str(INCIDENTS / f"{name}.py"))
    assert experiment is not None
    return Errand(
        "scout",
        str(experiment.path),
        experiment.text,
        experiment.settings,
        experiment.env,
        experiment.start_s,
        "",
        further={"rows": str(rows)},
    )


def runs_of(scouts: Errand, found: Description, settings: Any) -> Any:
    """Yield the errands of the project as it is and of its cure."""
    scenario = pickle.dumps(replace(found.scenario, **settings))
    as_it_is, cure, _no_cache = found.variants
    assert as_it_is.name == AS_IT_IS
    for one in (as_it_is, cure):
        yield replace(
            scouts,
            task="run",
            scenario=scenario,
            family=found.family,
            databases=found.places,
            variant=one.name,
            overrides=one.overrides,
        )


def figures(outcome: AppOutcome, function: str) -> dict[str, Any]:
    """Return the row of a read function."""
    (row,) = (row for row in outcome.functions if row["function"] == function)
    return row


@pytest.mark.servers
def test_a_delete_in_post_save_under_atomic_requests() -> None:
    """Readers between the delete and the commit cache the old row again, until the next write or the timeout."""
    incident, cured = played("post_save")
    row = figures(incident, "article")
    assert 0.02 < row["stale_ratio"] < 0.6
    assert row["stale_age_max_s"] > 1
    assert figures(cured, "article")["stale_ratio"] < 0.02
    assert figures(cured, "article")["stale_ratio"] < row["stale_ratio"] / 5
