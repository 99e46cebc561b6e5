"""Verification: the prediction holds on the wall clock, and what does not hold is found."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from reports import missed, render_verification, write_verification
from reports.verification import cells_of, verification_frame
from scenarios.wall_check import SCENARIO
from sim.contract import Strategy
from sim.experiment import Outcome, outcome_of
from sim.result import Run
from sim.wall.run import Around
from sim.wall.verify import Pair, verify_all
from strategies import DeleteInTransaction, DeleteOnWrite, TtlOnly
from tests.helpers import run

SHORT = replace(SCENARIO, warmup_s=3, duration_s=5)
SEEDS = range(1, 5)


def simulated(strategy: Strategy, seed: int, backend: str = "locmem") -> Outcome:
    """Return the outcome of one simulation."""
    return outcome_of(run(SHORT, strategy, backend=backend, seed=seed))


def pretended(measured: Strategy, predicted: Strategy) -> list[Pair]:
    """Return pairs in which the simulation of one strategy stands for a real run."""
    pairs = []
    for seed in SEEDS:
        real = replace(simulated(measured, seed), clock="wall", notes=["wall clock: pretended"])
        pairs.append(Pair(real, simulated(predicted, seed)))
    return pairs


def test_what_agrees_meets_the_bars() -> None:
    """A prediction that is what was measured misses nothing, and no seed differs."""
    pairs = pretended(TtlOnly(3), TtlOnly(3))
    assert missed(pairs) == []
    (cell,) = cells_of(pairs)
    assert cell.interval("difference", "stale_ratio").mean == 0


@pytest.mark.parametrize(
    ("model", "problem"),
    [(TtlOnly(6), "hits are"), (TtlOnly(6), "outdated reads are"), (DeleteOnWrite(3), "outdated reads are")],
)
def test_a_wrong_model_misses_a_bar(model: Strategy, problem: str) -> None:
    """A model with another timeout, or with another strategy, is found out by these few seconds and seeds."""
    assert any(problem in line for line in missed(pretended(TtlOnly(3), model)))


def test_more_cells_need_wider_intervals() -> None:
    """The intervals hold for all cells at once: with more cells each one is wider."""
    one = pretended(TtlOnly(3), TtlOnly(4))
    two = [*one, *pretended(DeleteOnWrite(3), DeleteOnWrite(4))]
    alone, beside = (cells_of(pairs)[0].interval("difference", "stale_ratio") for pairs in (one, two))
    assert beside.low < alone.low < alone.high < beside.high


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_every_form_shows_both_sides(form: str) -> None:
    """Each form holds every cell with what was predicted and measured, and people's forms say what the bars are."""
    pairs = pretended(TtlOnly(3), TtlOnly(6))
    text = render_verification(pairs, form)
    assert "ttl-only" in text
    mean = verification_frame(pairs).set_index("metric")["predicted"]["hit_ratio"]
    assert (f"{100 * mean:.2f} ±" if form in ("table", "markdown") else str(mean)[:8]) in text
    if form == "table":
        assert "within 2 points: missed" in text


def test_written_files(tmp_path: Path) -> None:
    """`--out` holds the table and a picture, and nothing unfinished."""
    write_verification(pretended(TtlOnly(3), TtlOnly(3)), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["verify.csv", "verify.png"]
    frame = pd.read_csv(tmp_path / "out" / "verify.csv")
    assert set(frame["metric"]) == {"hit_ratio", "stale_ratio", "stale_age_p99_s", "db_reads"}
    assert (tmp_path / "out" / "verify.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.servers
def test_a_real_run_is_predicted() -> None:
    """A few real seconds come out as simulated: the same reads, hits within 2 points, outdated reads near."""
    (pair,) = verify_all([Run(SHORT, DeleteInTransaction(3), "locmem", 1)], Around("postgres"))
    real, model = pair.measured.summary, pair.predicted.summary
    assert real["reads"] == model["reads"]
    assert real["hit_ratio"] == pytest.approx(model["hit_ratio"], abs=0.02)
    assert real["stale_ratio"] == pytest.approx(model["stale_ratio"], abs=0.05)
    assert real["stale_ratio"] > 0.05, "the race does happen"
    assert real["undecidable"] <= 0.01 * real["reads"]


@pytest.mark.proof
@pytest.mark.servers
def test_the_bars_hold() -> None:
    """Two strategies on three backends: hits within two points, outdated reads within the simultaneous interval."""
    strategies = (TtlOnly(3), DeleteInTransaction(3))  # the command's own five take half an hour
    scenario = replace(SCENARIO, warmup_s=4, duration_s=6)
    runs = [
        Run(scenario, strategy, backend, seed)
        for backend in ("locmem", "redis", "memcached")
        for strategy in strategies
        for seed in range(1, 4)
    ]
    assert missed(verify_all(runs, Around("postgres"))) == []
