"""Latencies: the asked distribution, drawn by request and place in it, and bad input answered with one line."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachewise import UserError
from cachewise.sim.world.durations import SUCH_AS
from cachewise.sim.world.latency import LatencyOf, latency_of, mean_latency_s, parse_latency
from tests.sim.world.texts import SPEC

SEED = np.random.SeedSequence(3)


def drawn(spec: float | str, seed: np.random.SeedSequence = SEED) -> LatencyOf:
    """Return the latency function of *spec*, which is not always zero."""
    draw = latency_of("db_read_s", spec, seed)
    assert draw is not None
    return draw


@pytest.mark.parametrize(
    ("spec", "mean_s", "median_s"),
    [
        ("exponential:0.02", 0.02, 0.02 * math.log(2)),
        ("lognormal:0.005:0.6", 0.005 * math.exp(0.18), 0.005),
        ("uniform:0.01:0.03", 0.02, 0.02),
        ("uniform:0.01:0.01", 0.01, 0.01),
    ],
)
def test_distributions(spec: str, mean_s: float, median_s: float) -> None:
    """The draws of successive requests have the mean and the median that the spec says, nearly exactly."""
    draw = drawn(spec)
    draws = np.array([draw(request, 0) for request in range(1 << 16)])
    assert mean_latency_s("f", spec) == pytest.approx(mean_s)
    assert draws.mean() == pytest.approx(mean_s, rel=1e-3)
    assert np.median(draws) == pytest.approx(median_s, rel=1e-3)


def test_draws_are_independent() -> None:
    """Neighbouring requests, and one request's successive draws, are uncorrelated."""
    draw = drawn("uniform:0:1")
    table = np.array([[draw(request, nth) for nth in range(4)] for request in range(20_000)])
    limit = 4 / math.sqrt(len(table))
    assert abs(np.corrcoef(table[:-1, 0], table[1:, 0])[0, 1]) < limit
    for nth in range(3):
        assert abs(np.corrcoef(table[:, nth], table[:, nth + 1])[0, 1]) < limit


def test_a_draw_is_a_function() -> None:
    """The n-th latency of a request is the same however often and in whichever order it is asked for; seeds differ."""
    first, again = drawn("exponential:1"), drawn("exponential:1", np.random.SeedSequence(3))
    places = [(request, nth) for request in (-5, 0, 3, 10**7, (1 << 62) + 1) for nth in range(3)]
    assert [first(*place) for place in places] == [again(*place) for place in reversed(places)][::-1]
    assert first(0, 0) != drawn("exponential:1", np.random.SeedSequence(4))(0, 0)


@pytest.mark.parametrize("spec", [0, 0.0, "0", "exponential:0", "lognormal:0:1", "uniform:0:0"])
def test_no_latency(spec: float | str) -> None:
    """What is always zero is no latency at all."""
    assert latency_of("f", spec, SEED) is None


def test_constants() -> None:
    """A number, as a number or as text, is every draw."""
    for spec in (0.25, "0.25", " 2.5e-1 "):
        assert [drawn(spec)(request, 7) for request in (-1, 0, 5)] == [0.25] * 3


BAD = {
    "-1": "f=-1 must lie between 0 and 1,000,000",
    "1e7": "f=1e+07 must lie between 0 and 1,000,000",
    "fast": f"f: 'fast' is not a duration; write {SUCH_AS}",
    "nan": "f: nan is not a finite number",
    "lognormal:5ms:1s": "f='lognormal:5ms:1s': '1s' is not a number",
    "": f"f: '' is not a duration; write {SUCH_AS}",
    "exponental:1": "f='exponental:1': unknown f 'exponental'; did you mean 'exponential'?",
    "exponential": "f='exponential': write it as exponential:MEAN_S",
    "lognormal:1": "f='lognormal:1': write it as lognormal:MEDIAN_S:SIGMA",
    "lognormal:1:50": "f='lognormal:1:50': SIGMA must be at most 3",
    "uniform:2:1": "f='uniform:2:1': LOW_S is above HIGH_S",
    "uniform:-1:1": "f='uniform:-1:1': numbers must lie between 0 and 1,000,000",
    "exponential:1e400": "f='exponential:1e400': 1e400 is not a finite number",
}


@pytest.mark.parametrize("spec", BAD)
def test_bad_latencies(spec: str) -> None:
    """Each message is one line: the field, what is wrong, and the mend."""
    with pytest.raises(UserError) as caught:
        parse_latency("f", spec)
    assert str(caught.value) == BAD[spec]


@settings(max_examples=2500)
@given(st.one_of(SPEC, st.floats(), st.integers(-(10**400), 10**400)))
def test_any_latency(spec: float | str) -> None:
    """Anything is a latency with a finite mean, or one line."""
    try:
        mean_s = mean_latency_s("db_read_s", spec)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 (there may be no error at all)
    else:
        assert 0 <= mean_s < math.inf
