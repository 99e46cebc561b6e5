"""Statistics: intervals that cover the truth, differences that pair by seed, bounds on what was never seen."""

import math

import numpy as np
import pytest

from reports.statistics import limits, mean_interval, metric_interval, most_unseen_ratio, paired_difference


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
