"""Provenance of a project's runs: the inputs that are not in its scenario."""

from collections.abc import Iterator
from datetime import UTC, datetime

from ...sim.application import START
from ..provenance import Input
from .frames import Project

TRAFFIC = {
    "read": "how many calls of this read function come a second, on average",
    "write": "how many calls of this write function come a second, on average",
    "journey": "how many of these journeys begin a second, on average",
}


def further_inputs(project: Project) -> list[Input]:
    """Return the database, the start and the functions' rates, as far as the outcomes hold them."""
    return list(dict.fromkeys(_of_runs(project)))


def _of_runs(project: Project) -> Iterator[Input]:
    for one in project.outcomes:
        setup = one.setup
        if setup is None:
            continue
        chosen = "chosen with --database" if setup.database_asked else "the kind that the project's DATABASES name"
        yield Input("database", setup.database, "yours", f"{chosen}; a private one")
        start = datetime.fromtimestamp(setup.start_s, UTC)
        origin = "default" if start == START else "yours"
        yield Input("start", f"{start:%Y-%m-%d %H:%M:%S} UTC", origin, "the first instant that the project sees")
        for kind, name, per_s in setup.rates:
            yield Input(f"per_s of {name}", f"{per_s:.12g}", "yours", TRAFFIC[kind])
