"""Incidents of one small project, played: what goes wrong shows in the figures, and its cure removes it."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cachewise.sim.app.outcome import AppOutcome
from tests.helpers import SERVERS
from tests.sim.app.playing import Play

INCIDENTS = Path(__file__).parent / "incidents"


class Played(NamedTuple):
    """A run of the project as it is, and one of its cure."""

    incident: AppOutcome
    cured: AppOutcome


@cache
def played(name: str) -> Played:
    """Play an incident and its cure, once a session of tests."""
    with SERVERS.folder() as rows:
        play = Play(INCIDENTS / f"{name}.py", SERVERS, rows)
        assert play.description.refusals == ()
        as_it_is, cure, _no_cache = (one.name for one in play.description.variants)
        outcomes = play.runs([play.errand(as_it_is), play.errand(cure)])
    assert not any(outcome.failures for outcome in outcomes), outcomes[0].failures
    return Played(*outcomes)


def figures(outcome: AppOutcome, function: str) -> dict[str, Any]:
    """Return the row of a read function."""
    (row,) = (row for row in outcome.functions if row["function"] == function)
    return row


def shares(outcome: AppOutcome, function: str) -> tuple[float, float]:
    """Return which share of a function's reads was outdated, and which was never true."""
    row = figures(outcome, function)
    return row["stale_ratio"], row["never_true_ratio"]


@pytest.mark.servers
@pytest.mark.parametrize(
    ("incident", "function", "least", "most", "left"),
    [
        # What no invalidation reaches is outdated from the first write to each row on, as nothing expires meanwhile.
        ("update", "article", 0.7, 1.0, 0.02),  # forgetting by hand after the commit leaves the usual slow reader
        ("m2m", "article", 0.7, 1.0, 0.0),
        ("many_rows", "article", 0.8, 1.0, 0.0),
        ("per_cookie", "own_front", 0.7, 1.0, 0.0),
        # Where a reader must come at the wrong moment, a good deal less is.
        ("post_save", "article", 0.01, 0.3, 0.0),
        ("task_too_early", "article", 0.01, 0.3, 0.0),
        ("cachalot_reader", "titles", 0.05, 0.6, 0.0),
    ],
)
def test_outdated(incident: str, function: str, least: float, most: float, left: float) -> None:
    """The share of outdated reads is about what it must be, some are seconds old, and the cure leaves hardly any."""
    found = played(incident)
    stale, never_true = shares(found.incident, function)
    assert least < stale <= most
    assert never_true == 0
    assert figures(found.incident, function)["stale_age_max_s"] > 1
    stale, never_true = shares(found.cured, function)
    assert stale <= left
    assert never_true == 0


@pytest.mark.servers
def test_the_page_without_a_cookie_is_not_outdated() -> None:
    """The invalidation reaches that one: it is the other visitors' pages that it misses."""
    found = played("per_cookie")
    assert shares(found.incident, "front") == (0, 0)
    assert shares(found.cured, "front") == (0, 0)


@pytest.mark.servers
def test_a_value_that_was_rolled_back() -> None:
    """It is no old value: it was true at no time."""
    found = played("rolled_back")
    stale, never_true = shares(found.incident, "title")
    assert stale == 0
    assert 0.2 < never_true < 0.7
    assert shares(found.cured, "title") == (0, 0)


@pytest.mark.servers
def test_a_clear_that_logs_everybody_out() -> None:
    """The lost sessions are counted apart, and a page that asks to log in is not an outdated one."""
    found = played("clear")
    assert found.incident.logouts == 10
    assert found.cured.logouts == 0
    assert figures(found.incident, "desk")["statuses"].keys() == {200, 302}
    assert figures(found.cured, "desk")["statuses"].keys() == {200}
    for outcome in found:
        assert shares(outcome, "desk") == (0, 0)
        assert shares(outcome, "article") == (0, 0)
