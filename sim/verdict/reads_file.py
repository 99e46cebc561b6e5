"""Judged reads in a frame, and in a Parquet file that is written while the run goes on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from errno import EISDIR
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UserError, file_name, one_line
from ..processes.interrupts import interrupts_held, temporary_folder
from .records import Column
from .truth import Verdicts

if TYPE_CHECKING:
    import pandas as pd

ROWS_AT_ONCE = 1 << 19  # when all reads are written after the run


def frame_of(columns: Mapping[str, Column], key_names: Sequence[str]) -> "pd.DataFrame":
    """Return a frame of these columns, in which `key_code` has become `key`; nothing else is copied."""
    import pandas as pd

    names = pd.Index(list(key_names), dtype=object)
    shown: dict[str, Any] = {}
    for name, column in columns.items():
        if name == "key_code":
            shown["key"] = pd.Categorical.from_codes(column, names, validate=False)
        else:
            shown[name] = column
    return pd.DataFrame(shown, copy=False)


def read_back(path: Path, key_names: Sequence[str]) -> "pd.DataFrame":
    """Return the frame of the reads that a `ReadsFile` has written to *path*.

    Raises:
        UserError: if the file can no longer be read.
    """
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(f"the reads of this run were kept in {file_name(path)!r}: {one_line(error)}") from error
    frame = frame.sort_values("number", ignore_index=True).drop(columns="number")
    frame["key"] = frame["key"].cat.set_categories(pd.Index(list(key_names), dtype=object))
    return frame


class ReadsFile:
    """A Parquet file of judged reads: the columns of `Result.reads`, and `number`, their order of arrival from 0.

    The reads are in the order in which they could be judged.
    """

    def __init__(self, path: Path, key_names: Sequence[str]) -> None:
        import pyarrow as pa
        from pyarrow import parquet  # before the run: a module imported during a run would see virtual time

        self._path = path
        self._open = parquet.ParquetWriter
        self._names = pa.array(key_names, pa.string())
        self._writer: Any = None

    def write(self, columns: Mapping[str, Column], verdicts: Verdicts) -> None:
        """Add reads, each with its `number`."""
        import pyarrow as pa

        arrays = {"number": pa.array(columns["number"])}
        for name, column in {**columns, **vars(verdicts)}.items():
            if name == "key_code":
                arrays["key"] = pa.DictionaryArray.from_arrays(column, self._names)
            else:
                arrays[name] = pa.array(column)
        rows = pa.table(arrays)
        with _errors_told(self._path):
            if self._writer is None:
                self._writer = self._open(self._path, rows.schema)
            self._writer.write_table(rows)

    def write_all(self, columns: Mapping[str, Column], verdicts: Verdicts) -> None:
        """Write all reads of a run, in order of arrival."""
        numbered = {**columns, "number": np.arange(len(verdicts.stale))}
        for start in range(0, max(1, len(verdicts.stale)), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            self.write({name: column[some] for name, column in numbered.items()}, verdicts.of(some))

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            with _errors_told(self._path):
                self._writer.close()


@contextmanager
def reads_file(path: Path, key_names: Sequence[str]) -> Iterator[ReadsFile]:
    """Open a file that gets its name only when the block ends without an error; otherwise it is removed.

    Raises:
        UserError: if it cannot be written.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    with ExitStack() as undone:
        undone.callback(_remove_empty, missing)
        with _errors_told(path):
            if path.is_dir():
                raise IsADirectoryError(EISDIR, "it is a folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            # The temporary file is in the same folder, because a move is atomic only within one file system.
            aside = undone.enter_context(temporary_folder(".unfinished-", path.parent))
        file = ReadsFile(aside / path.name, key_names)
        try:
            yield file
        finally:
            file.close()
        with _errors_told(path), interrupts_held():
            (aside / path.name).replace(path)


@contextmanager
def _errors_told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write the reads to {path.name!r:.80}: {error.strerror or one_line(error)}") from error


def _remove_empty(folders: Sequence[Path]) -> None:
    with interrupts_held(), suppress(OSError):
        for folder in folders:
            folder.rmdir()  # unless it has files
