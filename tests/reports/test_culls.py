"""The sentence on what a cache that was too small has thrown out."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cachewise.reports.answer import answer
from cachewise.reports.culls import culled
from cachewise.reports.frames import cases
from cachewise.sim.experiment import Outcome, run_all
from cachewise.sim.verdict.result import Run
from cachewise.sim.world.scenario import Scenario
from cachewise.strategies import NoCache, TtlOnly, WriteThrough

Made = Callable[..., Outcome]
CROWDED = Scenario("crowded", keys=900, read_popularity="uniform", reads_per_s=200, duration_s=8, warmup_s=0)


def _cautions(backend: str, max_entries: Any) -> list[str]:
    scenario = replace(CROWDED, max_entries=max_entries)
    outcomes = run_all([Run(scenario, one, backend, 1) for one in (NoCache(), TtlOnly(), WriteThrough())], 1)
    return [text for text in answer(cases(outcomes)[0]).cautions if "thrown out" in text]


@pytest.mark.parametrize("backend", ["locmem", "file", "db"])
def test_what_a_limit_has_cost_is_said(backend: str) -> None:
    """Where live entries went for want of room, a sentence says how many, whose limit it was, and how to set it."""
    (text,) = _cautions(backend, "auto")
    assert text.startswith(
        f"On `{backend}`, the cache was full: entries that had not expired were thrown out (at most "
    )
    assert re.search(r"at most [\d,]+00, with `(ttl-only|write-through)`, which loaded [\d,]+ rows", text)
    each = " in each worker's store" if backend == "locmem" else ""
    sets = "`--set max_entries=N` sets another limit, `--set max_entries=none` no limit."
    assert text.endswith(f"Django keeps 300{each} unless MAX_ENTRIES in OPTIONS says otherwise: {sets}")
    (text,) = _cautions(backend, 450)
    assert text.endswith(f"The limit was 450{each}: {sets}")


@pytest.mark.parametrize(("backend", "max_entries"), [("locmem", None), ("locmem", 1000), ("shared", "auto")])
def test_where_there_is_room_nothing_is_said_of_it(backend: str, max_entries: Any) -> None:
    """Without a limit, below it, and on the stand-in nothing is thrown out."""
    assert _cautions(backend, max_entries) == []


def test_what_cannot_be_counted_is_said_of_ones_own(made: Made, tmp_path: Path) -> None:
    """A class of one's own may not tell what it threw out; its limit is in its OPTIONS."""
    path = tmp_path / "own.toml"
    path.write_text('BACKEND = "django.core.cache.backends.locmem.LocMemCache"')
    one = made("ttl-only", entries_culled=float("nan"))
    (case,) = cases([replace(one, run=replace(one.run, backend=str(path)))])
    (text,) = culled(case)
    assert text.endswith("(nobody could count them). MAX_ENTRIES in its OPTIONS sets how many it keeps.")
