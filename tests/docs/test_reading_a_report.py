"""docs/reading-a-report.md says what is so: its table and its counts are those of the code."""

import re

from cachewise.sim.verdict.metrics import METRICS, WALL_METRICS
from cachewise.sim.wall.bench import FEW_ERRORS, MOST_UNDECIDABLE
from tests.docs.pages import PAGES, code, table

PAGE = PAGES["docs/reading-a-report.md"]


def test_the_table_of_real_figures_is_complete() -> None:
    """It names every figure that only a real run has, and from which share on errors and undecidable reads are told."""
    rows = table(PAGE, "heading")
    assert {name for _, names, _ in rows for name in code(names)} == {"response_p50_s", "response_p99_s", *WALL_METRICS}
    told = {heading: meaning for heading, _, meaning in rows}
    assert f"more than {FEW_ERRORS:.1%} are named" in told["errors"]
    assert f"more than {MOST_UNDECIDABLE:.0%} fail" in told["undecidable"]


def test_how_many_figures_a_run_has() -> None:
    """As many as every page says."""
    counts = {count for text in PAGES.values() for count in re.findall(r"(\d+) figures", text)}
    assert counts == {str(len(METRICS))}
