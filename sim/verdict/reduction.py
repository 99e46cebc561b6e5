"""Reads of a long run, judged while it goes on, so that they need not be kept."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .records import Column, as_array
from .tally import Tally
from .truth import Bools, Committed, Verdicts, judge_reads

if TYPE_CHECKING:
    from array import array

Version = tuple[int, int]  # a key's code, and a version of it


class Keeper(Protocol):
    """Who keeps the reads that are let go."""

    def write(self, columns: Mapping[str, Column], verdicts: Verdicts) -> None:
        """Keep these reads."""


class Reduction:
    """Judges reads by the commits so far, adds them up, and says which can be let go.

    A read that has ended began before now, so every commit before it is known, and what it says of stale reads is
    final. A version that was committed stays so. All that a later commit can change is a version that was not:
    such a read waits, unless nobody can commit that version any more.
    """

    def __init__(
        self,
        tally: Tally,
        commits: Callable[[], Committed],
        may_commit: Callable[[set[Version]], set[Version]],
        query_started_s: "array[float]",
        keeper: Keeper | None = None,
    ) -> None:
        self.tally = tally
        self._commits = commits
        self._may_commit = may_commit
        self._query_started_s = query_started_s
        self._keeper = keeper

    def let_go(self, columns: dict[str, Column], over: bool) -> Bools:
        """Take down reads that have ended, and return which of them are done with: all of them once the run is over."""
        verdicts = judge_reads(columns, self._commits())
        decided = over | ~self._undecided(columns, verdicts)
        if not decided.all():  # else nothing is copied: there can be hundreds of thousands
            columns, verdicts = {name: column[decided] for name, column in columns.items()}, verdicts.of(decided)
        self.tally.add(columns, verdicts)
        if self._keeper is not None:
            self._keeper.write(columns, verdicts)
        self._count_queries()
        return decided

    def _undecided(self, columns: Mapping[str, Column], verdicts: Verdicts) -> Bools:
        undecided = verdicts.aborted.copy()
        rows = np.flatnonzero(undecided)
        returned = list(zip(columns["key_code"][rows].tolist(), columns["version"][rows].tolist(), strict=True))
        open_ones = self._may_commit(set(returned))
        undecided[rows] = [one in open_ones for one in returned]
        return undecided

    def _count_queries(self) -> None:
        self.tally.load.add_queries(as_array(self._query_started_s))
        del self._query_started_s[:]
