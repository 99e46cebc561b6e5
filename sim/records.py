"""Records: what happened to every read, in numpy columns that grow chunk by chunk."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
READ_COLUMNS = ("arrival_s", "start_s", "end_s", "key_code", "worker", "hit", "version")


class ReadChunk:
    """The reads of one chunk of the workload; a read fills in its own row when it ends, in whichever order.

    The memory views write single numbers about twice as fast as indexing the arrays does.
    """

    def __init__(self, arrival_s: Column, key_code: Column, worker: Column) -> None:
        count = len(arrival_s)
        self.columns: dict[str, Column] = {
            "arrival_s": arrival_s,
            "start_s": np.full(count, np.nan),
            "end_s": np.full(count, np.nan),
            "key_code": key_code,
            "worker": worker,
            "hit": np.zeros(count, np.bool_),
            "version": np.full(count, -1, np.int32),
        }
        self.start_s: memoryview[float] = self._view("start_s")
        self.end_s: memoryview[float] = self._view("end_s")
        self.hit: memoryview[bool] = self._view("hit")
        self.version: memoryview[int] = self._view("version")

    def _view(self, name: str) -> Any:
        column: Any = self.columns[name]  # numpy's stubs do not say that an array is a buffer
        return memoryview(column)

    def close(self) -> None:
        """Give up the memory views, which would keep the columns alive."""
        for view in (self.start_s, self.end_s, self.hit, self.version):
            view.release()


class ReadLog:
    """All reads that arrived at or after `measured_from_s`, in order of arrival."""

    def __init__(self, measured_from_s: float) -> None:
        self._measured_from_s = measured_from_s
        self._chunks: list[ReadChunk] = []

    def open_chunk(self, arrival_s: Column, key_code: Column, worker: Column) -> ReadChunk:
        """Return a new chunk for reads with these arrivals (ascending), keys and workers."""
        chunk = ReadChunk(arrival_s, key_code, worker)
        if len(arrival_s) and arrival_s[-1] >= self._measured_from_s:
            self._chunks.append(chunk)
        return chunk

    def take_columns(self) -> dict[str, Column]:
        """Return the columns and forget the chunks: at no time is more than one column held twice."""
        if not self._chunks:
            self._chunks = [ReadChunk(np.empty(0), np.empty(0, np.int32), np.empty(0, np.int16))]
        chunks, self._chunks = self._chunks, []
        skip = int(np.searchsorted(chunks[0].columns["arrival_s"], self._measured_from_s))
        for chunk in chunks:
            chunk.close()
        return {name: np.concatenate([chunk.columns.pop(name) for chunk in chunks])[skip:] for name in READ_COLUMNS}
