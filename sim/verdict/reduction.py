"""Judges the reads of a long run while it goes on, so that they need not be kept."""

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
    """Keeps reads that are dropped from memory."""

    def write(self, columns: Mapping[str, Column], verdicts: Verdicts) -> None:
        """Keep these reads."""


class Reduction:
    """Judges reads by the commits so far, counts them, and says which can be dropped.

    A read that has ended began before now, so every commit before it is known, and a verdict "outdated" is final. A
    committed version stays committed. A later commit can only change the verdict on an uncommitted version: such a read
    waits until that version can no longer be committed.
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
        """Count reads that have ended, and return which are decided; once the run is over, all are."""
        verdicts = judge_reads(columns, self._commits())
        decided = over | ~self._undecided(columns, verdicts)
        if not decided.all():  # otherwise nothing is copied: there can be hundreds of thousands
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
