"""docs/traces.md says what is so: its tables are those of the code."""

from cachewise.sim.world import trace
from tests.docs.pages import PAGES, code, table

TRACES = PAGES["docs/traces.md"]


def test_the_tables_are_complete_and_right() -> None:
    """Columns and operations are the ones that the reader of traces knows, the window of a fill included."""
    assert tuple(code(column)[0] for column, _ in table(TRACES, "column")) == trace.COLUMNS
    reads, fills, writes, deletes = [code(operations) for operations, _ in table(TRACES, "operation")]
    assert tuple(reads) == trace.READS
    assert tuple(fills) == trace.FILLS_OR_WRITES
    assert (*writes, *deletes) == (*trace.FILLS_OR_WRITES, *trace.WRITES)
    assert f"at most {trace.FILL_WINDOW_S:g} s after a read" in TRACES
