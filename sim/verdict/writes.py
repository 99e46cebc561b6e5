"""The log of writes: one row each up to a limit; above it, only their number and when each version was committed."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

from .records import Column, as_array
from .truth import History

MOST_KEPT_WRITES = 5_000_000


@dataclass
class WriteCounts:
    """The number of writes that arrived after the warm-up, and how many of these were committed."""

    measured: int = 0
    committed: int = 0

    @classmethod
    def of(cls, writes: Mapping[str, Column], measured_from_s: float) -> "WriteCounts":
        """Count the writes of a log's columns."""
        measured = writes["arrival_s"] >= measured_from_s
        return cls(int(measured.sum()), int((measured & (writes["committed"] > 0)).sum()))


class WriteLog:
    """Every write, committed or not: typed columns that grow, up to `MOST_KEPT_WRITES` rows; then they are dropped.

    If *surely* more will come, no row is kept at all. `counts` exists once the rows are dropped; `history` once it has
    been used.
    """

    def __init__(self, measured_from_s: float = 0.0, *, surely: int = 0) -> None:
        self.measured_from_s = measured_from_s
        self.counts: WriteCounts | None = None
        self._history: History | None = None
        self._clear()
        if surely > MOST_KEPT_WRITES:
            self._let_go()

    def _clear(self) -> None:
        self.arrival_s = array("d")
        self.start_s = array("d")
        self.commit_s = array("d")
        self.key_code = array("i")
        self.worker = array("h")
        self.version = array("i")
        self.committed = array("b")

    def append(self, arrival_s: float, start_s: float, key_code: int, worker: int, version: int) -> int:
        """Log a write that is not committed yet and return its position."""
        place = len(self.version)
        if self.counts is None and place >= MOST_KEPT_WRITES:
            self._let_go()
        if self.counts is not None:
            self.counts.measured += arrival_s >= self.measured_from_s
            return -1
        self.arrival_s.append(arrival_s)
        self.start_s.append(start_s)
        self.commit_s.append(nan)
        self.key_code.append(key_code)
        self.worker.append(worker)
        self.version.append(version)
        self.committed.append(0)
        return place

    def commit(self, place: int, arrival_s: float, key_code: int, version: int, commit_s: float) -> None:
        """Log that the write at *place* was committed; the other arguments are those of its `append`."""
        if self._history is not None:
            self._history.add(key_code, version, commit_s)
        if self.counts is None:
            self.commit_s[place] = commit_s
            self.committed[place] = 1
        else:
            self.counts.committed += arrival_s >= self.measured_from_s

    def history(self) -> History:
        """Return the commits so far; later ones will be added to the same object."""
        if self._history is None:
            self._history = History()
            rows = zip(self.key_code, self.version, self.commit_s, self.committed, strict=True)
            for key_code, version, commit_s, committed in rows:  # versions of a key are logged in ascending order
                if committed:
                    self._history.add(key_code, version, commit_s)
        return self._history

    def columns(self) -> dict[str, Column]:
        """Return the columns as arrays, without copying them."""
        columns = {name: column for name, column in vars(self).items() if isinstance(column, array)}
        return {name: as_array(column) for name, column in columns.items()}

    def _let_go(self) -> None:
        """Drop the rows."""
        self.history()
        self.counts = WriteCounts.of(self.columns(), self.measured_from_s)
        self._clear()
