"""The benchmarks measure the same work on all sides; how long it takes is not for a test."""

import pytest

from bench.case import scenario_at
from bench.rounds import SIDES, Contest
from bench.servers import recorded
from tests.helpers import SERVERS


def test_the_three_sides_do_the_same() -> None:
    """Bare calls, run and textbook give one answer, and each of them is timed."""
    contest = Contest(100.0, 500)
    contest.play_round(SIDES)
    assert all(len(contest.timings.seconds[side]) == 1 for side in SIDES)
    assert contest.timings.calls > 500


@pytest.mark.servers
@pytest.mark.parametrize("backend", ["redis", "memcached"])
def test_a_server_is_called_as_shared_is(backend: str) -> None:
    """The calls that the bare side makes are those that a run on the server makes."""
    assert len(recorded(scenario_at(100.0, 500), backend, SERVERS)) > 500
