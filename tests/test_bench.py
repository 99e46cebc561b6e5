"""The benchmarks measure the same work on all sides; how long it takes is not for a test."""

from math import inf

import pytest
from rich.console import Console

from bench import app, servers, sweeps
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


@pytest.fixture(scope="module")
def shop_round(tmp_path_factory: pytest.TempPathFactory) -> list[app.Round]:
    """One round of all sides of the shop."""
    shop = app.Shop(SERVERS, tmp_path_factory.mktemp("rows"))
    return app.rounds_of(shop, 1, 150, 300)


def test_the_client_reads_what_a_run_reads(shop_round: list[app.Round]) -> None:
    """Run and test client serve the same requests, with a cache and without; the judge is measured, too."""
    (one,) = shop_round
    reads = [one[side].reads for side in ("run", "bare", "no cache")]
    assert reads[0] == reads[1] == reads[2]
    assert sum(reads[0].values()) > 100
    assert {"product_list", "own_profile"} <= {*reads[0]}
    assert one["run"].judge_s > 0


@pytest.mark.parametrize(("bar", "code"), [(0.0, 1), (inf, 0)])
def test_a_missed_bar_of_the_shop_is_the_exit_code(
    shop_round: list[app.Round], monkeypatch: pytest.MonkeyPatch, bar: float, code: int
) -> None:
    """Where any median is above its bar, the benchmark of the shop ends with 1, otherwise with 0."""
    for name in ("MOST_RUN_OVER_BARE", "MOST_GROWTH"):
        monkeypatch.setattr(app, name, inf)
    monkeypatch.setattr(app, "MOST_JUDGE_OVER_NO_CACHE", bar)
    assert app.print_report(shop_round, 150, 300, Console()) == code


@pytest.mark.parametrize(("bar", "code"), [(0.0, 1), (inf, 0)])
def test_a_missed_bar_of_many_runs_is_the_exit_code(monkeypatch: pytest.MonkeyPatch, bar: float, code: int) -> None:
    """All sides do their runs; where a median is above its bar, the benchmark ends with 1, otherwise with 0."""
    work = sweeps.Work(3, 100, 1, 100)
    monkeypatch.setattr(sweeps, "BARS", [(name, bar, ratio) for name, _, ratio in sweeps.BARS])
    assert sweeps.print_report(sweeps.rounds_of(work, 1), work, Console()) == code
