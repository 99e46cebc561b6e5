"""The traffic: who is popular, when requests come, and bad input answered with one line."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cachewise import Scenario, UserError
from cachewise.sim.world.arrivals import Arrivals, parse_arrivals, rate_shape
from cachewise.sim.world.popularity import KeySampler, key_shares, parse_popularity
from cachewise.sim.world.workload import CHUNK_REQUESTS, Chunk, build_workload
from tests.sim.world.texts import SPEC

STANDARD_ERRORS = 4.0


def chunks(scenario: Scenario, seed: int = 1) -> list[Chunk]:
    """Return all requests of *scenario*."""
    return list(build_workload(scenario, seed).chunks())


def column(found: list[Chunk], name: str) -> Any:
    """Return one column over all chunks."""
    return np.concatenate([getattr(chunk, name) for chunk in found])


def near(count: float, expected: float, variance: float | None = None) -> bool:
    """Return whether a count lies within four standard errors (a Poisson count's, unless told) of what is expected."""
    return abs(count - expected) <= STANDARD_ERRORS * math.sqrt(expected if variance is None else variance)


# --- popularity ---


def test_shares() -> None:
    """Uniform shares are equal, zipf's fall as a power of the rank, a hotspot's hot keys share its traffic."""
    np.testing.assert_allclose(key_shares("f", "uniform", 4), [0.25] * 4)
    np.testing.assert_allclose(key_shares("f", "zipf:1", 3), np.array([6, 3, 2]) / 11)
    np.testing.assert_allclose(key_shares("f", "zipf:2", 3), np.array([36, 9, 4]) / 49)
    np.testing.assert_allclose(key_shares("f", "zipf:0", 5), [0.2] * 5)
    np.testing.assert_allclose(key_shares("f", "hotspot:0.2:0.9", 10), [0.45] * 2 + [0.1 / 8] * 8)
    np.testing.assert_allclose(key_shares("f", "hotspot:0.01:0.9", 1), [1.0])


@pytest.mark.parametrize("spec", ["uniform", "zipf:0.8", "zipf:1.2", "hotspot:0.1:0.7"])
def test_drawn_keys_follow_the_shares(spec: str) -> None:
    """The frequencies of a million draws fit the shares (chi-squared, four standard deviations)."""
    shares = key_shares("f", spec, 50)
    count = 1_000_000
    found = np.bincount(KeySampler(shares, np.random.default_rng(5)).draw(count), minlength=50)
    chi_squared = float(((found - count * shares) ** 2 / (count * shares)).sum())
    assert chi_squared <= 49 + STANDARD_ERRORS * math.sqrt(2 * 49)


def test_write_popularity() -> None:
    """`same` writes the keys that are read, in the same shares; a skew of its own is dealt out to other keys."""
    base = {"keys": 50, "read_popularity": "zipf:1.2", "reads_per_s": 500, "writes_per_s": 500, "duration_s": 100}
    shares = key_shares("f", "zipf:1.2", 50)

    def written(popularity: str) -> Any:
        found = chunks(Scenario("s", write_popularity=popularity, **base))
        codes = column(found, "key_code")[column(found, "is_write")]
        return np.bincount(codes, minlength=50) / len(codes)

    same, own = written("same"), written("zipf:1.2")
    assert np.abs(same - shares).max() < 0.01
    np.testing.assert_allclose(sorted(own), sorted(shares), atol=0.01)
    assert np.corrcoef(own, shares)[0, 1] < 0.9


# --- arrivals ---


@pytest.mark.parametrize("arrivals", ["poisson", "bursts:5:2:18", "bursts:1:3:3", "daily:0.8:50", "daily:1:7"])
def test_mean_rates(arrivals: str) -> None:
    """Every shape but the flash keeps the mean rate; bursts vary more, which is counted."""
    scenario = Scenario("s", keys=1, reads_per_s=200, writes_per_s=20, arrivals=arrivals, duration_s=2000, warmup_s=0)
    counts = []
    for seed in range(1, 9):
        found = chunks(scenario, seed)
        counts.append((~column(found, "is_write")).sum())
    spread = np.std(counts, ddof=1) / math.sqrt(len(counts))
    poisson = math.sqrt(400_000 / len(counts))
    assert abs(np.mean(counts) - 400_000) <= STANDARD_ERRORS * max(spread, poisson)
    if not arrivals.startswith("bursts:5"):
        assert all(near(count, 400_000) for count in counts)


def test_poisson_gaps() -> None:
    """Gaps of Poisson arrivals are exponential: mean and standard deviation are the rate's inverse; no memory."""
    times = column(
        chunks(Scenario("s", keys=1, reads_per_s=100, writes_per_s=0, duration_s=2000, warmup_s=0)), "arrival_s"
    )
    gaps = np.diff(times)
    assert abs(gaps.mean() * 100 - 1) < STANDARD_ERRORS / math.sqrt(len(gaps))
    assert abs(gaps.std() * 100 - 1) < STANDARD_ERRORS * math.sqrt(2 / len(gaps))
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < STANDARD_ERRORS / math.sqrt(len(gaps))


def test_bursts() -> None:
    """While a burst lasts the rate is its factor times the mean, otherwise the lowered one; the share of time fits."""
    shape = rate_shape("bursts:4:10:40", 0, 50_000, np.random.default_rng(3))
    assert shape.relative is not None
    relative = shape.relative(np.arange(0, 50_000, 0.5))
    assert set(np.round(relative, 9)) == {4.0, 0.25}
    # A share of 0.2 over about 1,000 independent cycles; its standard error is near 0.2 * 0.8 * sqrt(2 / 1000).
    assert abs((relative == 4).mean() - 0.2) < STANDARD_ERRORS * 0.2 * 0.8 * math.sqrt(2 / 1000)


def test_daily_curve() -> None:
    """The rate follows the sine from the end of the warm-up: its quarter is high and its third quarter low."""
    scenario = Scenario(
        "s", keys=1, reads_per_s=400, writes_per_s=0, arrivals="daily:0.5:400", duration_s=400, warmup_s=100
    )
    times = column(chunks(scenario), "arrival_s") - 100
    for start_s in range(0, 400, 50):
        area = 50 - 0.5 * 400 / (2 * math.pi) * (
            math.cos(2 * math.pi * (start_s + 50) / 400) - math.cos(2 * math.pi * start_s / 400)
        )
        assert near(((times >= start_s) & (times < start_s + 50)).sum(), 400 * area)


def test_flash_crowd() -> None:
    """The rate jumps to its factor at its time after the warm-up and decays from there; before, nothing changes."""
    scenario = Scenario(
        "s", keys=1, reads_per_s=100, writes_per_s=10, arrivals="flash:20:50:30", duration_s=300, warmup_s=60
    )
    found = chunks(scenario)
    for is_write, rate_per_s in ((False, 100), (True, 10)):
        times = column(found, "arrival_s")[column(found, "is_write") == is_write]
        assert near((times < 110).sum(), 110 * rate_per_s)
        assert near(((times >= 110) & (times < 111)).sum(), rate_per_s * (1 + 19 * 30 * (1 - math.exp(-1 / 30))))
        assert near((times >= 110).sum(), rate_per_s * (250 + 19 * 30 * (1 - math.exp(-250 / 30))))


def test_arrivals_do_not_depend_on_who_asks_for_how_much() -> None:
    """Handed out in steps of any width the times are the same."""
    shape = rate_shape("daily:0.9:30", 0, 200, np.random.default_rng(0))

    def drawn(width_s: float) -> Any:
        arrivals = Arrivals(50, shape, 200, np.random.default_rng(4))
        return np.concatenate([arrivals.until(width_s * step) for step in range(1, math.ceil(200 / width_s) + 1)])

    assert drawn(200).tolist() == drawn(3.7).tolist() == drawn(0.4).tolist()


@pytest.mark.parametrize("arrivals", ["poisson", "bursts:4:2:8", "daily:0.5:50", "flash:3:10:5"])
def test_so_many_surely_come(arrivals: str) -> None:
    """It is ten standard deviations below the mean, whatever the seed; of a rate that varies nothing is said."""
    scenario = Scenario("s", reads_per_s=90, writes_per_s=10, arrivals=arrivals, duration_s=90, warmup_s=10)
    for seed in range(3):
        workload = build_workload(scenario, seed)
        surely = workload.reads.surely_from(10), workload.writes.surely_from(0)
        assert surely == ((8100 - 900, 1000 - 317) if arrivals == "poisson" else (0, 0))
        workload.reads.until(50)
        assert workload.reads.surely_from(10) == surely[0]
    few = build_workload(Scenario("s", writes_per_s=0, reads_per_s=1, duration_s=50), 0)
    assert (few.reads.surely_from(60), few.writes.surely_from(0)) == (0, 0)


# --- the whole ---


def test_requests_ascend_and_none_is_lost_between_chunks() -> None:
    """Over many chunks times ascend, all lie within the run, and the counts are the rates'."""
    found = chunks(Scenario("s", keys=9, reads_per_s=900, writes_per_s=100, duration_s=90, warmup_s=10, workers=4))
    assert len(found) > 100_000 / CHUNK_REQUESTS
    times, is_write = column(found, "arrival_s"), column(found, "is_write")
    assert (np.diff(times) >= 0).all()
    assert (times[0] > 0, times[-1] < 100) == (True, True)
    assert near((~is_write).sum(), 90_000)
    assert near(is_write.sum(), 10_000)
    per_worker = np.bincount(column(found, "worker"), minlength=4)
    assert len(per_worker) == 4
    assert all(near(count, len(times) / 4) for count in per_worker)


def test_no_reads_or_no_writes() -> None:
    """A rate of 0 means none of them."""
    assert not column(chunks(Scenario("s", writes_per_s=0, duration_s=5)), "is_write").any()
    assert column(chunks(Scenario("s", reads_per_s=0, duration_s=5)), "is_write").all()


# --- bad input ---

BAD_POPULARITY = {
    "": "read_popularity='': unknown read_popularity ''; known: hotspot, same, uniform, zipf",
    "zip:1": "read_popularity='zip:1': unknown read_popularity 'zip'; did you mean 'zipf'?",
    "zipf": "read_popularity='zipf': write it as zipf:ALPHA",
    "zipf:1:2": "read_popularity='zipf:1:2': write it as zipf:ALPHA",
    "zipf:x": "read_popularity='zipf:x': 'x' is not a number",
    "zipf:": "read_popularity='zipf:': '' is not a number",
    "zipf:-1": "read_popularity='zipf:-1': the numbers must not be negative",
    "zipf:1e400": "read_popularity='zipf:1e400': 1e400 is not a finite number",
    "zipf:nan": "read_popularity='zipf:nan': nan is not a finite number",
    "zipf:21": "read_popularity='zipf:21': ALPHA must lie between 0 and 20",
    "hotspot:0:1": "read_popularity='hotspot:0:1': SHARE_OF_KEYS must lie between 0 and 1",
    "hotspot:.1:2": "read_popularity='hotspot:.1:2': SHARE_OF_TRAFFIC must lie between 0 and 1",
    "same": "read_popularity='same' only makes sense for write_popularity (the same as the reads)",
}
BAD_ARRIVALS = {
    "poison": "arrivals='poison': unknown arrivals 'poison'; did you mean 'poisson'?",
    "bursts:2:0:1": "arrivals='bursts:2:0:1': ON_S and OFF_S must be at least 0.001",
    "bursts:0.5:1:1": "arrivals='bursts:0.5:1:1': FACTOR must be at least 1",
    "bursts:9:1:1": "arrivals='bursts:9:1:1': FACTOR must be at most 2, or the calm rate would be negative",
    "bursts:1:1e308:1e308": "arrivals='bursts:1:1e308:1e308': numbers must be at most 1,000,000,000",
    "daily:2:10": "arrivals='daily:2:10': AMPLITUDE must lie between 0 and 1",
    "daily:1:1e-300": "arrivals='daily:1:1e-300': PERIOD_S must be at least 0.001",
    "flash:0:1:1": "arrivals='flash:0:1:1': FACTOR must lie between 1 and 1,000,000",
    "flash:2:-1:1": "arrivals='flash:2:-1:1': AT_S must not be negative",
    "flash:2:1:0": "arrivals='flash:2:1:0': DECAY_S must be at least 0.001",
}


@pytest.mark.parametrize("spec", BAD_POPULARITY)
def test_bad_popularity(spec: str) -> None:
    """Each message is one line: the field, what is wrong, and the mend."""
    with pytest.raises(UserError) as caught:
        parse_popularity("read_popularity", spec)
    assert str(caught.value) == BAD_POPULARITY[spec]


@pytest.mark.parametrize("spec", BAD_ARRIVALS)
def test_bad_arrivals(spec: str) -> None:
    """Each message is one line: the field, what is wrong, and the mend."""
    with pytest.raises(UserError) as caught:
        parse_arrivals(spec)
    assert str(caught.value) == BAD_ARRIVALS[spec]


@settings(max_examples=2000)
@given(SPEC, st.sampled_from(["read_popularity", "write_popularity"]))
@example("hotspot:0.5:0", "read_popularity")
def test_any_popularity(spec: str, field: str) -> None:
    """Any text is a popularity whose shares sum to 1, or one line."""
    try:
        shares = key_shares(field, spec, 20)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 (there may be no error at all)
    else:
        assert shares.sum() == pytest.approx(1)
        assert (shares >= 0).all()


@settings(max_examples=2000)
@given(SPEC)
def test_any_arrivals(spec: str) -> None:
    """Any text is an arrival process whose rate lies between 0 and its peak, or one line."""
    try:
        shape = rate_shape(spec, 5.0, 20.0, np.random.default_rng(0))
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 (there may be no error at all)
    else:
        relative = np.ones(1) if shape.relative is None else shape.relative(np.linspace(0, 20, 50))
        assert (relative >= -1e-9).all()
        assert (relative <= shape.peak * (1 + 1e-9)).all()
