"""The benchmarks measure the same work on all sides; how long it takes is not for a test."""

import pytest

from bench import servers
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


@pytest.mark.servers
@pytest.mark.parametrize(("bar", "code"), [(0.0, 1), (1e9, 0)])
def test_a_missed_bar_is_the_exit_code(monkeypatch: pytest.MonkeyPatch, bar: float, code: int) -> None:
    """Where a median is above the bar, the benchmark of the servers ends with 1, otherwise with 0."""
    monkeypatch.setattr(servers, "MOST_RUN_OVER_BARE", bar)
    monkeypatch.setattr(servers, "RATES_PER_S", {"redis": (1_000.0,)})
    monkeypatch.setattr(servers, "LEAST_ROUNDS", 1)
    assert servers.main(["--requests", "100", "--rounds", "1"]) == code
