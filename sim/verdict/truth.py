"""The truth: every read judged against the history of commits.

A read is right, or it is wrong in exactly one of three ways, so that these add up:

- **stale** (outdated): the version it returned was superseded by a commit before the read began (a worker took it);
  a commit that overlaps the read never makes it outdated;
- **dirty**: the version was committed, but only after it was returned;
- **aborted**: the version was never committed. Nothing supersedes such a version, so the read is only aborted,
  whatever has been committed since.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat
from math import nan
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Verdicts:
    """One entry for each read; at most one of `stale`, `dirty` and `aborted` is true.

    For a read that is not outdated, `stale_age_s` is NaN and `versions_behind` is 0.
    """

    latest_version: Ints
    stale: Bools
    stale_age_s: Floats
    versions_behind: Ints
    dirty: Bools
    aborted: Bools

    @property
    def wrong(self) -> Bools:
        """The reads that are outdated, dirty or aborted."""
        return self.stale | self.dirty | self.aborted

    def of(self, reads: Bools | slice) -> "Verdicts":
        """Return the verdicts of some *reads*."""
        return Verdicts(**{name: column[reads] for name, column in vars(self).items()})


class Committed(Protocol):
    """The committed writes, by key."""

    def keys(self) -> Iterable[int]:
        """Return the codes of the keys with committed writes."""

    def of_key(self, key: int) -> tuple[Floats, Ints]:
        """Return when *key*'s writes were committed, and their versions: both ascend."""


@dataclass(frozen=True)
class Commits:
    """All commits, sorted by key and then by time; those of key *k* are at ``bounds[k]:bounds[k + 1]``."""

    commit_s: Floats
    version: Ints
    bounds: NDArray[np.int64]

    @classmethod
    def of(cls, key_code: Ints, commit_s: Floats, version: Ints, keys: int) -> "Commits":
        """Return the history of *keys* keys from committed writes in any order."""
        order = np.lexsort((version, commit_s, key_code))
        bounds = np.searchsorted(key_code[order], np.arange(keys + 1))
        return cls(commit_s[order], version[order], bounds)

    def keys(self) -> Iterable[int]:
        """Return the codes of the keys with committed writes."""
        written: list[int] = np.flatnonzero(np.diff(self.bounds)).tolist()
        return written

    def of_key(self, key: int) -> tuple[Floats, Ints]:
        """Return when *key*'s writes were committed, and their versions: both ascend."""
        history = slice(self.bounds[key], self.bounds[key + 1])
        return self.commit_s[history], self.version[history]


class History:
    """Commits, recorded as they come, a key's versions in ascending order: eight bytes each.

    A key's n-th entry says when its version n was committed; NaN means that it was rolled back. Once a key has `BLOCK`
    entries, they are moved to a slab, which never moves. Growing arrays, and small ones between short-lived ones, would
    leave gaps of up to half their size.
    """

    BLOCK = 512
    SLAB_BLOCKS = 256

    def __init__(self) -> None:
        self._slabs: list[Floats] = []
        self._blocks = 0
        self._full: dict[int, array[int]] = {}  # the numbers of a key's blocks
        self._last: dict[int, array[float]] = {}

    def add(self, key: int, version: int, commit_s: float) -> None:
        """Record that *version* of *key* was committed at *commit_s*."""
        times = self._last.get(key)
        if times is None:
            times = self._last[key] = array("d")
        known = self.BLOCK * len(self._full.get(key, ())) + len(times)
        for time_s in (*repeat(nan, version - 1 - known), commit_s):
            if len(times) == self.BLOCK:
                self._put_away(key, times)
            times.append(time_s)

    def _put_away(self, key: int, times: "array[float]") -> None:
        slab, place = divmod(self._blocks, self.SLAB_BLOCKS)
        if slab == len(self._slabs):
            self._slabs.append(np.empty((self.SLAB_BLOCKS, self.BLOCK)))
        self._slabs[slab][place] = times
        self._full.setdefault(key, array("i")).append(self._blocks)
        self._blocks += 1
        del times[:]

    def keys(self) -> Iterable[int]:
        """Return the codes of the keys with committed writes."""
        return self._last.keys()

    def of_key(self, key: int) -> tuple[Floats, Ints]:
        """Return when *key*'s writes were committed, and their versions: both ascend."""
        places = (divmod(block, self.SLAB_BLOCKS) for block in self._full.get(key, ()))
        blocks = [self._slabs[slab][place] for slab, place in places]
        times = np.concatenate([*blocks, np.frombuffer(self._last[key])])
        done = np.flatnonzero(~np.isnan(times))
        return times[done], (done + 1).astype(np.int32)


def judge(key_code: Ints, start_s: Floats, end_s: Floats, version: Ints, commits: Committed) -> Verdicts:
    """Judge reads (one array entry each) against *commits*."""
    count = len(key_code)
    verdicts = Verdicts(
        latest_version=np.zeros(count, np.int32),
        stale=np.zeros(count, np.bool_),
        stale_age_s=np.full(count, np.nan),
        versions_behind=np.zeros(count, np.int32),
        dirty=np.zeros(count, np.bool_),
        aborted=version > 0,  # until a commit of that version is found
    )
    last = int(key_code.max(initial=0))
    # numpy's stable sort of 16-bit numbers is a radix sort, three times as fast.
    codes = key_code.astype(np.int16) if last < 1 << 15 else key_code
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(key_code, np.arange(last + 2), sorter=order)
    for key in commits.keys():  # noqa: SIM118 - not a mapping
        if key <= last and bounds[key] < bounds[key + 1]:
            rows = order[bounds[key] : bounds[key + 1]]
            _judge_key(rows, start_s, end_s, version, *commits.of_key(key), verdicts)
    return verdicts


def judge_reads(reads: Mapping[str, NDArray[Any]], commits: Committed) -> Verdicts:
    """Judge reads whose columns have these names against *commits*."""
    return judge(reads["key_code"], reads["start_s"], reads["end_s"], reads["version"], commits)


def _judge_key(
    rows: NDArray[np.int64],
    start_s: Floats,
    end_s: Floats,
    version: Ints,
    commit_s: Floats,
    committed: Ints,
    verdicts: Verdicts,
) -> None:
    """Judge the reads *rows* of one key, whose commits are given in order (times and versions both ascend)."""
    returned = version[rows]
    before = commit_s.searchsorted(start_s[rows])  # commits before the read began
    newer = committed.searchsorted(returned, side="right")  # the first commit newer than the returned version
    verdicts.latest_version[rows] = np.concatenate([[0], committed])[before]
    own = newer - 1  # the commit of the returned version itself, if there is one
    known = (own >= 0) & (committed[own] == returned)
    found = rows[known]
    verdicts.aborted[found] = False
    verdicts.dirty[found] = commit_s[own[known]] > end_s[found]
    late = np.flatnonzero((before > newer) & ~verdicts.aborted[rows])
    if len(late):
        stale, before, first = rows[late], before[late], newer[late]
        verdicts.stale[stale] = True
        verdicts.versions_behind[stale] = before - first
        verdicts.stale_age_s[stale] = start_s[stale] - commit_s[first]
