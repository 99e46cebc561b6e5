"""Pages that print their row's version are judged twice, by content and by version: no verdict and no age differs."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from cachewise import Scenario
from cachewise.sim.app.figures import ReadColumns
from cachewise.sim.verdict.truth import Commits, judge
from tests.helpers import SERVERS
from tests.projects import POSTGRES, SQLITE
from tests.sim.app.pages import pages
from tests.sim.app.playing import Play

NAMES, KEYS = ("page", "fragment", "deleted", "early"), 5
SCENARIO = Scenario(
    "annotated",
    reads_per_s=20,
    writes_per_s=0.6,
    warmup_s=5,
    duration_s=20,
    workers=2,
    threads=None,
    cache_rtt_s="lognormal:0.002:0.5",
    db_read_s="lognormal:0.1:1",
    db_write_s="lognormal:0.02:0.5",
    db_commit_s="lognormal:0.05:0.8",
)
DIARY = """

    import os
    from shop import views
    from cachewise.sim.project.work import RUN


    def note(table, pk, version):
        with open(os.environ["DIARY"], "a") as diary:
            print(table, pk, version, float(RUN.engine.time()).hex(), file=diary)


    if "DIARY" in os.environ:
        views.NOTED.append(note)
"""
DATABASES = {"sqlite": SQLITE, "postgres": POSTGRES.replace(', "ATOMIC_REQUESTS": True', "")}


class Noted(NamedTuple):
    """The reads of a run, and its commits: one line each, (table, key, version, time)."""

    reads: ReadColumns
    commits: list[list[str]]


@pytest.mark.servers
@pytest.mark.parametrize("family", list(DATABASES))
def test_no_verdict_differs(family: str, tmp_path: Path) -> None:
    """In a short run with each kind of page, and reads that commits overlap."""
    assert compared(played(tmp_path, family, SCENARIO, seeds=[1])) > 1500


@pytest.mark.proof
@pytest.mark.servers
def test_no_verdict_differs_in_100_000_reads(tmp_path: Path) -> None:
    """In long runs on both kinds of databases."""
    long = Scenario(**{**vars(SCENARIO), "duration_s": 320})
    assert sum(compared(played(tmp_path / family, family, long, seeds=[1, 2])) for family in DATABASES) > 100_000


def played(folder: Path, family: str, scenario: Scenario, seeds: list[int], more: str = "") -> list[Noted]:
    """Play the pages on a database of *family*; *more* stands at the end of the experiment's file."""
    file = pages(folder / "project", scenario, *NAMES, keys=KEYS, database=DATABASES[family], more=DIARY + more)
    play = Play(file, SERVERS, folder / "rows")
    diaries = [folder / f"diary-{seed}.txt" for seed in seeds]
    further = {**play.errand().further, "reads": True}
    errands = [
        play.errand(backend="shared", seed=seed, further=further, env={"DIARY": str(diary)})
        for seed, diary in zip(seeds, diaries, strict=True)
    ]
    outcomes = play.runs(errands)
    assert [outcome.failures for outcome in outcomes] == [[]] * len(seeds)
    lines = [[line.split() for line in diary.read_text().splitlines()] for diary in diaries]
    return [Noted(outcome.reads, commits) for outcome, commits in zip(outcomes, lines, strict=True)]


def compared(runs: list[Noted]) -> int:
    """Judge all reads by their versions, hold that against what the runs say, and return how many there are."""
    return sum(_compared(one) for one in runs)


def _compared(noted: Noted) -> int:
    reads, places = noted.reads, {name: place * KEYS for place, name in enumerate(NAMES)}
    commits = np.array([(places[table] + int(key) - 1, int(version)) for table, key, version, _at in noted.commits])
    times_s = np.array([float.fromhex(at) for *_what, at in noted.commits])
    printed = {
        _digest(key, version): (key - 1, version)
        for key in range(1, KEYS + 1)
        for version in range(commits[:, 1].max() + 1)
    }
    digests = [one.ljust(16, b"\0") for one in reads.digest.tolist()]
    assert printed.keys() >= {*digests}, "a page has printed a version that was never committed"
    shown = np.array([printed[one] for one in digests])
    code = (reads.function * KEYS + shown[:, 0]).astype(np.int32)
    history = Commits.of(commits[:, 0].astype(np.int32), times_s, commits[:, 1].astype(np.int32), len(NAMES) * KEYS)
    truth = judge(code, reads.start_s, reads.end_s, shown[:, 1].astype(np.int32), history)
    np.testing.assert_array_equal(reads.stale, truth.stale)
    np.testing.assert_array_equal(reads.never_true, truth.dirty | truth.aborted)
    np.testing.assert_array_equal(reads.age_s, truth.stale_age_s)  # to the last bit
    overlapped = np.searchsorted(np.sort(times_s), reads.end_s) > np.searchsorted(np.sort(times_s), reads.start_s)
    assert min(truth.stale.sum(), (truth.dirty | truth.aborted).sum(), overlapped.sum()) > 0
    return len(code)


def _digest(key: int, version: int) -> bytes:
    """Return what a run says of a page that prints this."""
    return hashlib.blake2b(f"response 200 {key} {version}".encode(), digest_size=16).digest()
