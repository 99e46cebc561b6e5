"""What the judge says of an app's reads is what theory says: timeouts of pages and fragments, a delete on commit."""

from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cachewise import Scenario
from cachewise.sim import theory
from cachewise.sim.app.figures import ReadColumns
from tests.helpers import SERVERS
from tests.sim.app.pages import TIMEOUT_S, pages
from tests.sim.app.playing import Play
from tests.theory.replication import Estimate, assert_within, ratio

SEEDS = range(1, 17)
READS_PER_S, WRITES_PER_S, FETCH_S = 4, 0.5, 1.2
INSTANT = Scenario(
    "instant",
    reads_per_s=READS_PER_S,
    writes_per_s=WRITES_PER_S,
    warmup_s=15,
    duration_s=200,
    workers=1,
    threads=None,
    cache_rtt_s=0,
    db_read_s=0,
    db_write_s=0,
    db_send_s=0,
    db_commit_s=0,
)
RACING = Scenario(**{**vars(INSTANT), "name": "racing", "duration_s": 300, "db_read_s": f"exponential:{FETCH_S}"})
DETECTS = 0.2  # each judged state costs a process: runs are short
TIMED = ("page", "fragment")  # by a timeout alone
Parts = dict[str, tuple[float, float]]  # what a run adds to each figure: (part, whole)


@pytest.mark.proof
def test_timeouts() -> None:
    """`cache_page` and a fragment, with their timeout alone: hits, stale hits and ages."""
    assert_theory(INSTANT, timeouts())


def timeouts() -> dict[tuple[str, str], float]:
    """Return what theory says of them."""
    expected = {
        "hits": theory.hit_ratio(READS_PER_S, TIMEOUT_S),
        "stale hits": theory.timeout_stale_hits(WRITES_PER_S, TIMEOUT_S),
        "age": theory.timeout_stale_age_s(WRITES_PER_S, TIMEOUT_S),
    }
    return {(name, what): value for name in TIMED for what, value in expected.items()}


@pytest.mark.proof
def test_a_delete_on_commit() -> None:
    """A delete in `on_commit` loses the race against reads under way, as often as theory says."""
    assert_theory(RACING, {("deleted", "stale hits"): theory.stale_set_exponential(WRITES_PER_S, FETCH_S)})


def assert_theory(
    scenario: Scenario,
    expected: Mapping[tuple[str, str], float],
    *,
    backend: str = "shared",
    more: str = "",
    seeds: Any = SEEDS,
) -> None:
    """Play the pages on every seed and hold each figure against what is *expected* of it."""
    names = list(dict.fromkeys(name for name, _what in expected))
    measured = [figures_of(reads, names) for reads in played(scenario, names, backend, more, seeds)]
    for name in names:
        assert not sum(one[name, "wrong misses"][0] for one in measured), f"{name}: what was just loaded is wrong"
    for figure, value in expected.items():
        estimate: Estimate = ratio(one[figure] for one in measured)
        assert_within(value, estimate, " ".join(figure), detects=inf if more else DETECTS)


def played(scenario: Scenario, names: list[str], backend: str, more: str, seeds: Any) -> Iterator[ReadColumns]:
    """Yield the reads of each seed's run."""
    with SERVERS.folder() as folder:
        play = Play(pages(Path(folder) / "project", scenario, *names, more=more), SERVERS, Path(folder) / "rows")
        further = {**play.errand().further, "reads": True}
        for outcome in play.runs([play.errand(backend=backend, seed=seed, further=further) for seed in seeds]):
            assert outcome.failures == []
            yield outcome.reads


def figures_of(reads: ReadColumns, names: list[str]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return what the reads of a run add to each figure; a read hits where it has sent no statement."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for code, name in enumerate(names):
        ours = reads.only(reads.function == code)
        hit, wrong = ours.statements == 0, ours.stale | ours.never_true
        ages_s = ours.age_s[ours.stale]
        found[name, "hits"] = hit.sum(), len(hit)
        found[name, "stale hits"] = (wrong & hit).sum(), hit.sum()
        found[name, "wrong misses"] = (wrong & ~hit).sum(), (~hit).sum()
        found[name, "age"] = np.nansum(ages_s), len(ages_s)
    return found
