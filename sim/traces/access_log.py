r"""Access logs: the common and the combined format of nginx and Apache, as they are.

``HOST IDENT USER [10/Oct/2000:13:55:36 -0700] "GET /path?query HTTP/1.1" STATUS BYTES ...``

The key is the path without its query. GET and HEAD read, OPTIONS, TRACE and CONNECT do neither, other methods write.
Requests that failed (status 400 and above) are left out, because as a rule they cache nothing and change nothing. Lines
that are no requests are left out, too.

Lines are sorted by time, and those of one second stay in their order. Times may go backwards: several processes write
a log, and Apache writes a line when a request ends, with the time at which it began.

The bytes in a line are those that were sent, often compressed, so they are not taken for a row's size. Bytes that are
not UTF-8 become ``\xff``, as nginx writes them itself.

Sources: nginx, ngx_http_log_module; Apache, mod_log_config; RFC 9110, 9.2.1 (safe methods), RFC 9112, 3.2 (targets).
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, one_line
from .packing import opened

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

READING = ("GET", "HEAD")
NEITHER = ("OPTIONS", "TRACE", "CONNECT")
FAILED = 400  # the first status of those that say that a request failed
# Each has one way to match only, which RE2 does several times faster.
_REQUEST = r'"(?P<request>(?:[^"\\]|\\.)*)"'
_LINE = rf"^\S+ [^\[]*\[(?P<time>\d\d/[A-Z][a-z][a-z]/[^\]]+)\] {_REQUEST} (?P<status>\d\d\d) (?:\d+|-)(?:\s|$)"
_TARGET = r"^(?P<method>[A-Za-z]+) (?:https?://[^/?# ]*)?(?P<path>/[^? ]*)"
_BLOCK_BYTES = 1 << 25
_MANY = 20  # non-blank lines in which one must be a request


class Log(NamedTuple):
    """The requests of a log, sorted by time, with the line of each (from 1 on), and what is to be said of them."""

    frame: "pd.DataFrame"
    line: NDArray[np.int64]
    notes: list[str]


def is_access_log(lines: list[str]) -> bool:
    """Return whether one of the first *lines* of a file is one of an access log."""
    import pyarrow as pa
    from pyarrow import compute

    first = [line for line in lines if line.strip()][:_MANY]
    return bool(first) and bool(compute.any(compute.match_substring_regex(pa.array(first), _LINE)).as_py())


def read_access_log(path: Path, where: str) -> Log:
    """Read the access log at *path*.

    Raises:
        UserError: if most of its lines are no requests, or nothing is left.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow import compute

    with opened(path, where) as stream:
        table = pa.concat_tables(_lines_of(stream)).combine_chunks()
    line = table["line"].to_numpy()
    stamps = _seconds(table["time"])
    good = np.isfinite(stamps) & table["path"].is_valid().to_numpy()
    if 2 * good.sum() < len(line):
        raise _hardly_a_log(path, line, good, where)
    notes = _left_out(line, good)
    failed = good & (table["status"].to_numpy() >= FAILED)
    if failed.any():
        share = f"{failed.sum():,} of the log's {good.sum():,} requests"
        notes.append(f"left out: {share}, which failed (status {FAILED} and above)")
    kept = np.flatnonzero(good & ~failed)
    if not len(kept):
        raise UserError(f"{where}: all of its {good.sum():,} requests failed (status {FAILED} and above)")
    back = int((np.diff(stamps[kept]) < 0).sum())
    if back:
        notes.append(f"the log's times go backwards in {back:,} of its lines, so all were sorted by time")
    kept = kept[np.argsort(stamps[kept], kind="stable")]
    method = compute.utf8_upper(table["method"].take(kept))
    op = np.full(len(kept), "write", object)
    for name, methods in (("get", READING), ("options", NEITHER)):
        op[compute.is_in(method, pa.array(methods)).to_numpy()] = name
    frame = pd.DataFrame({"time_s": stamps[kept], "key": table["path"].take(kept).to_pandas(), "op": op})
    return Log(frame, line[kept], notes)


def _lines_of(stream: BinaryIO) -> Iterator["pa.Table"]:
    """Yield a table a block: a row for each line that is not blank, with nulls where it is no request."""
    import pyarrow as pa
    from pyarrow import compute

    read = 0
    for block in _blocks(stream):
        text = block.decode("utf-8", "backslashreplace")
        lines = compute.list_flatten(compute.split_pattern(pa.array([text], pa.large_string()), "\n"))
        number = pa.array(np.arange(read + 1, read + 1 + len(lines)))
        read += len(lines) - 1  # what follows the last line end is the next block's
        lines = compute.utf8_trim_whitespace(lines)
        filled = compute.not_equal(lines, "")
        lines, number = lines.filter(filled), number.filter(filled)
        found = compute.extract_regex(lines, _LINE)
        request = compute.extract_regex(compute.struct_field(found, "request"), _TARGET)
        columns = {
            "line": number,
            "time": compute.struct_field(found, "time"),
            "status": compute.fill_null(compute.struct_field(found, "status").cast(pa.int16()), 0),
            "method": compute.struct_field(request, "method"),
            "path": compute.struct_field(request, "path"),
        }
        yield pa.table(columns)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the stream in blocks that end with a line, and at last what comes after the last line end."""
    rest = b""
    while more := stream.read(_BLOCK_BYTES):
        whole, end, tail = more.rpartition(b"\n")
        if end:
            yield rest + whole + end
            rest = b""
        rest += tail
    yield rest


def _seconds(times: "pa.ChunkedArray") -> NDArray[np.float64]:
    """Return the times of a log in seconds since 1970; NaN where there is none. Each text is parsed once."""
    import pandas as pd

    codes, texts = pd.factorize(times.to_pandas())
    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format="%d/%b/%Y:%H:%M:%S %z", utc=True, errors="coerce")
    seconds = (parsed - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)
    found: NDArray[np.float64] = np.append(seconds, np.nan)[codes]  # the code of none is -1
    return found


def _left_out(line: NDArray[np.int64], good: NDArray[np.bool_]) -> list[str]:
    if good.all():
        return []
    share = f"{(~good).sum():,} of the log's {len(line):,} lines"
    return [f"left out: {share}, which are no requests for a path (the first: line {line[np.argmin(good)]:,})"]


def _hardly_a_log(path: Path, line: NDArray[np.int64], good: NDArray[np.bool_], where: str) -> UserError:
    number = int(line[np.argmin(good)])
    with opened(path, where) as stream:
        text = next(islice(stream, number - 1, None)).strip().decode("utf-8", "backslashreplace")
    return UserError(
        f"{where}: of its {len(line):,} lines only {good.sum():,} are requests for a path; "
        f"line {number:,} is not: {one_line(text)!r}"
    )
