"""A project's report in words and tables: what each variant saves and costs against the project as it is."""

import json
import math
import re
from dataclasses import replace

import pytest

from cachewise.reports import app_answer_text, render_app
from cachewise.reports.app.answer import answer
from cachewise.reports.app.frames import Project, projects, with_savings
from cachewise.reports.app.words import FUNCTION_COLUMNS, difference, figure, meaning, statuses
from cachewise.reports.ranking import contenders, rank
from cachewise.reports.statistics import Interval, paired_difference
from cachewise.sim.app.outcome import AppOutcome, Setup
from cachewise.sim.application import AS_IT_IS, NO_CACHE
from cachewise.sim.verdict.metrics import shown
from tests.reports.projects import FUNCTIONS, SHOP, SITES, VARIANTS, Caching, project

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def shop() -> list[AppOutcome]:
    """Return five variants under three seeds, with a deploy that clears the cache."""
    return project(seeds=SEEDS, events=[(180.0, "deploy")], scale=0.2)


def only(outcomes: list[AppOutcome]) -> Project:
    """Return the one project there is."""
    (found,) = projects(outcomes)
    return found


def said(outcomes: list[AppOutcome]) -> str:
    """Return the answer in one line."""
    return " ".join(app_answer_text(outcomes))


def test_what_is_saved_is_counted_against_no_cache_on_the_same_seed(shop: list[AppOutcome]) -> None:
    """One minus the variant's statements and database time over those without a cache, run by run."""
    without = {one.seed: one for one in shop if one.variant == NO_CACHE}
    for before, after in zip(shop, with_savings(shop), strict=True):
        most = without[before.seed].outcome.summary
        summary = before.outcome.summary
        for metric, of in (("db_queries_saved_ratio", "db_queries"), ("db_time_saved_ratio", "db_s_per_read")):
            assert after.outcome.summary[metric] == pytest.approx(1 - summary[of] / most[of])
        for row, plain in zip(after.functions, without[before.seed].functions, strict=True):
            saved = 1 - row["statements_per_read"] / plain["statements_per_read"]
            assert row["statements_saved_ratio"] == pytest.approx(saved)
    alone = with_savings([one for one in shop if one.variant == AS_IT_IS])
    assert all(math.isnan(one.outcome.summary["db_queries_saved_ratio"]) for one in alone)


def test_differences_are_paired_by_seed(shop: list[AppOutcome]) -> None:
    """A variant's difference is that of statistics' paired intervals, of the function's own figures."""
    found = only(shop)
    ours, usual = (
        {one.seed: one.functions[1]["statements_per_read"] for one in shop if one.variant == variant}
        for variant in ("cachalot", AS_IT_IS)
    )
    assert FUNCTIONS[1] == "product_page"
    difference = found.difference("product_page", "cachalot", "statements_per_read")
    assert difference == paired_difference(ours, usual)
    assert difference.excludes_zero


@pytest.mark.parametrize(
    ("metric", "interval", "text"),
    [
        ("stale_ratio", Interval(-0.0321, -0.0331, -0.0311, 5), "-3.21 ±0.10"),
        ("response_p99_s", Interval(0.0042, 0.0029, 0.0055, 5), "+4.2 ±1.3 ms"),
        ("db_s_per_read", Interval(-2e-5, -3e-5, -1e-5, 5), "-20 ±10 µs"),
        ("statements_per_read", Interval(0.5, 0.49, 0.51, 5), "+0.500 ±0.010"),
        ("stale_ratio", Interval(0.0, 0.0, 0.0, 5), "±0"),
        ("response_p50_s", Interval(1e-18, -1e-18, 3e-18, 5), "±0"),
        ("stale_ratio", Interval(-0.01915, math.nan, math.nan, 1), "-1.92"),
    ],
)
def test_differences_are_said_with_their_interval(metric: str, interval: Interval, text: str) -> None:
    """Shares in points, times in the unit that reads best, both with the digits that the interval leaves."""
    assert difference(metric, interval) == text


def test_the_answer_speaks_of_variants(shop: list[AppOutcome]) -> None:
    """No word of strategies, guarantees or what a project does not have; the reference is no choice."""
    found = only(shop)
    assert NO_CACHE not in contenders(found.case)
    everything = "\n".join([said(shop), *(render_app(shop, form) for form in ("table", "markdown"))])
    for word in ("strateg", "stale_at_most", "guarantee", "By design", "queries", "entries stored", "keys left"):
        assert word not in everything, word
    assert "statements a second" in everything


def test_the_answer_contrasts_with_the_project_as_it_is(shop: list[AppOutcome]) -> None:
    """The lead is what the project serves today; each other option says how it differs, with its intervals."""
    found = answer(only(shop))
    assert f"`{AS_IT_IS}` serves about" in found.lead
    assert "Of them, " in found.lead
    by_leader = {group.leader: option for group, option in zip(found.ranking.groups, found.options, strict=True)}
    assert "Against `as it is`: wrong reads -" in by_leader["on commit"]
    assert re.search(r"statements a read \+\S+ ±\S+, database time a read \+\S+ ±\S+ ms", by_leader["on commit"])
    assert "Against" not in by_leader[AS_IT_IS]
    assert re.search(r"A read waits \S+ ms for the database \(\S+% saved\)", by_leader[AS_IT_IS])


def test_what_seeds_do_not_settle_is_said() -> None:
    """A difference whose interval holds zero is shown, and said not to be settled; a certain one is not said to be."""
    variants = {name: Caching(0.8, 0.01) for name in (AS_IT_IS, "other")} | {NO_CACHE: Caching(0, 0)}
    outcomes = project(variants, SEEDS, scale=0.1)
    shifts = {1: 0.004, 2: -0.005, 3: 0.0005}
    noisy = [_shifted(one, shifts[one.seed]) if one.variant == "other" else one for one in outcomes]
    other = next(option for option in answer(only(noisy)).options if option.startswith("`other`"))
    assert other.endswith("The difference in outdated reads may be chance.")
    assert re.search(r"Against `as it is`: outdated reads -0\.0\d* ±\d\.\d+ points", other)


def _shifted(one: AppOutcome, by: float) -> AppOutcome:
    """Return the outcome of a run with fewer statements, and so many more outdated reads."""
    summary = one.outcome.summary
    fewer = {name: 0.9 * summary[name] for name in ("db_queries", "db_queries_per_s", "statements_per_read")}
    wrong = summary["wrong_ratio"] + by
    changed = {**summary, **fewer, "wrong_ratio": wrong, "stale_ratio": wrong}
    return replace(one, outcome=replace(one.outcome, summary=changed))


def test_a_variant_that_changed_nothing_is_named() -> None:
    """Equal fingerprints on every seed: it changed nothing; on one seed another: it did something."""
    variants = {**{name: VARIANTS[name] for name in (AS_IT_IS, NO_CACHE)}, "copy": VARIANTS[AS_IT_IS]}
    outcomes = project(variants, SEEDS, scale=0.05)
    assert only(outcomes).changed_nothing == ["copy"]
    assert "copy changed nothing: its runs equal those of 'as it is' byte for byte." in said(outcomes)
    assert "no key fits the pattern." in said(outcomes)
    timed = Setup("SQLite 3.40.1", database_asked=False, start_s=0.0, rates=(), changes=("timeouts",))
    brief = [replace(one, setup=timed) if one.variant == "copy" else one for one in outcomes]
    assert "no key fits the pattern, or nothing lived that long in the run." in said(brief)
    once = [replace(one, fingerprint="another") if (one.variant, one.seed) == ("copy", 2) else one for one in outcomes]
    assert only(once).changed_nothing == []
    assert "changed nothing" not in said(once)


def test_a_project_without_a_cache() -> None:
    """Where the project equals itself without a cache, that is said, and there is nothing to choose from."""
    outcomes = project({AS_IT_IS: Caching(0, 0), NO_CACHE: Caching(0, 0)}, SEEDS, scale=0.05)
    text = said(outcomes)
    assert "'no cache' equals 'as it is' byte for byte: these reads use no cache." in text
    assert "there is nothing to choose from" in text


def test_rare_faults_have_a_column_where_they_were_seen(shop: list[AppOutcome]) -> None:
    """Never true and own edits not seen stand in the table of a function that has them, and in no other."""
    profile, listing = (
        _section(render_app(shop, "markdown"), f"#### {name}") for name in ("own profile", "product_list")
    )
    assert "own edit not seen" in profile
    assert "own edit not seen" not in listing
    clean = project({AS_IT_IS: Caching(0.8, 0.1), NO_CACHE: Caching(0, 0)}, SEEDS, scale=0.1)
    assert "never true" not in _section(render_app(clean, "markdown"), "#### product_list")
    assert not only(clean).case.mixed


def _section(text: str, heading: str) -> str:
    return text.partition(heading)[2].partition("####")[0]


def test_never_true_reads_are_wrong_and_not_outdated(shop: list[AppOutcome]) -> None:
    """The parts add up to the wrong reads, and the words say which they are."""
    found = only(shop).case
    for seed, wrong in found.values(AS_IT_IS, "wrong_ratio").items():
        parts = [found.values(AS_IT_IS, part)[seed] for part in ("stale_ratio", "never_true_ratio")]
        assert wrong == pytest.approx(sum(parts))
        assert min(parts) > 0
    assert found.parts == {"stale_ratio": "outdated", "never_true_ratio": "never true"}
    assert "% never true" in said(shop)


def test_names_are_kept_whole() -> None:
    """A variant's name may hold a colon, a comma or markup; it is no strategy with parameters, nor a listed one."""
    names = ("page: 60 s", "page: 90 s", "delete-on-write", "[bold]")
    variants = {AS_IT_IS: VARIANTS[AS_IT_IS], NO_CACHE: VARIANTS[NO_CACHE]}
    outcomes = project({**variants, **dict.fromkeys(names, VARIANTS["60 s"])}, (1, 2), scale=0.05)
    found = only(outcomes)
    assert list(found.case.by_strategy) == [AS_IT_IS, NO_CACHE, *names]
    assert {group.leader for group in rank(found.case).groups} <= {AS_IT_IS, *names}
    assert "[bold]" in render_app(outcomes, "table")
    assert "on_commit" not in said(outcomes)


def test_call_sites_are_summed_over_seeds_worst_first(shop: list[AppOutcome]) -> None:
    """Calls, hits and outdated reads of all seeds; no row of the run without a cache; those to blame come first."""
    found = only(shop)
    assert len(found.sites) == len(SITES)
    blamed = [max(row["outdated_reads"] for rows in of.values() for row in rows) for of in found.sites.values()]
    assert blamed == sorted(blamed, reverse=True)
    assert blamed[0] > 0
    ours = [row for one in shop if one.variant == AS_IT_IS for row in one.sites if row["site"] == "shop/views.py:48"]
    (row,) = found.sites["shop/views.py:48", ours[0]["pattern"]][AS_IT_IS]
    assert row["timeout"] == 60
    assert row["outdated_reads"] == sum(one["outdated_reads"] for one in ours)
    assert all(NO_CACHE not in of for of in found.sites.values())
    assert found.sites["shop/models.py:33", "stock:*"][AS_IT_IS][0]["timeout"] is None


def test_a_run_too_short_for_the_timeouts_raises_an_alarm(shop: list[AppOutcome]) -> None:
    """Timeouts at call sites that are longer than the warm-up or the measured time are counted, the used ones only."""
    alarms = [text for text in answer(only(shop)).alarms if "timeout" in text]
    sites = next(one for one in shop if one.variant == AS_IT_IS).sites
    used = [site.timeout or 0 for site, row in zip(SITES, sites, strict=True) if row["calls"]]
    for name, span_s, alarm in zip(("warm-up (60 s)", "measured time (5 min)"), (60, 300), alarms, strict=True):
        longer = sum(timeout > span_s for timeout in used)
        assert alarm.startswith(f"The {name} is shorter than the timeout at {longer} of ")
        assert "(the longest is 24 h), so " in alarm
    brief = [replace(one, sites=[{**row, "timeout": 10} for row in one.sites]) for one in shop]
    assert not any("timeout" in text for text in answer(only(brief)).alarms)


def test_failures_are_counted_with_their_first_traceback_masked(shop: list[AppOutcome]) -> None:
    """What failed is counted over all seeds; its traceback is shown once, without user and password."""
    count = sum(one.outcome.summary["failures"] for one in shop if one.variant == "cachalot")
    assert count > 0
    lines = app_answer_text(shop)
    assert f"product_page failed {count:,} times with cachalot; the first time:" in lines
    text = "\n".join(lines)
    assert text.count("KeyError: 17") == 1
    assert "secret" not in text
    assert statuses(only(shop), "product_page", AS_IT_IS) == "200"
    assert re.fullmatch(r"200: 99\.\d%, 500: 0\.\d+%", statuses(only(shop), "product_page", "cachalot"))


def test_a_read_that_failed_shows_nothing() -> None:
    """Sentences and bounds count the reads that did not fail; a function that mostly fails is the first alarm."""
    outcomes = project({AS_IT_IS: Caching(0.8, 0, failing=0.8), NO_CACHE: Caching(0, 0)}, SEEDS, scale=0.02)
    found, rows = only(outcomes), [row for one in outcomes if one.variant == AS_IT_IS for row in one.functions]
    reads, failed = (sum(row[count] for row in rows) for count in ("reads", "failures"))
    text = answer(found)
    assert f"`as it is` served no outdated page in {reads - failed:,} reads." in text.lead
    assert f"as none of {reads - failed:,} was outdated" in " ".join(text.cautions)
    assert f"none seen in {reads - failed:,} reads" in text.options[0]
    page_reads = sum(row["reads"] for row in rows if row["function"] == "product_page")
    assert text.alarms[0] == (
        "Most reads of `product_page` failed, so little is known of it: "
        f"{failed:,} of {page_reads:,} reads with `as it is`."
    )
    for one in outcomes:
        one.outcome.summary.update(failures=one.outcome.summary["reads"], wrong_ratio=math.nan)
    assert answer(only(outcomes)).lead == "Every read failed: there is nothing to judge."
    few = project({AS_IT_IS: Caching(0.8, 0, failing=0.4), NO_CACHE: Caching(0, 0)}, SEEDS, scale=0.02)
    assert not any("Most reads" in alarm for alarm in answer(only(few)).alarms)


def test_what_is_wrong_without_a_cache_is_not_blamed_on_the_cache() -> None:
    """Where no cache serves wrong reads, an alarm says how many and whose they are; else nothing is said of it."""
    found = only(project({AS_IT_IS: Caching(0.8, 0.1), NO_CACHE: Caching(0.5, 0.2)}, SEEDS, scale=0.05))
    share = shown("wrong_ratio", found.interval("", NO_CACHE, "wrong_ratio").mean, {})
    assert answer(found).alarms[0].startswith(f"Reads without a cache were wrong, too ({share} of them). The cause")
    right = only(project({AS_IT_IS: Caching(0.8, 0.1), NO_CACHE: Caching(0, 0)}, SEEDS, scale=0.05))
    assert not any("wrong too" in alarm for alarm in answer(right).alarms)


def test_own_edits_not_seen_are_less_often_only_where_they_are() -> None:
    """Of the variants that are not named, those with the same share are said to have it."""
    names = ("second", "third", "fourth", "fifth")
    variants = {AS_IT_IS: Caching(0.8, 0.1), NO_CACHE: Caching(0, 0), **dict.fromkeys(names, Caching(0.8, 0.1))}
    outcomes = project(variants, SEEDS, scale=0.1)
    assert "with third; as often with 2 others." in said(outcomes)
    for one in (one for one in outcomes if one.variant == "fifth"):
        one.outcome.summary["own_edit_unseen_ratio"] /= 2
    assert "with third; as often with 1 other; less often with 1 other." in said(outcomes)


def test_each_meaning_stands_on_its_own() -> None:
    """Wherever a column's meaning stands, it needs no other, and has no word that only simulated strategies have."""
    meanings = {metric: meaning(metric) for metric in FUNCTION_COLUMNS}
    assert meanings["stale_age_max_s"] == "the longest time since an outdated read was last true, of all seeds"
    for metric, told in meanings.items():
        assert not re.search(r"superseded|version|\bquer|^of |\bwere$", told), told
        assert ("saved" in told, "reads were answered" in told) == ("saved" in metric, "response" in metric), told


def test_what_is_exactly_the_same_is_no_difference() -> None:
    """The lead speaks of a difference only where there is one, on any seed."""
    variants = {name: Caching(0.8, 0.1) for name in (AS_IT_IS, "other")} | {NO_CACHE: Caching(0, 0)}
    outcomes = [_shifted(one, 0) if one.variant == "other" else one for one in project(variants, SEEDS, scale=0.1)]
    lead = answer(only(outcomes)).lead
    assert re.search(r"`other` leaves that the same\. The database gets \S+ statements a second instead of", lead)
    next(one for one in outcomes if one.variant == "other").outcome.summary["wrong_reads_per_day"] += 1
    assert "more seeds are needed to show that this is not chance" in answer(only(outcomes)).lead


@pytest.mark.parametrize("backend", ["locmem", "default: redis, sessions: locmem", "redis"])
def test_where_each_worker_has_its_own_store_sessions_are_named(backend: str) -> None:
    """Logged-in users lose theirs at the next worker; with one worker, or one store for all, nothing is said."""
    few = {name: VARIANTS[name] for name in (AS_IT_IS, NO_CACHE)}
    notes = only(project(few, (1,), scale=0.02, backend=backend)).case.notes
    told = [note for note in notes if note.startswith("`locmem` gives each of the 4 workers a store of its own")]
    assert [note for note in notes if "sessions live in it, logged-in users are logged out" in note] == told
    assert len(told) == ("locmem" in backend)
    alone = project(few, (1,), scale=0.02, backend=backend, scenario=replace(SHOP, workers=1))
    assert only(alone).case.notes == []


def test_what_stores_have_lost_is_said(shop: list[AppOutcome]) -> None:
    """A clear() that logs users out is counted apart, with the variants that do it."""
    assert "1,236 with 'as it is'" in said(shop)
    kept = project({name: VARIANTS[name] for name in (NO_CACHE, "on commit", AS_IT_IS)}, (1, 2), scale=0.05)
    assert "Stores lost" not in said(kept)


def test_none_seen_is_no_zero(shop: list[AppOutcome]) -> None:
    """A share of which nothing was seen is never a bare zero, and what was not measured is no zero either."""
    found = only(shop)
    assert figure(found, "product_page", NO_CACHE, "stale_ratio") == "none seen"
    assert figure(found, "product_page", NO_CACHE, "stale_age_max_s") == "-"
    assert figure(found, "nobody", NO_CACHE, "stale_ratio") == "-"


def test_forms(shop: list[AppOutcome]) -> None:
    """CSV has a row a run, JSON its functions and sites besides, with null for what could not be measured."""
    csv = render_app(shop, "csv").splitlines()
    assert len(csv) == 1 + len(shop)
    assert csv[0].startswith("scenario,variant,backend,seed,reads,")
    rows = json.loads(render_app(shop, "json"))
    assert [row["variant"] for row in rows] == [one.variant for one in shop]
    assert [row["function"] for row in rows[0]["functions"]] == list(FUNCTIONS)
    assert len(rows[0]["sites"]) == len(SITES)
    nothing = next(row for row in rows if row["variant"] == NO_CACHE)
    assert nothing["stale_age_max_s"] is None


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_tables_keep_within_the_terminal(shop: list[AppOutcome], width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of the tables or the answer is wider than the terminal, tracebacks apart; all columns are there."""
    monkeypatch.setenv("COLUMNS", "300")
    wide = render_app(shop, "table")
    monkeypatch.setenv("COLUMNS", str(width))
    table = render_app(shop, "table")
    assert max(map(len, table.splitlines())) <= width
    assert all(name in table for name in FUNCTION_COLUMNS.values() if name in wide)
    assert all(name in table for name in FUNCTIONS)
