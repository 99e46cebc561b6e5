"""docs/strategies.md says what is so: its table is the one of the code."""

from cachewise.strategies import STRATEGIES
from tests.docs.pages import PAGES, README, code, table

COUNTS = {15: "fifteen"}


def test_the_table_is_complete_and_right() -> None:
    """It names exactly the strategies there are, in their order, with the costs and the bound they declare."""
    rows = table(PAGES["docs/strategies.md"], "strategy")
    assert [code(row[0]) for row in rows] == [[name] for name in STRATEGIES]
    for (_, _, bound, calls, _), strategy in zip(rows, STRATEGIES.values(), strict=True):
        assert tuple(map(int, calls.split(", "))) == strategy.costs, strategy.name
        assert bound.partition(":")[0] == strategy.stale_at_most, strategy.name


def test_how_many_there_are() -> None:
    """As the README and the page say."""
    assert f"compares {COUNTS[len(STRATEGIES)]} strategies" in README
    assert f"All {COUNTS[len(STRATEGIES)]} strategies" in PAGES["docs/strategies.md"]
