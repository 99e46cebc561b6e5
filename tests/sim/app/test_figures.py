"""The figures of a run of a project: arithmetic on columns that are made by hand."""

import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cachewise import Scenario
from cachewise.sim.app.figures import Around, HitColumns, ReadColumns, Site, figures_of
from cachewise.sim.app.outcome import AppOutcome, run_of
from cachewise.sim.verdict.tally import LOAD_BINS

SCENARIO = Scenario("shop", warmup_s=10, duration_s=120)
PAGE, PROFILE = 0, 1
SITES = (Site("shop/views.py:12", "product:*", 60, 5, 3), Site("shop/page.html:3", "fragment:*", None, 2, 1))


def columns(**given: Any) -> ReadColumns:
    """Return five reads, the first of which arrived in the warm-up: the second is fine, unless it is said."""
    nan = math.nan
    plain: dict[str, Any] = {
        "function": [PAGE, PAGE, PAGE, PROFILE, PAGE],
        "arrival_s": [9.9, 10.0, 20.0, 30.0, 130.0],
        "start_s": [9.9, 10.1, 20.0, 30.0, 130.0],
        "end_s": [9.95, 10.4, 20.1, 30.2, 131.0],
        "status": [200, 200, 200, 302, 500],
        "lookups": [1, 2, 1, 1, 0],
        "lookup_hits": [1, 1, 1, 1, 0],
        "statements": [9, 3, 0, 1, 0],
        "db_s": [9.0, 0.2, 0.0, 0.1, 0.0],
        "outdated_s": [1.0, nan, 15.0, nan, nan],
        "never_true": [False, False, False, True, False],
        "own_edit_unseen": [True, False, False, True, False],
        "failed": [False, False, False, False, True],
        "digest": [b"a", b"b", b"c", b"d", b""],
    }
    kinds = {"digest": "S32", "never_true": bool, "own_edit_unseen": bool, "failed": bool}
    return ReadColumns(**{name: np.array(value, kinds.get(name)) for name, value in {**plain, **given}.items()})


def hits(*entries: tuple[int, int, float]) -> HitColumns:
    """Return hits: which read, at which site, and the birth of the copy."""
    table = np.array(entries, float).reshape(-1, 3)
    return HitColumns(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2])


def found(reads: ReadColumns | None = None, of: HitColumns | None = None, **around: Any) -> AppOutcome:
    """Return what came of these columns."""
    beside = {"requests": 10, "writes": 2, "statement_s": np.array([10.0, 11.0, 70.0, 140.0]), "sites": SITES}
    run = run_of(SCENARIO, "as it is", "redis", 1)
    of = hits() if of is None else of
    return figures_of(run, ["page", "profile"], reads or columns(), of, Around(**{**beside, **around}))


def test_all_reads_after_the_warm_up_count() -> None:
    """The summary is of all reads that arrived after the warm-up; those that failed are not among the judged."""
    summary = found().outcome.summary
    expected = {
        "reads": 4,
        "failures": 1,
        "writes": 2,
        "hit_ratio": 3 / 4,
        "wrong_ratio": 2 / 3,
        "stale_ratio": 1 / 3,
        "never_true_ratio": 1 / 3,
        "own_edit_unseen_ratio": 1 / 3,
        "stale_age_max_s": 5.0,
        "statements_per_read": 1.0,
        "db_s_per_read": 0.3 / 4,
        "wrong_reads_per_day": 2 / 120 * 86_400,
        "db_queries": 4,
        "db_queries_per_s": 4 / 120,
        "cache_calls_per_request": 0.7,
    }
    assert {name: summary[name] for name in expected} == pytest.approx(expected)


def test_what_an_app_does_not_have_is_not_there() -> None:
    """Figures that nobody can know of an app are no zeros: they are left out."""
    absent = {"keys_left_wrong", "entries_end", "versions_behind_max", "dirty_ratio", "aborted_ratio", "db_reads"}
    assert not absent & set(found().outcome.summary)


def test_each_function_has_its_row() -> None:
    """A function's row is of its reads alone, and one without a read has no ratios."""
    page, profile = found().functions
    assert (page["function"], page["reads"], page["statuses"]) == ("page", 3, {200: 2, 500: 1})
    assert (page["stale_ratio"], page["never_true_ratio"], page["failures"]) == (0.5, 0.0, 1)
    assert page["response_p50_s"] == pytest.approx(0.4)
    assert (profile["reads"], profile["statuses"], profile["never_true_ratio"]) == (1, {302: 1}, 1.0)
    none = found(columns(function=np.full(5, PAGE))).functions[1]
    assert (none["reads"], none["statuses"]) == (0, {})
    assert math.isnan(none["stale_ratio"])
    assert math.isnan(none["response_p99_s"])


def test_a_call_site_is_to_blame_for_copies_older_than_the_commit() -> None:
    """A read counts once a site, if a copy hit there was born before the commit that outdated the read."""
    of = hits((0, 0, 0.0), (1, 0, 0.0), (2, 0, 14.0), (2, 0, 13.0), (2, 1, 15.5), (3, 1, 0.0))
    first, second = found(of=of).sites
    assert (first["site"], first["pattern"], first["timeout"], first["calls"]) == SITES[0][:4]
    assert (first["outdated_reads"], second["outdated_reads"]) == (1, 0)
    assert [row["outdated_reads"] for row in found().sites] == [0, 0]


def test_figures_over_time_are_there_with_events() -> None:
    """With an event: a figure for each bin of the measured time, whose sums are the summary's; without, none."""
    logouts_s = [5.0, 70.5, 70.5, 200.0]
    outcome = found(events=[(70.0, "deploy")], logouts_s=logouts_s)
    assert outcome.events == [(60.0, "deploy")]
    assert outcome.logouts == outcome.over_time["logouts"].sum() == 3  # those of the warm-up do not count
    assert outcome.over_time["logouts"][60] == 2
    statements_per_s, p99_s = outcome.over_time["statements_per_s"], outcome.over_time["response_p99_s"]
    assert len(p99_s) == len(statements_per_s) == LOAD_BINS
    assert statements_per_s.sum() == 4
    assert (statements_per_s[60], statements_per_s[-1]) == (1.0, 1.0)
    assert (p99_s[0], p99_s[-1]) == (pytest.approx(0.4), pytest.approx(1.0))
    assert math.isnan(p99_s[60])
    assert found().over_time == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outdated_s", [1.0, math.nan, 15.0, 29.0, math.nan]),
        ("digest", [b"a", b"b", b"x", b"d", b""]),
        ("end_s", [9.95, 10.4, 20.1, 30.2, 131.5]),
        ("statements", [9, 3, 0, 2, 0]),
    ],
)
def test_one_fingerprint_is_one_run(field: str, value: list[Any]) -> None:
    """Equal columns give one fingerprint; another verdict, result, time or cost gives another."""
    assert found().fingerprint == found().fingerprint
    other = columns(**{field: np.array(value, "S32" if field == "digest" else None)})
    assert found(other).fingerprint != found().fingerprint


def test_a_run_without_a_read() -> None:
    """Where nothing arrived, nothing is measured: the ratios are no numbers, and nothing breaks."""
    none = columns().only(np.zeros(5, bool))
    outcome = found(none, requests=0, writes=0, statement_s=np.empty(0), events=[(70.0, "deploy")])
    assert outcome.outcome.summary["reads"] == 0
    assert math.isnan(outcome.outcome.summary["wrong_ratio"])
    assert math.isnan(outcome.outcome.summary["wrong_reads_per_day"])
    assert len(outcome.outcome.stale_age_quantiles_s) == 0


def test_it_travels() -> None:
    """An outcome comes out of a pickle as it went in, with the variant's name where a strategy's would be."""
    sent = pickle.loads(pickle.dumps(replace(found(), failures=[("page", 1, "Traceback")])))
    assert (sent.variant, sent.seed) == ("as it is", 1)
    assert sent.outcome.run == found().outcome.run
    assert sent.outcome.row()["strategy"] == "as it is"
