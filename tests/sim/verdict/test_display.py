"""How a result shows itself: one line, and a table for a notebook."""

from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

from cachewise import Scenario
from cachewise.sim.verdict.metrics import KNOWN, shown
from cachewise.strategies import NoCache, TtlOnly, WriteThroughInTransaction
from tests.helpers import Custom, run

SCENARIO = Scenario("a <b>bold</b> name", keys=1, reads_per_s=20, writes_per_s=1, duration_s=20, warmup_s=0)
PARTS = ("wrong", "dirty", "aborted")


class Cells(HTMLParser):
    """Collects the table's rows, and every tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        """Begin a row, or a cell of it."""
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        """Fill the last cell."""
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def test_the_line() -> None:
    """It says what was run and what came of it; odd names stay in it."""
    result = run(SCENARIO, TtlOnly(timeout=5), seed=3)
    reads, hits, wrong = (shown(name, result.summary[name], {}) for name in ("reads", "hit_ratio", "wrong_ratio"))
    assert result.summary["wrong_ratio"] > 0.1
    assert repr(result) == (
        "<Result of a <b>bold</b> name, TtlOnly(timeout=5), shared, seed 3: "
        f"{reads} reads, {hits} hits, outdated: {wrong}>"
    )
    odd = run(Scenario("two\nlines" * 30, reads_per_s=1, duration_s=2, warmup_s=0), Custom(), seed=1)
    (line,) = repr(odd).splitlines()
    assert line.startswith(r"<Result of two\nlinestwo\nlines")
    assert "none seen in" in repr(run(SCENARIO, NoCache()))


def test_the_line_of_a_run_with_rollbacks() -> None:
    """Reads of rows that were not committed are not left out: the sum, and what it is made of."""
    scenario = replace(SCENARIO, rollback_ratio=0.3, transaction_tail_s=0.1)
    result = run(scenario, WriteThroughInTransaction(timeout=5), seed=3)
    wrong, dirty, aborted = (shown(f"{part}_ratio", result.summary[f"{part}_ratio"], {}) for part in PARTS)
    assert result.summary["stale_ratio"] == 0 < result.summary["aborted_ratio"]
    assert repr(result).endswith(
        f", wrong: {wrong} (outdated: none seen in {result.summary['reads']:,} reads, "
        f"not yet committed: {dirty}, never committed: {aborted})>"
    )


def test_the_table() -> None:
    """Every figure of the summary, with its unit and meaning; what people named is escaped, and nothing runs."""
    result = run(SCENARIO, TtlOnly(timeout=5))
    html = result._repr_html_()
    cells = Cells(html)
    assert cells.tags <= {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert "&lt;b&gt;bold" in html
    assert repr(result)[1:-1] in unescape(html)
    head, *rows = cells.rows
    assert head == ["figure", "value", "unit", "meaning"]
    assert [row[0] for row in rows] == list(result.summary)
    for name, value, unit, meaning in rows:
        assert value == shown(name, result.summary[name], result.counts())
        assert unit in ("", KNOWN[name].unit)
        assert (unit == "") == (KNOWN[name].unit in ("s", "ratio") or value.startswith(("none seen", "-"))), name
        assert meaning == KNOWN[name].meaning
