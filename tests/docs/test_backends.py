"""docs/backends.md says what is so: its table is the one of the code."""

import re

from cachewise.sim.backends import BACKENDS
from tests.docs.pages import PAGES, code, table


def test_the_table_is_complete_and_right() -> None:
    """It names exactly the backends there are, with the round trip and the limit that `auto` means."""
    rows = table(PAGES["docs/backends.md"], "backend")
    shown = {code(name)[0]: (code(rtt)[0], re.findall(r"\d+", most)) for name, _, rtt, most, _ in rows}
    assert shown == {
        name: (str(one.auto_rtt_s), [str(one.auto_max_entries)] if one.auto_max_entries else [])
        for name, one in BACKENDS.items()
    }
