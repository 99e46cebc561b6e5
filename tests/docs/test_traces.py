"""docs/traces.md says what is so: its tables are those of the code."""

import re

from cachewise.sim.traces import access_log, columns, operations
from tests.docs.pages import PAGES, code, table

TRACES = PAGES["docs/traces.md"]


def test_the_columns_are_complete() -> None:
    """The table has every column that the reader of traces knows."""
    assert {name for names, _ in table(TRACES, "column") for name in code(names)} == {*columns.COLUMNS}
    assert "`size` and `timeout` are short for" in TRACES
    assert columns.parse_columns("size=a,timeout=b") == {"size_bytes": "a", "timeout_s": "b"}


def test_the_operations_are_complete_and_right() -> None:
    """Each operation that is known stands where its kind is told, and no other does."""
    shown: dict[str, set[str]] = {}
    for names, _, meaning in table(TRACES, "operation"):
        kind = meaning.partition(":")[0].partition(",")[0] if "always" not in meaning else "always a fill"
        shown.setdefault(kind, set()).update(code(names))
    assert shown == {
        "a read": {*operations.READS},
        "a fill": {*operations.FILLS_OR_WRITES},
        "always a fill": {*operations.FILLS},
        "a write": {*operations.FILLS_OR_WRITES, *operations.WRITES, *operations.DELETES},
        "neither": {*operations.NEITHER},
    }
    assert f"at most {operations.FILL_WINDOW_S:g} s after a read" in TRACES


def test_the_prose_names_what_a_log_is_read_by() -> None:
    """Its methods, and the status from which on a request failed."""
    said = re.search(r"((?:`[A-Z]+`[ ,and]*)+) read, ((?:`[A-Z]+`[ ,and]*)+) do neither", TRACES)
    assert said
    assert tuple(tuple(code(part)) for part in said.groups()) == (access_log.READING, access_log.NEITHER)
    assert f"a status from {access_log.FAILED} on" in TRACES
