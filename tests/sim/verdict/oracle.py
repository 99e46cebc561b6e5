"""The definitions of the truth, word by word. It imports nothing from `sim`, whose mistakes it must not share."""

from dataclasses import dataclass
from math import nan


@dataclass(frozen=True)
class Read:
    """What a judge may know of a read."""

    key: str
    start_s: float
    end_s: float
    version: int


@dataclass(frozen=True)
class Commit:
    """A committed write."""

    key: str
    commit_s: float
    version: int


@dataclass(frozen=True)
class Judged:
    """What is true of a read."""

    latest_version: int
    stale: bool
    stale_age_s: float
    versions_behind: int
    dirty: bool
    aborted: bool


def judged(read: Read, commits: list[Commit]) -> Judged:
    """Judge *read* by looking at every commit there ever was."""
    mine = [commit for commit in commits if commit.key == read.key]
    before = [commit for commit in mine if commit.commit_s < read.start_s]
    newer = [commit for commit in before if commit.version > read.version]
    own = [commit for commit in mine if commit.version == read.version]
    kept = read.version == 0 or bool(own)  # the version is one that the database once held, or will
    newer = newer if kept else []
    return Judged(
        latest_version=max((commit.version for commit in before), default=0),
        stale=bool(newer),
        stale_age_s=read.start_s - min(newer, key=lambda commit: commit.version).commit_s if newer else nan,
        versions_behind=len(newer),
        dirty=bool(own) and not any(commit.commit_s <= read.end_s for commit in own),
        aborted=not kept,
    )
