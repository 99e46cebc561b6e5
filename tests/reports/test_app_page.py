"""A project's report as a folder: the page, its charts and its CSV files, whole or not at all."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cachewise import UserError
from cachewise.reports import manifest, write_app_report
from cachewise.reports.app.frames import projects
from cachewise.reports.app.provenance import further_inputs
from cachewise.reports.palette import looks
from cachewise.sim.app.outcome import AppOutcome, Setup
from cachewise.sim.application import AS_IT_IS, NO_CACHE, START
from cachewise.sim.verdict.tally import LOAD_BINS
from cachewise.sim.world.scenario import LATENCIES
from tests.reports.projects import FUNCTIONS, SITES, VARIANTS, Caching, project
from tests.reports.test_output import Checker

COMMAND = "cachewise run ./cache_experiment.py --seeds 3"
FILES = {"summary.csv", "summary.parquet", "functions.csv", "call_sites.csv", "report.html", "charts", manifest.NAME}


@pytest.fixture(scope="module")
def shop() -> list[AppOutcome]:
    """Return five variants under three seeds, with a deploy that clears the cache."""
    return project(seeds=(1, 2, 3), events=[(180.0, "deploy")], scale=0.2)


@pytest.fixture(scope="module")
def report(shop: list[AppOutcome], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a report."""
    out = tmp_path_factory.mktemp("app") / "out"
    assert write_app_report(shop, out, COMMAND) == out / "report.html"
    return out


def checked(page: Path) -> Checker:
    """Return what a page is made of; its tags close in order."""
    checker = Checker()
    checker.feed(page.read_text())
    checker.close()
    assert checker.open == []
    return checker


def test_the_folder(report: Path, shop: list[AppOutcome]) -> None:
    """A row a run, a row a function and run, a row a call site and run, and a row a bin and run."""
    assert {path.name for path in report.iterdir()} == {*FILES, "over_time.csv"}
    tables = {path.stem: pd.read_csv(path) for path in report.glob("*.csv")}
    assert {name: len(table) for name, table in tables.items()} == {
        "summary": len(shop),
        "functions": len(shop) * len(FUNCTIONS),
        "call_sites": len(shop) * len(SITES),
        "over_time": len(shop) * LOAD_BINS,
    }
    assert all(list(table.columns[:4]) == ["scenario", "variant", "backend", "seed"] for table in tables.values())
    assert tables["over_time"]["logouts"].sum() == 412 * 3
    assert set(tables["functions"]["statuses"]) > {f"200: {shop[0].functions[0]['reads']}"}


def test_the_charts(report: Path) -> None:
    """The charts of any case, one by function, and one around the event."""
    names = {path.stem.removeprefix("shop-on-redis-") for path in (report / "charts").iterdir()}
    usual = {"saved_against_stale", "wrong_parts", "hits_against_stale", "stale_ages", "queries_over_time", "price"}
    assert names == {*usual, "traffic", "functions", "over_time"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (report / "charts").iterdir())


def test_the_page(report: Path) -> None:
    """It is whole and self-contained, speaks of variants, and has each function, each call site and what failed."""
    page = (report / "report.html").read_text()
    found = checked(report / "report.html")
    assert "script" not in found.tags
    assert page.count('role="img"') == 9
    assert not re.search(r"https?:|@import|url\((?!#)", page)
    places = [
        found.text.index(mark) for mark in ("How should this project cache?", "Every read function", "What failed")
    ]
    assert places == sorted(places)
    for name in (*FUNCTIONS, *(site.site for site in SITES), *(site.pattern for site in SITES), COMMAND):
        assert name in found.text, name
    assert "strateg" not in found.text.lower()
    assert "KeyError: 17" in found.text
    assert "secret" not in page


def test_figures_that_a_project_does_not_have_are_not_shown(report: Path) -> None:
    """No column and no input of what only a simulated strategy has."""
    text = checked(report / "report.html").text
    for word in (
        "keys left",
        "entries stored",
        "most queries at once",
        "read_popularity",
        "value_bytes",
        "max_entries",
    ):
        assert word not in text, word
    columns = set(pd.read_csv(report / "summary.csv").columns)
    assert not columns & {"keys_left_wrong", "entries_end", "versions_behind_max", "dirty_ratio", "db_peak_in_flight"}


def test_all_that_takes_time_in_a_run_is_an_input(report: Path) -> None:
    """Also `transaction_tail_s`, which each commit of a project waits for."""
    text = checked(report / "report.html").text
    assert [name for name in LATENCIES if name not in text] == []


def test_the_database_the_start_and_the_rates_are_inputs(tmp_path: Path) -> None:
    """What a scenario does not have stands in the table of inputs, each once, with where it is from."""
    few = project({name: VARIANTS[name] for name in (AS_IT_IS, NO_CACHE)}, (1, 2), scale=0.05)
    asked = Setup(
        "PostgreSQL 16.4",
        database_asked=True,
        start_s=86_400.0,
        rates=(("read", "product_page", 50.0), ("journey", "edit", 0.5)),
    )
    found = further_inputs(*projects([replace(one, setup=asked) for one in few]))
    assert [(one.name, one.value, one.origin) for one in found] == [
        ("database", "PostgreSQL 16.4", "yours"),
        ("start", "1970-01-02 00:00:00 UTC", "yours"),
        ("per_s of product_page", "50", "yours"),
        ("per_s of edit", "0.5", "yours"),
    ]
    assert found[0].meaning == "chosen with --database; a private one"
    own = replace(asked, database_asked=False, start_s=START.timestamp())
    database, start, *_ = further_inputs(*projects([replace(one, setup=own) for one in few]))
    assert (database.meaning, start.origin) == ("the kind that the project's DATABASES name; a private one", "default")
    text = checked(write_app_report([replace(one, setup=asked) for one in few], tmp_path, COMMAND)).text
    assert all(text.count(one.name) == 1 for one in found[2:])
    assert all(one.value in text for one in found)


def test_without_events_there_is_nothing_over_time(tmp_path: Path) -> None:
    """Without @APP.at neither the chart nor the file is there; nor with one before the warm-up's end the chart."""
    few = {name: VARIANTS[name] for name in (AS_IT_IS, NO_CACHE)}
    write_app_report(project(few, (1,), scale=0.05), tmp_path / "none", COMMAND)
    assert {path.name for path in (tmp_path / "none").iterdir()} == FILES
    write_app_report(project(few, (1,), events=[(30.0, "early")], scale=0.05), tmp_path / "early", COMMAND)
    for name in ("none", "early"):
        charts = {path.stem.partition("redis-")[2] for path in (tmp_path / name / "charts").iterdir()}
        assert "functions" in charts
        assert "over_time" not in charts


def test_names_with_markup_come_out_as_text(tmp_path: Path) -> None:
    """Whatever variants, functions, sites and events are called, the page stays well-formed and without a script."""
    nasty = "<script>alert('x')</script> & \"$q$\" [bold] `tick"
    variants = {AS_IT_IS: VARIANTS[AS_IT_IS], NO_CACHE: VARIANTS[NO_CACHE], nasty: VARIANTS["cachalot"]}
    outcomes = [
        replace(
            one,
            functions=[{**row, "function": nasty} for row in one.functions[:1]],
            sites=[{**one.sites[0], "site": nasty, "pattern": nasty}],
            failures=[(nasty, 1, nasty)],
        )
        for one in project(variants, (1, 2), events=[(180.0, nasty)], scale=0.05)
    ]
    found = checked(write_app_report(outcomes, tmp_path, nasty))
    assert "script" not in found.tags
    assert found.text.count("<script>alert('x')</script>") >= 10


def test_several_backends_are_sections_of_one_page(tmp_path: Path) -> None:
    """Each backend, also several aliases under one name that cachewise does not know, is a case with its own charts."""
    few = {name: VARIANTS[name] for name in (AS_IT_IS, NO_CACHE, "60 s")}
    both = [*project(few, (1, 2), scale=0.05), *project(few, (1, 2), scale=0.05, backend="default: redis, b: locmem")]
    found = checked(write_app_report(both, tmp_path, COMMAND))
    assert "At a glance" in found.text
    assert "statements saved" in found.text
    assert found.text.count("Every read function") == 2
    assert len(list((tmp_path / "charts").iterdir())) == 2 * 8


def test_nothing_is_written_where_one_file_cannot_be(shop: list[AppOutcome], tmp_path: Path) -> None:
    """A folder in the place of one of the files is one line, before anything is moved."""
    (tmp_path / "functions.csv").mkdir()
    with pytest.raises(UserError, match=r"functions\.csv there is a folder"):
        write_app_report(shop, tmp_path, COMMAND)
    assert [path.name for path in tmp_path.iterdir()] == ["functions.csv"]


def test_variants_have_colours_of_their_own() -> None:
    """As long as there are colours, no two variants share one; strategies keep theirs, whoever stands beside them."""
    names = [AS_IT_IS, NO_CACHE, *(f"variant {nth}" for nth in range(6))]
    assert len({look.colour for look in looks(names, colours_apart=True).values()}) == len(names)
    many = [*names, *(f"further {nth}" for nth in range(20))]
    assert len(set(looks(many, colours_apart=True).values())) == len(many)


def test_many_variants_and_long_names(tmp_path: Path) -> None:
    """Twelve variants with long names: their charts are drawn, each with room for all of them."""
    long = {
        f"variant {nth} with a very long name, longer than any column: {nth}0 s": Caching(0.5, 0.01)
        for nth in range(12)
    }
    few = {name: VARIANTS[name] for name in (AS_IT_IS, NO_CACHE)}
    write_app_report(project({**few, **long}, (1,), events=[(180.0, "deploy")], scale=0.05), tmp_path, COMMAND)
    assert len(list((tmp_path / "charts").iterdir())) == 9
