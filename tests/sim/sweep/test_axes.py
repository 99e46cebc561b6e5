"""Axes as they are typed, and what is refused before anything starts."""

import pytest

from cachewise import UserError
from cachewise.sim.sweep.axes import parse_vary


@pytest.mark.parametrize(
    ("text", "values", "texts"),
    [
        ("timeout=300,20,none,60", (20.0, 60.0, 300.0, None), ("20", "60", "300", "none")),
        ("timeout=5 min,20s,none,1m", (20.0, 60.0, 300.0, None), ("20", "60", "300", "none")),
        ("timeout=log:1s:1m40s:3", (1.0, 10.0, 100.0), ("1", "10", "100")),
        ("./mine.py:Mine:hold_s=2m|90", (90.0, 120.0), ("90", "120")),
        ("db_read_s=lognormal:5ms:1|2ms", (0.002, "lognormal:0.005:1"), ("0.002", "lognormal:0.005:1")),
        ("writes_per_s=log:0.1:100:4", (0.1, 1.0, 10.0, 100.0), ("0.1", "1", "10", "100")),
        ("reads_per_s=lin:10:20:3", (10.0, 15.0, 20.0), ("10", "15", "20")),
        ("keys=log:1:10:4", (1.0, 2.0, 5.0, 10.0), ("1", "2", "5", "10")),
        ("arrivals=poisson|bursts:2:1s:2", ("poisson", "bursts:2:1:2"), ("poisson", "bursts:2:1:2")),
        ("./mine.py:Mine:beta=2|1", (1.0, 2.0), ("1", "2")),
    ],
)
def test_values_are_read(text: str, values: tuple[object, ...], texts: tuple[str, ...]) -> None:
    """Numbers ascend, whatever the order in which they were typed; counts are whole."""
    found = parse_vary(text)
    assert found.axis.values == values
    assert found.texts == texts


def test_the_scale_follows_the_values() -> None:
    """Those that span decades are drawn on a logarithmic scale, typed or spread."""
    assert parse_vary("timeout=1,10,600").axis.log
    assert parse_vary("timeout=log:1:2:3").axis.log
    assert not parse_vary("timeout=20,60,100").axis.log
    assert not parse_vary("timeout=lin:1:1000:3").axis.log


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("timeout", "write NAME=VALUE,VALUE"),
        ("timeout=", "write NAME=VALUE,VALUE"),
        ("timeout=1,,2", "a value is missing"),
        ("timeout=60,60.0", "a value occurs twice"),
        ("timeout=600,10m", "a value occurs twice"),
        ("db_read_s=5ms,0.005", "a value occurs twice"),
        ("timeout=log:1:100", "write log:FROM:TO:COUNT"),
        ("timeout=log:0:100:5", "FROM must be above 0"),
        ("timeout=lin:5:5:5", "FROM must be below TO"),
        ("timeout=lin:1:5:1", "COUNT must be a whole number, 2 to"),
        ("timeout=lin:1:x:3", "'x' is not a duration"),
    ],
)
def test_what_cannot_be_is_refused(text: str, why: str) -> None:
    """In one line, which says what to write."""
    with pytest.raises(UserError, match="--vary") as refused:
        parse_vary(text)
    assert why in str(refused.value)
