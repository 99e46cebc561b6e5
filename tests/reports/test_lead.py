"""The lead: which two strategies the answer contrasts, and what it says of them."""

from typing import Any

import pytest

from cachewise.reports.answer import answer
from cachewise.sim.own.homes import _HOMES, Home
from cachewise.strategies import TtlOnly
from tests.reports.conftest import Made, case_with


def test_the_lead_is_in_pages_a_day(made: Made) -> None:
    """The lead names the rate, the outdated pages a day with the interval, the oldest, and the extra queries."""
    case = case_with(
        made,
        delete_in_transaction={"stale": [0.10, 0.11, 0.12], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.001, 0.002, 0.003], "saved": [0.9, 0.9, 0.9]},
    )
    lead = answer(case).lead
    assert lead == (
        "At 200 reads a second, deleting inside the transaction (`delete-in-transaction`) serves about 1.9 million "
        "outdated pages a day (95% interval 1.47 million to 2.33 million). The oldest is 6 s out of date. "
        "Moving one line to `on_commit` cuts that to about 34,600 (95% interval 0 to 77,500). "
        "The database gets 20 queries a second either way."
    )


ONE_LINE: dict[str, dict[str, Any]] = {  # moving it brings much, for sure
    "delete_in_transaction": {"stale": [0.10, 0.11, 0.12], "saved": [0.9, 0.9, 0.9]},
    "delete_on_write": {"stale": [0.01, 0.011, 0.012], "saved": [0.9, 0.9, 0.9]},
    "write_through": {"stale": [0.001, 0.001, 0.001], "saved": [0.95, 0.95, 0.95]},
    "ttl_only": {"stale": [0.3, 0.3, 0.3], "saved": [0.9, 0.9, 0.9]},
}
BOUNDS: dict[str, dict[str, Any]] = {
    name: {"stale": [0, 0, 0], "saved": [saved] * 3} for name, saved in (("no_cache", 0.0), ("oracle", 0.99))
}
CHANCE = {**BOUNDS, **ONE_LINE, "delete_on_write": {"stale": [0, 0, 0.3], "saved": [0.9] * 3}}
TINY = {**BOUNDS, **ONE_LINE, "delete_on_write": {"stale": [0.09995, 0.10995, 0.11995], "saved": [0.9] * 3}}


@pytest.mark.parametrize(
    ("strategies", "first", "second"),
    [
        ({**BOUNDS, **ONE_LINE}, "deleting inside the transaction", "Moving one line to `on_commit` cuts"),
        (ONE_LINE, "waiting for the timeout", "`write-through` cuts"),
        ({name: ONE_LINE[name] for name in ("delete_in_transaction", "delete_on_write")}, "deleting inside", "Moving"),
        (CHANCE, "waiting for the timeout", "`write-through` cuts"),
        (TINY, "waiting for the timeout", "`write-through` cuts"),
        ({name: ONE_LINE[name] for name in ("delete_on_write", "write_through")}, "deleting in `on_c", "`write-"),
    ],
    ids=["news", "named", "these two", "by chance", "too small to count", "the worst"],
)
def test_the_lead_has_what_is_news_or_was_asked(
    made: Made, strategies: dict[str, dict[str, Any]], first: str, second: str
) -> None:
    """The move to `on_commit` leads where all or just these were run, and where it brings what counts, for sure."""
    found = answer(case_with(made, **strategies)).lead
    assert f"a second, {first}" in found
    assert f". {second}" in found


def test_the_lead_has_ones_own_strategy(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who brings a strategy asks about it: it is contrasted with the best one."""
    mine = {"stale": [0.02, 0.02, 0.021], "saved": [0.9, 0.9, 0.9], "strategy": Mine()}
    case = case_with(made, **BOUNDS, **ONE_LINE, mine=mine)
    assert "Moving one line" in answer(case).lead
    monkeypatch.setitem(_HOMES, Mine, Home("./mine.py", "./mine.py", "Mine", "mine"))
    assert "a second, `mine` serves about" in answer(case).lead
    assert ". `write-through` cuts that to" in answer(case).lead


class Mine(TtlOnly):
    """A strategy of one's own."""

    name = "mine"


def test_a_lead_does_not_boast_of_chance(made: Made) -> None:
    """A change that these seeds cannot show is called not distinguishable, a worse one is said to raise the figure."""
    lucky = case_with(
        made,
        delete_in_transaction={"stale": [0.0, 0.0, 0.12], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.0, 0.0, 0.0], "saved": [0.5, 0.5, 0.5]},
    )
    none = "With `on_commit`, no outdated read occurred in 9,039 reads"
    chance = "more seeds are needed to show that this is not chance"
    assert f"{none}; {chance}. The database gets 100 queries a second instead of 20." in answer(lucky).lead
    worse = case_with(
        made,
        delete_in_transaction={"stale": [0.01, 0.01, 0.011], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.10, 0.11, 0.12], "saved": [0.95, 0.95, 0.95]},
    )
    assert "raises that to about 1.9 million" in answer(worse).lead
    assert "The database gets 10 queries a second instead of 20." in answer(worse).lead


def test_few_queries_are_not_no_extra_queries(made: Made) -> None:
    """Queries that differ by a factor are both given, however few they are beside the reads, or however noisy."""
    case = case_with(
        made,
        delete_in_transaction={"stale": [0.10, 0.11, 0.12], "saved": [0.9996, 0.9996, 0.9996]},
        delete_on_write={"stale": [0.001, 0.002, 0.003], "saved": [0.9999, 0.9990, 0.9987]},
    )
    assert "The database gets 0.16 queries a second instead of 0.08, which may be chance." in answer(case).lead
