"""Records: what happened to every read, in numpy columns that grow in place, and what all requests cost."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from array import array

Column = NDArray[Any]
# The columns in order, with what a row holds until its read has ended.
READ_COLUMNS: dict[str, Any] = {
    "arrival_s": np.float64("nan"),
    "start_s": np.float64("nan"),
    "end_s": np.float64("nan"),
    "key_code": np.int32(-1),
    "worker": np.int16(-1),
    "hit": np.True_,
    "version": np.int32(-1),
}


class ReadLog:
    """All reads that arrived at or after `measured_from_s`, in order of arrival.

    A read fills in its own row when it ends, in whichever order; row 0 is scrap, shared by the reads of the warm-up.
    The memory views write single numbers about twice as fast as indexing the arrays does.
    """

    def __init__(self, measured_from_s: float) -> None:
        self._measured_from_s = measured_from_s
        self._columns: dict[str, Column] = {name: np.full(1, empty) for name, empty in READ_COLUMNS.items()}
        self._open()

    def extend(self, arrival_s: Column, key_code: Column, worker: Column) -> NDArray[np.int64]:
        """Add rows for reads with these arrivals (ascending), keys and workers; return each read's row."""
        skip = int(np.searchsorted(arrival_s, self._measured_from_s))
        start, count = len(self._columns["arrival_s"]), len(arrival_s) - skip
        self._close()
        for name, column in self._columns.items():
            # Grown in place: the allocator moves a large block's pages without copying them.
            column.resize(start + count, refcheck=False)
            column[start:] = READ_COLUMNS[name]
        for name, values in (("arrival_s", arrival_s), ("key_code", key_code), ("worker", worker)):
            self._columns[name][start:] = values[skip:]
        self._open()
        return np.concatenate([np.zeros(skip, np.int64), np.arange(start, start + count)])

    def take_columns(self) -> dict[str, Column]:
        """Return the columns and forget them; nothing is copied."""
        self._close()
        columns, self._columns = self._columns, {}
        return {name: column[1:] for name, column in columns.items()}

    def _open(self) -> None:
        self.start_s: memoryview[float] = self._view("start_s")
        self.end_s: memoryview[float] = self._view("end_s")
        self.hit: memoryview[bool] = self._view("hit")
        self.version: memoryview[int] = self._view("version")

    def _view(self, name: str) -> Any:
        column: Any = self._columns[name]  # numpy's stubs do not say that an array is a buffer
        return memoryview(column)

    def _close(self) -> None:
        """Give up the memory views, under which a column must not move."""
        for view in (self.start_s, self.end_s, self.hit, self.version):
            view.release()


@dataclass
class Totals:
    """What the measured requests (those that arrived after the warm-up) cost, their background work included."""

    requests: int = 0
    cache_calls: int = 0
    db_reads: int = 0
    db_queries: int = 0
    entries_culled: float = 0.0  # NaN: nobody could count them


def as_array(column: "array[Any]") -> Column:
    """Return a typed column as an array, without copying it; while that lives, the column must not grow."""
    return np.frombuffer(column, column.typecode) if column else np.empty(0, column.typecode)
