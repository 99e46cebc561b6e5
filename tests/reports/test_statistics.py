"""Statistics: intervals that cover the truth, differences that pair by seed, bounds on what was never seen."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from cachewise.reports import statistics
from cachewise.reports.more_seeds import rounded_up
from cachewise.reports.statistics import (
    Interval,
    exchangeable_range,
    limits,
    mean_interval,
    metric_interval,
    most_unseen_ratio,
    paired_difference,
    seeds_to_settle,
)


def test_interval_of_a_textbook_sample() -> None:
    """The t interval of 1, 2, 3 is 2 plus or minus 4.3027 / sqrt(3)."""
    found = mean_interval([1, 2, 3])
    assert found.mean == 2
    assert (found.low, found.high) == pytest.approx((2 - 4.302653 / math.sqrt(3), 2 + 4.302653 / math.sqrt(3)))


def test_one_seed_gives_no_interval() -> None:
    """With one seed there is a mean and nothing else, and no difference counts as shown."""
    found = mean_interval([5.0])
    assert found.mean == 5
    assert not found.known
    assert math.isnan(found.low)
    assert not found.excludes_zero


def test_nothing_to_measure_stays_nan() -> None:
    """Runs in which a metric cannot be measured are left out; if all are, the mean is NaN."""
    assert mean_interval([math.nan, 3.0]).seeds == 1
    assert math.isnan(mean_interval([math.nan]).mean)


def test_intervals_stay_within_what_is_possible() -> None:
    """A ratio's interval does not leave 0 to 1, a rate's does not go below 0, savings may."""
    assert metric_interval("stale_ratio", [0.0, 0.0, 0.9]).low == 0
    assert metric_interval("hit_ratio", [1.0, 0.9, 1.0]).high == 1
    assert metric_interval("db_queries_per_s", [0.0, 5.0]).low == 0
    assert metric_interval("db_queries_saved_ratio", [-0.1, -0.2]).low < -0.2
    assert limits("db_queries_saved_ratio")[1] == 1


def test_pairing_by_seed_finds_what_the_noise_between_seeds_hides() -> None:
    """A constant gap is shown although the seeds differ far more than the strategies."""
    ours, theirs = {1: 10.0, 2: 110.0, 3: 205.0}, {1: 11.0, 2: 111.1, 3: 206.05}
    assert paired_difference(ours, theirs).excludes_zero
    assert mean_interval(ours.values()).high > mean_interval(theirs.values()).low


def test_pairs_need_the_same_seed() -> None:
    """Only seeds that both were run with are compared."""
    assert paired_difference({1: 1.0, 2: 5.0}, {2: 3.0, 9: 4.0}).mean == 2
    assert paired_difference({1: 1.0}, {2: 1.0}).seeds == 0


@pytest.mark.parametrize("trials", [1, 10, 300, 30_000])
def test_unseen_ratio_is_the_share_missed_once_in_twenty(trials: int) -> None:
    """At the bound, all trials together miss with 5% probability: about 3 / trials."""
    bound = most_unseen_ratio(trials)
    assert (1 - bound) ** trials == pytest.approx(0.05)
    assert trials < 10 or bound == pytest.approx(3 / trials, rel=0.15)
    assert most_unseen_ratio(0) == 1


@pytest.mark.proof
@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_interval_covers_the_true_mean_at_its_rate(seeds: int) -> None:
    """Of 20,000 intervals of normal samples 95% hold the true mean, within four standard errors."""
    rng, tries = np.random.default_rng(5), 20_000
    samples = rng.normal(3.0, 2.0, (tries, seeds))
    covered = sum(found.low <= 3.0 <= found.high for found in map(mean_interval, samples))
    assert covered / tries == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / tries))


@pytest.mark.proof
def test_cutting_an_interval_to_the_possible_loses_no_coverage() -> None:
    """Cut to 0 and above, the intervals of the same samples hold the true mean exactly as often."""
    samples = np.random.default_rng(6).gamma(0.5, 1.0, (20_000, 3))
    whole = [found.low <= 0.5 <= found.high for found in map(mean_interval, samples)]
    cut = [found.low <= 0.5 <= found.high for found in (mean_interval(sample, least=0.0) for sample in samples)]
    assert cut == whole


@pytest.mark.parametrize("draw", ["standard_normal", "standard_exponential", "rare"])
def test_one_of_many_alike_is_rarely_outside(draw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value drawn like its row's others is called different no more often than said, and hardly less often.

    With rare events, where most values are equal, it is called so less often.
    """
    monkeypatch.setattr(statistics, "PICKS", 4000)
    rng, trials, outside = np.random.default_rng(7), 800, 0
    for _ in range(trials):
        rows = rng.poisson(0.1, (4, 17)).astype(float) if draw == "rare" else getattr(rng, draw)((4, 17))
        low, high = exchangeable_range(rows.tolist(), 0.9)
        outside += not low - 1e-12 <= rows[:, 0].mean() <= high + 1e-12
    error = math.sqrt(0.1 * 0.9 / trials)
    assert outside / trials <= 0.1 + 4 * error
    assert outside / trials >= 0.1 - 4 * error or draw == "rare"


def test_what_stands_apart_in_every_row_is_outside() -> None:
    """A value that no other of its rows comes near is outside, by however little the others vary."""
    rows = [[1.0, *np.linspace(0, 0.5, 16)] for _ in range(4)]
    low, high = exchangeable_range(rows, 0.99)
    assert 0 <= low < high < 1


def test_rows_with_nothing_to_measure() -> None:
    """What is missing is left out, and where all is missing there is no range."""
    assert exchangeable_range([[math.nan, 2.0], [2.0, 2.0]], 0.9) == (2.0, 2.0)
    assert all(math.isnan(end) for end in exchangeable_range([[math.nan, math.nan]], 0.9))


def test_few_picks_are_all_tried() -> None:
    """With two rows of ten the range is exact: 3 of the 100 means lie below 0.2, and as many above 1.6."""
    rows = [[value / 10 for value in range(10)], [float(value) for value in range(10)]]
    every = sorted((ours + theirs) / 2 for ours in rows[0] for theirs in rows[1])
    assert exchangeable_range(rows, 0.94) == pytest.approx((every[2], every[97]))


def test_many_rows_take_little_memory() -> None:
    """Hundreds of seeds are no more in memory than a few: the range is that of a normal distribution then."""
    rows = np.random.default_rng(3).standard_normal((400, 17))
    low, high = exchangeable_range(rows.tolist(), 0.95)
    assert (high - low) / 2 == pytest.approx(1.96 * rows.std(axis=1).mean() / math.sqrt(400), rel=0.05)


@pytest.mark.parametrize("ran", [2, 8, 200, 9_000])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_the_seeds_that_settle_are_the_least_that_do(ran: int, share: float) -> None:
    """With the same mean and spread so many exclude zero, one less does not; they are more than those that ran."""
    half = 1.0
    needed = seeds_to_settle(Interval(share * half, share * half - half, share * half + half, ran))
    spread = half * math.sqrt(ran) / student.ppf(0.975, ran - 1)

    def settles(seeds: int) -> bool:
        return student.ppf(0.975, seeds - 1) * spread / math.sqrt(seeds) < share * half

    if needed is None:
        assert not settles(10_000)
    else:
        assert needed > ran
        assert settles(needed)
        assert needed == ran + 1 or not settles(needed - 1)


def test_seeds_can_show_that_two_are_as_good() -> None:
    """A difference near zero never excludes it, but lies within a margin with enough seeds; one seed says nothing."""
    none = Interval(0.0, -1.0, 1.0, 8)
    assert seeds_to_settle(none) is None
    wide, narrow = (seeds_to_settle(none, margin=margin) for margin in (0.1, 0.5))
    assert wide is not None
    assert narrow is not None
    assert wide > narrow > 8
    assert seeds_to_settle(Interval(0.2, -0.1, 0.5, 8)) is not None
    assert seeds_to_settle(Interval(0.2, -0.1, 0.5, 8), margin=0.1) is None  # too far apart to be as good
    assert seeds_to_settle(Interval(0.1, math.nan, math.nan, 1)) is None


@pytest.mark.parametrize(("seeds", "said"), [(6, 6), (11, 15), (31, 40), (200, 200), (201, 300), (8_100, 10_000)])
def test_a_number_of_seeds_is_rounded_up(seeds: int, said: int) -> None:
    """As people say it, never to less, and never to more than there can be."""
    assert rounded_up(seeds) == said
