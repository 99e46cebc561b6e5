"""docs/own-workload.md says what is so: its table of fields is the one of the code."""

from typing import Any

from cachewise.sim.world import arrivals, latency, popularity
from cachewise.sim.world.scenario import DEFAULTS, LATENCIES
from tests.docs.pages import PAGES, code, table


def test_the_table_of_fields_has_every_form() -> None:
    """The forms of arrivals, popularities and latencies are the ones that the parsers know."""
    rows = table(PAGES["docs/own-workload.md"], "field")
    shown = {code(form)[0] for _, form in rows}
    modules: list[Any] = [arrivals, popularity, latency]
    known = {":".join([name, *numbers]) for module in modules for name, numbers in module.FORMS.items()}
    assert shown == known | {"0.005"}
    fields = {name for field, _ in rows for name in code(field)}
    assert fields == {"arrivals", "read_popularity", "write_popularity", *LATENCIES}
    assert fields <= set(DEFAULTS)
