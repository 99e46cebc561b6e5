"""How many seeds a point is given, and what is said where they were not enough."""

from collections.abc import Sequence
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewise.reports.statistics import mean_interval
from cachewise.sim.errors import UserError
from cachewise.sim.sweep.precision import (
    Target,
    half_width,
    parse_precision,
    seeds_wanted,
    shortfall,
    shortfalls,
)

MOST = 60
STALE, HITS = Target("stale_ratio", 0.3), Target("hit_ratio", 0.5)


def seeds_of(values: dict[str, Sequence[float]], *targets: Target, rounds: int | None = None, least: int = 2) -> int:
    """Return how many seeds a point ends with that is asked again after each round, or after every *rounds* seeds."""
    had = 0
    while True:
        known = {name: column[:had] for name, column in values.items()}
        wanted = seeds_wanted(targets, known, least, MOST)
        if wanted <= had:
            return wanted
        had = wanted if rounds is None else min(wanted, had + rounds)


def test_precision_as_typed() -> None:
    assert parse_precision("stale_ratio:0.2%, hit_ratio:0.005,response_p99_s:1e-3") == (
        Target("stale_ratio", 0.002),
        Target("hit_ratio", 0.005),
        Target("response_p99_s", 0.001),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stale_rate:0.1", "did you mean 'stale_ratio'"),
        ("hit_ratio", "FIGURE:HALF"),
        ("hit_ratio:0.1,", "FIGURE:HALF"),
        ("hit_ratio:tight", "'tight' is not a number"),
        ("hit_ratio:0", "above 0"),
        ("hit_ratio:-1%", "above 0"),
        ("hit_ratio:nan", "nan is not a finite number"),
        ("response_p99_s:10 mins", "write 10m"),
        ("hit_ratio:5", "write 5%"),
        ("response_p99_s:5%", "in s, without %"),
        ("wall_s:0.1", "this machine's speed"),
        ("hit_ratio:0.1,hit_ratio:0.2", "hit_ratio twice"),
    ],
)
def test_what_is_no_precision_is_refused_in_a_line(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        parse_precision(text)
    assert "\n" not in str(refused.value)


figures = st.lists(st.one_of(st.just(nan), st.floats(-3, 3), st.sampled_from([0.0, 1.0])), min_size=MOST, max_size=MOST)


@given(figures, figures, st.integers(1, MOST), st.integers(2, 30))
def test_the_number_of_seeds_depends_on_neither_rounds_nor_interruptions(
    stale: list[float], hits: list[float], rounds: int, least: int
) -> None:
    """Asked after every few seeds, or with more values than needed, the rule ends at the same seed; no other is run."""
    values = {"stale_ratio": stale, "hit_ratio": hits}
    seeds = seeds_of(values, STALE, HITS, least=least)
    assert seeds_of(values, STALE, HITS, rounds=rounds, least=least) == seeds
    assert seeds_wanted((STALE, HITS), values, least, MOST) == seeds
    assert least <= seeds <= MOST
    if seeds < MOST:
        assert shortfalls((STALE, HITS), {name: column[:seeds] for name, column in values.items()}) == []


def test_a_lucky_beginning_stops_nothing() -> None:
    """Ten equal values are tight; what follows is not, and is looked at before the point is done."""
    rng = np.random.default_rng(1)
    values = {"stale_ratio": [*[0.5] * 10, *rng.normal(0.5, 0.8, MOST - 10)]}
    seeds = seeds_of(values, STALE)
    assert seeds > 30
    assert half_width(values["stale_ratio"][:seeds]) <= STALE.half_width


def test_skewed_figures_are_given_more_seeds() -> None:
    """With the same spread and half-width asked for, a long tail takes more seeds; far from the limit it does not."""
    rng = np.random.default_rng(2)
    tail = [list(rng.permutation(np.repeat([0.0, 0.0, 0.0, 0.0, 1.0], MOST // 5))) for _ in range(20)]
    even = [list(rng.permutation(np.repeat([0.1, 0.9], MOST // 2))) for _ in range(20)]

    def mean_seeds(samples: list[list[float]], asked: float) -> float:
        return float(np.mean([seeds_of({"stale_ratio": sample}, Target("stale_ratio", asked)) for sample in samples]))

    assert mean_seeds(tail, 0.3) > mean_seeds(even, 0.3) + 10
    assert mean_seeds(tail, 1.5) < 25


def test_what_is_always_the_same_or_never_measured_takes_a_first_round() -> None:
    """No spread, or nothing to measure, is neither done at once nor worth all the seeds there are."""
    for value in (0.0, 0.7, nan):
        values = {"stale_ratio": [value] * MOST}
        assert 13 <= seeds_of(values, STALE) <= 20
        assert shortfall([STALE], {"stale_ratio": [value] * 20}) == ""


def test_what_is_seldom_measured_takes_all() -> None:
    values = {"stale_ratio": [0.1 if seed % 10 == 0 else nan for seed in range(MOST)]}
    assert seeds_of(values, STALE) == MOST


def test_the_tightest_target_decides() -> None:
    rng = np.random.default_rng(3)
    values = {"stale_ratio": list(rng.normal(size=MOST)), "hit_ratio": list(rng.normal(size=MOST))}
    alone = [seeds_of(values, target) for target in (STALE, HITS)]
    assert alone[0] > alone[1]
    assert seeds_of(values, STALE, HITS) >= alone[0]


@given(st.lists(st.one_of(st.just(nan), st.floats(-1e6, 1e6)), min_size=2, max_size=40))
def test_the_interval_is_the_one_that_reports_show(values: list[float]) -> None:
    shown, half = mean_interval(values), half_width(values)
    if shown.known:
        assert half == pytest.approx((shown.high - shown.low) / 2, rel=1e-6, abs=1e-8 * max(1, abs(shown.mean)))
    else:
        assert half == inf if shown.seeds == 1 else isnan(half)


def test_what_was_not_reached_is_said_in_words() -> None:
    values = {"stale_ratio": [0.0, 0.2, 0.1, 0.3], "hit_ratio": [0.5, 0.5, 0.5, 0.5]}
    asked = [Target("stale_ratio", 0.2), Target("hit_ratio", 0.1)]
    assert shortfall(asked, values) == "stale_ratio ± 0.206 after 4 seeds (asked: 0.2)"
    almost = half_width(values["stale_ratio"]) * (1 - 1e-9)
    assert "± 0.206 " in shortfall([Target("stale_ratio", almost)], values)
    seldom = {"stale_ratio": [nan, 0.2, nan, nan]}
    assert shortfall(asked[:1], seldom) == (
        "stale_ratio without an interval after 4 seeds, of which 1 had something to measure (asked: 0.2)"
    )
