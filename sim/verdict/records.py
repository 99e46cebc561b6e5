"""Records: the data of every read, in numpy columns that grow in place, and the costs of all requests."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable

Column = NDArray[Any]
MOST_KEPT_READS = 5_000_000
BATCH_READS = 1 << 17  # in a longer run, decided reads are dropped after so many new ones
# The columns in order, with the value in a row until its read has ended.
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
    """All reads that arrived at or after `measured_from_s`, in order of arrival, up to `MOST_KEPT_READS`.

    A read fills in its own row when it ends; reads end in any order. Row 0 is unused data: the reads of the warm-up
    share it. The memory views write single numbers about twice as fast as indexing the arrays.

    If there are more reads, `let_go` is called with the columns of reads that have ended, and whether the run is over.
    It returns which of them no longer need their row. New reads use these rows, so memory stops growing. This begins
    when there is one read too many, or with the first read if so many are *surely* to come. With *numbered* there is
    then one more column, `number`: the order of arrival, from 0.
    """

    def __init__(self, measured_from_s: float, *, surely: int = 0, numbered: bool = False) -> None:
        self._surely = surely
        self._numbered = numbered
        self._measured_from_s = measured_from_s
        self._columns: dict[str, Column] = {name: np.full(1, empty) for name, empty in READ_COLUMNS.items()}
        self._taken = np.ones(0, np.bool_)  # which rows are in use, once rows are reused
        self._free = np.zeros(0, np.int64)
        self.reads = 0
        self.let_go: Callable[[dict[str, Column], bool], NDArray[np.bool_]] | None = None
        self._open()

    def extend(self, arrival_s: Column, key_code: Column, worker: Column) -> NDArray[np.int64]:
        """Add rows for reads with these arrivals (ascending), keys and workers; return each read's row."""
        skip = int(np.searchsorted(arrival_s, self._measured_from_s))
        count = len(arrival_s) - skip
        self._close()
        start = len(self._columns["arrival_s"])
        if max(self._surely, self.reads + count) > MOST_KEPT_READS and self.let_go is not None:
            rows = self._take(count)
            place: Any = rows
        else:
            self._resize(start + count)
            rows = np.arange(start, start + count)
            place = slice(start, None)
        for name, values in (("arrival_s", arrival_s), ("key_code", key_code), ("worker", worker)):
            self._columns[name][place] = values[skip:]
        self.reads += count
        self._open()
        return np.concatenate([np.zeros(skip, np.int64), rows])

    def let_all_go(self) -> None:
        """At the end of a run that has dropped reads, drop the rest."""
        self._sweep(over=True)

    @property
    def lets_go(self) -> bool:
        """Whether there were too many reads to keep all of them."""
        return len(self._taken) > 0

    def _resize(self, count: int) -> None:
        """Give the columns *count* rows, the new ones empty."""
        for name, column in self._columns.items():
            before = len(column)
            # Grown in place: the allocator moves a large block's pages without copying them.
            column.resize(count, refcheck=False)
            column[before:] = READ_COLUMNS.get(name, 0)

    def _take(self, count: int) -> NDArray[np.int64]:
        """Return *count* free rows, emptied."""
        if not self.lets_go:
            if self._numbered:
                self._columns["number"] = np.arange(-1, self.reads)
            self._taken = np.ones(self.reads + 1, np.bool_)
        if len(self._free) < count:
            self._sweep()
            self._make_room(max(count, BATCH_READS))
        rows, self._free = self._free[:count], self._free[count:]
        self._taken[rows] = True
        for name, empty in READ_COLUMNS.items():
            self._columns[name][rows] = empty
        if self._numbered:
            self._columns["number"][rows] = np.arange(self.reads, self.reads + count)
        return rows

    def _sweep(self, *, over: bool = False) -> None:
        """Drop the reads that are decided."""
        for start in range(1, len(self._taken), BATCH_READS):
            batch = slice(start, start + BATCH_READS)
            ended = start + np.flatnonzero(self._taken[batch] & ~np.isnan(self._columns["end_s"][batch]))
            if len(ended) and self.let_go is not None:
                gone = self.let_go({name: column[ended] for name, column in self._columns.items()}, over)
                self._taken[ended[gone]] = False

    def _make_room(self, count: int) -> None:
        """Provide *count* free rows and hardly more: free rows at the end are given back."""
        taken = int(self._taken.sum())
        free = np.flatnonzero(~self._taken[: taken + count])[:count]  # no more than wanted, of perhaps millions
        last = int(np.flatnonzero(self._taken)[-1])
        size = max(last, int(free.max(initial=0))) + 1 + count - len(free)
        self._resize(size)
        self._taken = np.append(self._taken[:size], np.zeros(max(0, size - len(self._taken)), np.bool_))
        self._free = np.append(free, np.arange(size - count + len(free), size))

    def take_columns(self) -> dict[str, Column]:
        """Return the columns without copying them, and forget them."""
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
        """Release the memory views: while they exist, a column must not move."""
        for view in (self.start_s, self.end_s, self.hit, self.version):
            view.release()


@dataclass
class Totals:
    """The costs of the measured requests (those that arrived after the warm-up), with their background work."""

    requests: int = 0
    cache_calls: int = 0
    db_reads: int = 0
    db_queries: int = 0
    entries_culled: float = 0.0  # NaN: they could not be counted


def as_array(column: "array[Any]") -> Column:
    """Return a typed column as an array without copying it. While the array exists, the column must not grow."""
    return np.frombuffer(column, column.typecode) if column else np.empty(0, column.typecode)
