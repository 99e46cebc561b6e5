"""Tables: a file's rows in our columns, whichever format it has: CSV, Parquet, Twitter's, CacheLib's, an access log."""

import csv
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, one_line
from .access_log import is_access_log, read_access_log
from .columns import TWITTER, are_numbers, chosen, looks_like_a_header
from .packing import PARQUET, head, opened

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_CHUNK_ROWS = 1 << 19
_UNREADABLE = (
    *(OSError, EOFError, ValueError, NotImplementedError, RuntimeError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile, csv.Error),
)


@dataclass(frozen=True)
class Table:
    """The rows of a trace's file: a frame with our columns.

    `row` is where each row is in the file (from 1 on), and None where that is its place in the frame. `notes` holds
    what is to be said of the reading.
    """

    frame: "pd.DataFrame"
    row: NDArray[np.int64] | None = None
    notes: list[str] = field(default_factory=list)

    def places(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of the file (from 1 on) for places in the frame (from 0 on)."""
        return index + 1 if self.row is None else self.row[index]


class _Layout(NamedTuple):
    """How a CSV file is laid out: its columns, what parts them, and whether its first line names them."""

    names: list[str]
    separator: str
    has_header: bool


def read_table(path: Path, wanted: Mapping[str, str], where: str) -> Table:
    """Read the file at *path*; *wanted* is what ``--trace-columns`` says.

    Raises:
        UserError: for a file that cannot be read, or that is no trace.
    """
    import pandas as pd

    try:
        return _table(path, wanted, where)
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{where}: no such file") from None
    except IsADirectoryError:
        raise UserError(f"{where}: it is a folder; give a file in it") from None
    except UnicodeDecodeError:
        raise _damage(path, where) or _not_text(path, where) from None
    except pd.errors.ParserError as error:
        raise _damage(path, where) or _unreadable(error, where) from None
    except _UNREADABLE as error:
        raise _unreadable(error, where) from None


def _unreadable(error: Exception, where: str) -> UserError:
    return UserError(f"{where}: cannot be read: {one_line(str(error).strip() or type(error).__name__)}")


def _damage(path: Path, where: str) -> UserError | None:
    """Return the error of a packed file that is damaged: its text made no sense before that came out."""
    try:
        with opened(path, where) as stream:
            while stream.read(1 << 20):
                pass
    except _UNREADABLE as error:
        return _unreadable(error, where)
    return None


def _table(path: Path, wanted: Mapping[str, str], where: str) -> Table:
    start = head(path, where)
    if start.startswith(PARQUET) or path.suffix.lower() == ".parquet":
        return Table(_parquet(path, wanted, where))
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{where}: it is UTF-16 text: save it as UTF-8")
    text = start.decode("utf-8-sig", "backslashreplace")
    if is_access_log(text.splitlines()):
        if wanted:
            raise UserError(f"{where}: it is an access log, which has no columns to name: leave out --trace-columns")
        log = read_access_log(path, where)
        return Table(log.frame, log.line, log.notes)
    return Table(_csv(path, _layout(text, wanted, where), wanted, where))


def _layout(text: str, wanted: Mapping[str, str], where: str) -> _Layout:
    """Return how a CSV file is laid out that begins with *text*."""
    first = next((line for line in text.splitlines() if line.strip()), None)
    if first is None:
        raise UserError(f"{where}: the file is empty")
    if "\0" in first:
        raise UserError(f"{where}: it is neither text nor Parquet: its first line holds zero bytes")
    separator = max(",\t;", key=first.count)
    values, *rows = _first_rows(text, separator)
    if looks_like_a_header(values, wanted):
        if rows and len(rows[0]) > len(values):
            raise UserError(f"{where}: the first row has more values than the header has names")
        return _Layout(values, separator, has_header=True)
    if are_numbers(wanted):
        return _Layout([str(number + 1) for number in range(len(values))], separator, has_header=False)
    if len(values) == len(TWITTER) and values[0].isdigit():
        return _Layout([*TWITTER], separator, has_header=False)
    if first.lstrip().startswith(("{", "[")):
        raise UserError(f"{where}: it looks like JSON: write it as CSV with the columns time_s,key")
    raise UserError(
        f"{where}: the first line is neither a header with time_s,key nor Twitter's seven columns, nor is it an access "
        "log; without a header name the columns by number: --trace-columns time=1,key=2"
    )


def _first_rows(text: str, separator: str) -> list[list[str]]:
    """Return the first two rows of *text* that are not blank, without the spaces round their values."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, skipinitialspace=True)
    filled = (row for row in reader if any(value.strip() for value in row))
    return [[value.strip() for value in row] for row in islice(filled, 2)]


def _csv(path: Path, layout: _Layout, wanted: Mapping[str, str], where: str) -> "pd.DataFrame":
    import pandas as pd

    found = chosen(layout.names, wanted, where)
    texts = {found[ours] for ours in ("key", "op") if ours in found}
    names = [name or f"unnamed {number}" for number, name in enumerate(layout.names)]
    with opened(path, where) as stream:
        chunks = pd.read_csv(
            stream,
            sep=layout.separator,
            header=0 if layout.has_header else None,
            names=names,
            dtype=dict.fromkeys(texts, str),
            skipinitialspace=True,
            keep_default_na=False,
            na_values={name: [""] for name in found.values()},
            encoding="utf-8-sig",
            low_memory=False,
            chunksize=_CHUNK_ROWS,
        )
        return pd.concat([_ours(chunk, found) for chunk in chunks], ignore_index=True)


def _parquet(path: Path, wanted: Mapping[str, str], where: str) -> "pd.DataFrame":
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        found = chosen(file.schema_arrow.names, wanted, where)
        table = file.read(columns=list(dict.fromkeys(found.values())))
    for name in {found[ours] for ours in ("key", "op") if ours in found}:
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if _is_bytes(column.type):
            table = table.set_column(table.column_names.index(name), name, _as_text(column, name, where))
    table.validate(full=True)  # what else a damaged file may hold is found here
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)  # what pandas noted there may be damaged, too
    return _ours(frame, found)


def _ours(frame: "pd.DataFrame", found: Mapping[str, str]) -> "pd.DataFrame":
    """Return the columns that were found, under our names."""
    return frame[[*found.values()]].set_axis([*found], axis=1)


def _is_bytes(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    of_bytes = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_it(kind) for is_it in (*of_bytes, pa.types.is_fixed_size_binary))


def _as_text(column: "pa.ChunkedArray", name: str, where: str) -> "pa.ChunkedArray":
    """Return a column of bytes or text as text.

    Raises:
        UserError: for a row that is not UTF-8.
    """
    import pyarrow as pa

    raw = column.cast(pa.large_binary())
    try:
        return raw.cast(pa.large_string())
    except pa.ArrowInvalid:
        row, value = _first_that_is_not_utf8(one.as_py() or b"" for one in raw)
        shown = one_line(repr(value), 40)
        raise UserError(f"{where}: row {row + 1}: {name} is {shown}, which is not UTF-8 text") from None


def _not_text(path: Path, where: str) -> UserError:
    """Return the error for a CSV file that is not UTF-8, with the row."""
    with opened(path, where) as stream:
        lines = (line for line in stream if line.strip())
        row, value = _first_that_is_not_utf8(lines)
    place = f"row {row}" if row else "the first line"
    return UserError(f"{where}: {place} is not UTF-8 text: {one_line(repr(value.rstrip()), 60)}")


def _first_that_is_not_utf8(values: Iterable[bytes]) -> tuple[int, bytes]:
    for number, value in enumerate(values):
        try:
            value.decode("utf-8")
        except UnicodeDecodeError:
            return number, value
    raise LookupError
