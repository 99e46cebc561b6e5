"""Traces: real requests to replay. CSV (plain or .gz) or Parquet, or Twitter's published format.

Columns: ``time_s`` (seconds, ascending) and ``key``; optional ``op``, ``size_bytes``, ``timeout_s``. Twitter's files
have no header: ``timestamp,key,key_size,value_size,client_id,operation,ttl``.

How operations are read:

=====================================  =======================================================================
get, gets, read                        a read
set, add: the next operation on a key  a fill, left out: in a look-aside cache the client stores what it has just
after a read, `FILL_WINDOW_S` at most  loaded, and the strategy under test does its own filling (of several that
                                       missed at once, the first one's store is the fill, the others' are writes)
set, add: otherwise; cas, replace,     a write to the database: something changed the value
append, prepend, incr, decr, write
delete                                 a write: look-aside clients delete because they changed the row
=====================================  =======================================================================

A size is the row's payload (the first one seen for a key). Timeouts are the trace's own; strategies bring theirs, so
they are only reported. If every stamp is a whole second, requests are spread evenly at random within their second, in
order.
"""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, file_name, one_line, unknown

if TYPE_CHECKING:
    import pandas as pd

READS = ("get", "gets", "read")
FILLS_OR_WRITES = ("set", "add")
WRITES = ("cas", "replace", "append", "prepend", "incr", "decr", "write", "delete")
FILL_WINDOW_S = 1.0
MOST_S = 1e11  # the year 5138; milliseconds since 1970 are above it
TWITTER_COLUMNS = ("time_s", "key", "key_size", "size_bytes", "client_id", "op", "timeout_s")
COLUMNS = ("time_s", "key", "op", "size_bytes", "timeout_s")
_READ, _FILL_OR_WRITE, _WRITE = 0, 1, 2


@dataclass(frozen=True)
class Trace:
    """A trace in memory; times start at 0 and ascend.

    `time_s`, `key_code` and `is_write` have one entry a request; `key_names` and `size_bytes` one a key (`size_bytes`
    is -1 where the trace does not say), and `first_rows`, the file's row in which the key comes first (from 1 on).
    `fills` counts the operations left out as fills, of all `stores`.
    """

    path: str
    time_s: NDArray[np.float64]
    key_code: NDArray[np.int32]
    is_write: NDArray[np.bool_]
    key_names: list[str]
    size_bytes: NDArray[np.int64]
    first_rows: NDArray[np.int64]
    whole_seconds: bool
    fills: int
    stores: int
    median_timeout_s: float | None

    @property
    def end_s(self) -> float:
        """When the trace ends, in its own seconds: a whole-second trace ends with its last second."""
        return float(self.time_s[-1]) + (1.0 if self.whole_seconds else 0.0)

    @property
    def fields(self) -> tuple[str, ...]:
        """The scenario's inputs that the trace stands in for."""
        known = ["keys", "read_popularity", "reads_per_s", "arrivals"]
        known += ["writes_per_s", "write_popularity"] if self.has_writes else []
        return (*known, "value_bytes") if (self.size_bytes >= 0).any() else tuple(known)

    @property
    def has_writes(self) -> bool:
        """Whether any request is a write."""
        return bool(self.is_write.any())


def load_trace(path: str) -> Trace:
    """Read the trace at *path*.

    Raises:
        UserError: for a file that is missing, broken, empty, or whose times go backwards; the message names the row.
    """
    frame = _frame(Path(path))
    if not len(frame):
        raise UserError(f"trace {file_name(path)}: no rows")
    time_s = _numbers(frame, "time_s", path)
    _check_times(time_s, path)
    if frame["key"].isna().any():
        raise UserError(f"trace {file_name(path)}: row {int(frame['key'].isna().argmax()) + 1} has no key")
    codes, names = frame["key"].astype(str).factorize()
    key_code = codes.astype(np.int32)
    sizes = _sizes(frame, key_code, len(names), path)
    kind = _kinds(frame, path)
    is_write, keep = _classify(kind, time_s, key_code)
    if not (keep & ~is_write).any():
        raise UserError(f"trace {file_name(path)}: no reads, only {int(is_write.sum()):,} writes")
    return Trace(
        path=path,
        time_s=(time_s - time_s[0])[keep],
        key_code=key_code[keep],
        is_write=is_write[keep],
        key_names=[str(name) for name in names],
        size_bytes=sizes,
        first_rows=np.unique(key_code, return_index=True)[1] + 1,
        whole_seconds=bool((time_s == np.floor(time_s)).all()),
        fills=int(len(keep) - keep.sum()),
        stores=int((kind == _FILL_OR_WRITE).sum()),
        median_timeout_s=_median_timeout(frame, path),
    )


def _frame(path: Path) -> "pd.DataFrame":
    """Return the file as a frame with our column names."""
    import pandas as pd

    where = f"trace {file_name(path)}"
    try:
        frame = _parquet(path) if path.suffix == ".parquet" else _csv(path, where)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{where}: no such file") from None
    except (OSError, EOFError, zlib.error, ValueError, NotImplementedError, pd.errors.ParserError) as error:
        raise UserError(f"{where}: cannot be read: {one_line(str(error).strip() or type(error).__name__)}") from None
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(f"{where}: column {one_line(twice[0], 20)!r} is there twice")
    for name in ("time_s", "key"):
        if name not in frame.columns:
            found = ", ".join(one_line(column, 20) for column in frame.columns[:8])
            raise UserError(
                f"{where}: no column {name!r} (found: {found}); a trace needs time_s,key[,op,size_bytes,timeout_s]"
            )
    return frame


def _parquet(path: Path) -> "pd.DataFrame":
    from pyarrow import parquet

    table = parquet.read_table(path)
    table.validate(full=True)  # a text that is not UTF-8 is found here, with what else a damaged file may hold
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)  # what pandas noted there may be damaged, too
    return frame


def _csv(path: Path, where: str) -> "pd.DataFrame":
    import pandas as pd

    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        first = file.readline()
    if not first.strip():
        raise UserError(f"{where}: the file is empty")
    columns = [text.strip() for text in first.rstrip("\r\n").split(",")]
    if "key" in columns or "time_s" in columns:
        header, names = 0, None
    elif len(columns) == len(TWITTER_COLUMNS) and columns[0].isdigit():
        header, names = None, list(TWITTER_COLUMNS)
    else:
        raise UserError(f"{where}: the first line is neither a header with time_s,key nor Twitter's seven columns")
    frame = pd.read_csv(
        path,
        header=header,
        names=names,
        dtype={"key": str, "op": str, "operation": str},
        skipinitialspace=True,
        keep_default_na=False,
        na_values={name: [""] for name in TWITTER_COLUMNS},
        compression="gzip" if path.suffix == ".gz" else None,
        encoding="utf-8-sig",
        low_memory=False,
    ).rename(columns=str.strip)
    if not isinstance(frame.index, pd.RangeIndex):  # what pandas makes of the surplus
        raise UserError(f"{where}: the first row has more values than the header has names")
    return frame


def _numbers(frame: "pd.DataFrame", name: str, path: str) -> NDArray[np.float64]:
    import pandas as pd

    if frame[name].dtype.kind in "mM":
        raise UserError(f"trace {file_name(path)}: {name} holds dates or durations; convert them to seconds")
    column = frame[name]
    try:
        numbers = pd.to_numeric(column, errors="coerce")
    except OverflowError:  # an integer that no float can hold
        numbers = pd.to_numeric(column.astype(str), errors="coerce")
    values = numbers.to_numpy(np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(bad.argmax())
        if column.isna().iloc[row]:
            raise UserError(f"trace {file_name(path)}: row {row + 1} has no {name}")
        shown = one_line(column.iloc[row], 30)
        raise UserError(f"trace {file_name(path)}: row {row + 1}: {name} is {shown!r}, not a finite number")
    return values


def _check_times(time_s: NDArray[np.float64], path: str) -> None:
    far = np.abs(time_s) > MOST_S
    if far.any():
        row = int(far.argmax())
        raise UserError(
            f"trace {file_name(path)}: row {row + 1}: time_s={time_s[row]:g} is too large; is it in seconds?"
        )
    back = np.diff(time_s) < 0
    if back.any():
        row = int(back.argmax()) + 1
        raise UserError(
            f"trace {file_name(path)}: row {row + 1}: time goes backwards "
            f"({time_s[row - 1]:g} s, then {time_s[row]:g} s); sort the file by time_s"
        )


def _sizes(frame: "pd.DataFrame", key_code: NDArray[np.int32], keys: int, path: str) -> NDArray[np.int64]:
    sizes = np.full(keys, -1, np.int64)
    if "size_bytes" in frame.columns:
        values = _numbers(frame, "size_bytes", path)
        if (values < 0).any() or (values > 100_000_000).any():
            row = int(((values < 0) | (values > 100_000_000)).argmax())
            raise UserError(
                f"trace {file_name(path)}: row {row + 1}: size_bytes={values[row]:g} must lie between 0 and 100,000,000"
            )
        sizes[key_code[::-1]] = values[::-1].astype(np.int64)  # backwards, so that the first one seen stays
    return sizes


def _kinds(frame: "pd.DataFrame", path: str) -> NDArray[np.int8]:
    if "op" not in frame.columns:
        return np.zeros(len(frame), np.int8)
    table = {
        **dict.fromkeys(READS, _READ),
        **dict.fromkeys(FILLS_OR_WRITES, _FILL_OR_WRITE),
        **dict.fromkeys(WRITES, _WRITE),
    }
    ops = frame["op"].astype(str).str.strip().str.lower()
    kinds = ops.map(table)
    if kinds.isna().any():
        row = int(kinds.isna().argmax())
        if frame["op"].isna().iloc[row]:
            raise UserError(f"trace {file_name(path)}: row {row + 1} has no op")
        raise UserError(
            f"trace {file_name(path)}: row {row + 1}: {unknown('operation', str(frame['op'].iloc[row]), table)}"
        )
    return np.asarray(kinds, np.int8)


def _classify(
    kind: NDArray[np.int8], time_s: NDArray[np.float64], key_code: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (is_write, keep) a row, with fills told from writes by what came before on the same key."""
    order = np.argsort(key_code, kind="stable")
    previous = np.empty(len(order), np.int64)
    previous[order] = np.concatenate([[-1], order[:-1]])
    after_a_read = (
        (previous >= 0)
        & (key_code[previous] == key_code)
        & (kind[previous] == _READ)
        & (time_s - time_s[previous] <= FILL_WINDOW_S)
    )
    fill = (kind == _FILL_OR_WRITE) & after_a_read
    return kind != _READ, ~fill


def _median_timeout(frame: "pd.DataFrame", path: str) -> float | None:
    if "timeout_s" not in frame.columns or frame["timeout_s"].isna().all():
        return None
    present = frame[frame["timeout_s"].notna()]
    timeouts = _numbers(present, "timeout_s", path)
    return float(np.median(timeouts[timeouts > 0])) if (timeouts > 0).any() else None
