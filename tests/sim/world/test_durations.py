"""Durations: what people write, to the last digit what the same seconds are; and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cachewise import Scenario, UserError
from cachewise.sim.verdict.metrics import duration
from cachewise.sim.world.durations import SUCH_AS, is_time, plain, seconds
from tests.sim.world.texts import NUMBERS

WRITTEN = {
    "1e+03 ms": 1.0,
    "1e3s": 1000.0,
    "600": 600.0,
    "1e3": 1000.0,
    " 2.5 ": 2.5,
    "10m": 600.0,
    "10 min": 600.0,
    "2h": 7200.0,
    "1.5h": 5400.0,
    "1h30m": 5400.0,
    "1 h 30 min": 5400.0,
    "1d12h": 129_600.0,
    "1m30s500ms": 90.5,
    "250ms": 0.25,
    "-5s": -5.0,
    "0.6ms": 0.0006,
    "112 µs": 0.000112,
    "112 μs": 0.000112,
    "112us": 0.000112,
    ".1s": 0.1,
    "3.ms": 0.003,
}
REFUSED = {
    "10 mins": "10m",
    "5M": "5m",
    "30 Seconds": "30s",
    "2 Hours": "2h",
    "10MIN": "10min",
    "30m1h": "1h30m",
    "-2 mins": "-2m",
    "1 hour 30 minutes": "1h30m",
    **dict.fromkeys(("nan s", "fast", "", "1h30", "5m5m", "1,5m", "m", "5 weeks", "1h-30m", "5ms!"), SUCH_AS),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_duration_is_exactly_its_seconds(text: str) -> None:
    """With or without a blank, one unit or several; a plain number is seconds."""
    assert seconds("here", text) == WRITTEN[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_none_is_refused_with_what_was_meant(text: str) -> None:
    with pytest.raises(UserError) as refused:
        seconds("--timeout", text)
    assert str(refused.value) == f"--timeout: {text!r} is not a duration; write {REFUSED[text]}"


@pytest.mark.parametrize("text", ["nan", "inf", "1e400", f"{'9' * 400}h"])
def test_it_is_finite(text: str) -> None:
    with pytest.raises(UserError, match="is not a finite number"):
        seconds("here", text)


@given(st.floats(1e-6, 1e7))
def test_what_is_printed_can_be_typed(value: float) -> None:
    """What tables print is taken again: as precisely as it was printed; a plain number to the last digit."""
    assert seconds("here", duration(value)) == pytest.approx(value, rel=0.006)
    assert seconds("here", plain(value)) == value


def test_a_time_just_below_a_unit_is_printed_in_that_unit() -> None:
    """It is rounded first: never "1e+03 ms"."""
    assert [duration(value) for value in (0.000_999_9, 0.999_9, 179.9, 10_799.0)] == ["1 ms", "1 s", "3 min", "3 h"]


@given(st.one_of(NUMBERS, st.lists(st.tuples(NUMBERS, NUMBERS)).map(str), st.text("0123456789.smhdu -", max_size=9)))
def test_anything_is_seconds_or_one_line(text: str) -> None:
    try:
        found = seconds("here", text)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 (there may be no error at all)
    else:
        assert abs(found) < float("inf")


def test_names_say_what_is_a_time() -> None:
    """A timeout, and what ends in _s; a rate is none."""
    assert [name for name in ("timeout", "hold_s", "reads_per_s", "keys", "beta") if is_time(name)] == [
        "timeout",
        "hold_s",
    ]


def test_a_scenario_is_the_same_however_its_times_are_written() -> None:
    """Equal, so that it has the same label, and the same cell in a sweep."""
    typed = {"duration_s": "2h", "db_read_s": "lognormal:5ms:0.6", "cache_rtt_s": "0.5 ms", "arrivals": "daily:0.5:24h"}
    numbers = {"duration_s": "7200", "db_read_s": "lognormal:0.005:0.60", "cache_rtt_s": "0.0005"}
    scenario = Scenario("s").with_settings(typed)
    assert scenario == Scenario("s").with_settings({**numbers, "arrivals": "daily:0.5:86400"})
    assert scenario == Scenario(
        "s", duration_s=7200, db_read_s="lognormal:0.005:0.6", cache_rtt_s=0.0005, arrivals="daily:0.5:1d"
    )
    assert (scenario.db_read_s, scenario.arrivals) == ("lognormal:0.005:0.6", "daily:0.5:86400")
    flash = Scenario("s", arrivals="flash:5:1m:500ms", duration_s=90)
    assert flash.arrivals == "flash:5:60:0.5"
