"""Verdicts of a real run: a commit happened somewhere between two stamps, so every read is judged twice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..verdict.records import Column
from ..verdict.truth import Bools, Commits, Verdicts, judge

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DoubleVerdict:
    """The common part of both verdicts; `undecidable` marks reads that only one of them calls outdated or dirty."""

    agreed: Verdicts
    undecidable: Bools


def judge_twice(reads: Mapping[str, Column], writes: Mapping[str, Column], keys: int) -> DoubleVerdict:
    """Judge *reads* with every commit at its earliest, and again at its latest.

    *writes* has the columns key_code, version, committed, before_s and after_s (as `tightened` leaves them). Ages and
    versions behind are those of the latest commit times. A read is dirty if it is dirty with the earliest times, too;
    only a hit can be dirty, never a load. It is known for certain whether a version was ever committed, and so whether
    a read of it is aborted.
    """
    done = writes["committed"] > 0
    key_code, version = writes["key_code"][done], writes["version"][done]
    early, late = (
        judge(
            reads["key_code"],
            reads["start_s"],
            reads["end_s"],
            reads["version"],
            Commits.of(key_code, commit_s, version, keys),
        )
        for commit_s in (writes["before_s"][done], writes["after_s"][done])
    )
    undecidable = (early.stale & ~late.stale) | (reads["hit"] & late.dirty & ~early.dirty)
    return DoubleVerdict(replace(late, dirty=early.dirty), undecidable)


def tightened(key_code: Column, version: Column, before_s: Floats, after_s: Floats) -> tuple[Floats, Floats]:
    """Return the stamps around each commit, narrowed by those of the same key: its versions commit in ascending order.

    A commit comes no earlier than the earliest time of an older version, and no later than the latest time of a newer
    one.
    """
    order = np.lexsort((version, key_code))
    before_s, after_s = before_s.copy(), after_s.copy()
    _, starts = np.unique(key_code[order], return_index=True)
    for rows in np.split(order, starts[1:]):
        before_s[rows] = np.maximum.accumulate(before_s[rows])
        after_s[rows] = np.minimum.accumulate(after_s[rows][::-1])[::-1]
    return before_s, after_s
