"""Values: a column of a file as floats, with the first row that is none named."""

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, one_line

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 100_000_000


def numbers_in(frame: "pd.DataFrame", name: str, where: str, of_dates: str = "") -> NDArray[np.float64]:
    """Return a column as finite floats; *of_dates* is said where there is a date instead.

    Raises:
        UserError: for a row that has no number there.
    """
    import pandas as pd

    column = frame[name]
    if column.dtype.kind in "mM":
        hint = f" ({of_dates})" if of_dates else ""
        raise UserError(f"{where}: {name} holds dates or durations; convert them to seconds{hint}")
    try:
        numbers = pd.to_numeric(column, errors="coerce")
    except OverflowError:  # an integer that no float can hold
        numbers = pd.to_numeric(column.astype(str), errors="coerce")
    values = numbers.to_numpy(np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(bad.argmax())
        if column.isna().iloc[row]:
            raise UserError(f"{where}: row {row + 1} has no {name}")
        shown = one_line(column.iloc[row], 30)
        hint = f" ({of_dates})" if of_dates and re.match(r"\d{4}-?\d\d-?\d\d", shown) else ""
        raise UserError(f"{where}: row {row + 1}: {name} is {shown!r}, not a finite number{hint}")
    return values


def sizes_in(frame: "pd.DataFrame", where: str) -> NDArray[np.int64]:
    """Return each row's size in bytes, -1 where there is no such column.

    Raises:
        UserError: for a row that has no size there, or one out of bounds.
    """
    if "size_bytes" not in frame.columns:
        return np.full(len(frame), -1, np.int64)
    return whole_numbers_in(frame, "size_bytes", 0, MOST_BYTES, where)


def whole_numbers_in(frame: "pd.DataFrame", name: str, least: int, most: int, where: str) -> NDArray[np.int64]:
    """Return a column as whole numbers from *least* to *most*; fractions are cut off.

    Raises:
        UserError: for a row that has no number there, or one out of bounds.
    """
    values = numbers_in(frame, name, where)
    out = (values < least) | (values > most)
    if out.any():
        row = int(out.argmax())
        raise UserError(f"{where}: row {row + 1}: {name}={values[row]:g} must lie between {least:,} and {most:,}")
    return values.astype(np.int64)


def median_timeout_in(frame: "pd.DataFrame", where: str) -> float | None:
    """Return the median of the timeouts above 0, in seconds; None if there are none.

    Raises:
        UserError: for a timeout that is not a number.
    """
    if "timeout_s" not in frame.columns or frame["timeout_s"].isna().all():
        return None
    timeouts = numbers_in(frame[frame["timeout_s"].notna()].reset_index(drop=True), "timeout_s", where)
    return float(np.median(timeouts[timeouts > 0])) if (timeouts > 0).any() else None
