"""Times: numbers of seconds, milliseconds or microseconds, or ISO 8601, as seconds from the first row on."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, one_line
from .values import numbers_in

if TYPE_CHECKING:
    import pandas as pd

PER_S = {"time_s": 1, "time": 1, "time_ms": 1_000, "time_us": 1_000_000}
MOST_S = 1e11  # the year 5138; milliseconds since 1970 are above it
_ISO = r"^\s*\d{4}-?\d\d-?\d\d(?:[Tt ].*)?$"
_WITH_ZONE = r"^\s*\d{4}-?\d\d-?\d\d[Tt ].*(?:[Zz]|[+-]\d\d(?::?\d\d)?)\s*$"


def seconds_in(frame: "pd.DataFrame", name: str, where: str) -> tuple[NDArray[np.float64], bool]:
    """Return the times in column *name* as seconds from the first row on, and whether all stamps are whole seconds.

    A column `time` has ISO 8601 or a number of seconds; one without a zone is taken as UTC.

    Raises:
        UserError: for a row without a time, with one that is none, or with one before that of the row above it.
    """
    column = frame[name]
    stamps: NDArray[Any]
    if name == "time" and not _has_numbers(column):
        stamps, per_s = _microseconds(column, where), 1_000_000
    else:
        stamps, per_s = numbers_in(frame, name, where, "ISO 8601 goes into a column called time"), PER_S[name]
        _refuse_far(stamps, name, where)
    back = stamps[1:] < stamps[:-1]
    if back.any():
        row = int(back.argmax()) + 1
        unit = {"time_ms": " ms", "time_us": " us"}.get(name, " s")
        texts = [f"{one:.12g}{unit}" for one in stamps[row - 1 : row + 1]]
        shown = texts if per_s == PER_S[name] else [one_line(text, 40) for text in column.iloc[row - 1 : row + 1]]
        raise UserError(
            f"{where}: row {row + 1}: time goes backwards ({shown[0]}, then {shown[1]}); sort the file by {name}"
        )
    return (stamps - stamps[0]) / per_s, bool((stamps % per_s == 0).all())


def _has_numbers(column: "pd.Series[Any]") -> bool:
    if column.dtype.kind in "iufbM":
        return column.dtype.kind != "M"
    try:
        float(column.iloc[0])
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _refuse_far(stamps: NDArray[np.float64], name: str, where: str) -> None:
    far = np.abs(stamps) > MOST_S * PER_S[name]
    if far.any():
        row = int(far.argmax())
        unit = {"time_ms": "milliseconds", "time_us": "microseconds"}.get(name, "seconds")
        hint = " (milliseconds go into a column time_ms, microseconds into time_us)" if unit == "seconds" else ""
        raise UserError(f"{where}: row {row + 1}: {name}={stamps[row]:g} is too large; is it in {unit}?{hint}")


def _microseconds(column: "pd.Series[Any]", where: str) -> NDArray[np.int64]:
    """Return ISO 8601 texts, or the stamps of a Parquet file, as microseconds since 1970."""
    import pandas as pd

    if column.dtype.kind == "M":
        parsed = pd.to_datetime(column, utc=True)
    else:
        texts = column.astype(str).str.replace(",", ".")  # ISO 8601 allows both; Python's logging writes a comma
        _refuse_some_zones(column, texts, where)
        parsed = pd.to_datetime(texts.where(_match(texts, _ISO)), format="ISO8601", utc=True, errors="coerce")
    bad = parsed.isna().to_numpy()
    if bad.any():
        row = int(bad.argmax())
        if column.isna().iloc[row]:
            raise UserError(f"{where}: row {row + 1} has no time")
        shown = one_line(column.iloc[row], 40)
        raise UserError(f"{where}: row {row + 1}: time is {shown!r}, neither ISO 8601 nor a number of seconds")
    return np.asarray(parsed.dt.as_unit("us").astype(np.int64), np.int64)


def _refuse_some_zones(column: "pd.Series[Any]", texts: "pd.Series[str]", where: str) -> None:
    """Refuse a file in which some times have a zone and others have none: nobody knows how far those are apart."""
    zoned = _match(texts, _WITH_ZONE)[column.notna().to_numpy()]
    if zoned.any() and not zoned.all():
        rows = np.flatnonzero(column.notna().to_numpy())
        has, lacks = rows[zoned.argmax()], rows[zoned.argmin()]
        raise UserError(
            f"{where}: row {lacks + 1}: time {one_line(column.iloc[lacks], 40)!r} has no zone, "
            f"while that of row {has + 1} has one ({one_line(column.iloc[has], 40)!r})"
        )


def _match(texts: "pd.Series[str]", pattern: str) -> NDArray[np.bool_]:
    """Return which texts match; a missing one does not."""
    import pyarrow as pa
    from pyarrow import compute

    found = compute.match_substring_regex(pa.array(texts, pa.large_string(), from_pandas=True), pattern)
    return np.asarray(compute.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False), np.bool_)
