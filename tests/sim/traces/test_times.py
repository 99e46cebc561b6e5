"""Times: in four forms, to the microsecond; a row that has none is named."""

from pathlib import Path

import pandas as pd
import pytest

from tests.sim.traces.files import loaded, refusal


@pytest.mark.parametrize(
    ("column", "stamps", "whole"),
    [
        ("time_s", ("1700000000", "1700000001", "1700000003"), True),
        ("time", ("1700000000", "1700000001", "1700000003"), True),
        ("time_ms", ("1700000000000", "1700000001000", "1700000003000"), True),
        ("time_ms", ("1700000000500", "1700000001500", "1700000003500"), False),
        ("time_us", ("1700000000123456", "1700000001123456", "1700000003123456"), False),
        ("time_us", ("-1000000", "0", "2000000"), True),
        ("time", ("2026-11-30T10:00:00Z", "2026-11-30 12:00:01+02:00", "20261130T030003-0700"), True),
        ("time", ("2026-11-30 10:00:00.250", '"2026-11-30 10:00:01,250"', "2026-11-30T10:00:03.25"), False),
    ],
)
def test_forms(tmp_path: Path, column: str, stamps: tuple[str, ...], whole: bool) -> None:
    """Each is seconds from the first row on; whole are only those that a clock shows without a fraction."""
    lines = "\n".join(f"{stamp},k" for stamp in stamps)
    trace = loaded(tmp_path, f"{column},key\n{lines}\n".encode())
    assert (trace.time_s.tolist(), trace.whole_seconds) == ([0.0, 1.0, 3.0], whole)


def test_microseconds_since_1970_are_kept(tmp_path: Path) -> None:
    """A difference of one is a millionth of a second, not what a float of the stamps leaves of it."""
    trace = loaded(tmp_path, b"time_us,key\n1700000000123456,a\n1700000000123457,b\n")
    assert trace.time_s.tolist() == [0.0, 1e-6]


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_stamps_in_parquet(tmp_path: Path, zone: str | None) -> None:
    """A column of stamps is called `time`, with a zone or none."""
    stamps = pd.to_datetime(["2026-11-01 05:30:00.5", "2026-11-01 06:30:00.5"]).tz_localize(zone and "UTC")
    frame = pd.DataFrame({"time": stamps.tz_convert(zone) if zone else stamps, "key": ["a", "b"]})
    frame.to_parquet(tmp_path / "made")
    assert loaded(tmp_path, (tmp_path / "made").read_bytes()).time_s.tolist() == [0.0, 3600.0]


@pytest.mark.parametrize(
    ("column", "stamps", "message"),
    [
        ("time", ("2026-11-30", "now"), "row 2: time is 'now', neither ISO 8601 nor a number of seconds"),
        ("time", ("2026-02-28", "2026-02-30"), "row 2: time is '2026-02-30', neither ISO 8601 nor a number of seconds"),
        ("time", ("30.11.2026 10:00", "x"), "row 1: time is '30.11.2026 10:00', neither ISO 8601 nor"),
        ("time", ("5", "soon"), "row 2: time is 'soon', not a finite number"),
        ("time", ("2026-11-30T10:00", ""), "row 2 has no time"),
        (
            "time",
            ("2026-11-30T10:00Z", "2026-11-30T10:00"),
            "row 2: time '2026-11-30T10:00' has no zone, while that of row 1 has one ('2026-11-30T10:00Z')",
        ),
        (
            "time",
            ("2026-11-30T10:00+01:00", "2026-11-30T10:00+02:00"),
            "row 2: time goes backwards (2026-11-30T10:00+01:00, then 2026-11-30T10:00+02:00); sort the file by time",
        ),
        ("time_ms", ("10", "9"), "row 2: time goes backwards (10 ms, then 9 ms); sort the file by time_ms"),
        (
            "time_s",
            ("1e12",),
            "row 1: time_s=1e+12 is too large; is it in seconds? (milliseconds go into a column ",
        ),
        ("time_ms", ("1e15",), "row 1: time_ms=1e+15 is too large; is it in milliseconds?"),
        ("time_s", ("2026-11-30",), "not a finite number (ISO 8601 goes into a column called time)"),
    ],
)
def test_rows_that_are_no_times(tmp_path: Path, column: str, stamps: tuple[str, ...], message: str) -> None:
    """The line names the first such row, and what would be right."""
    lines = "\n".join(f"{stamp},k" for stamp in stamps)
    assert message in refusal(tmp_path, f"{column},key\n{lines}\n".encode())
