"""Tables, the page and the folder: readable, escaped, self-contained, never half-written."""

import io
import json
import math
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from cachewise import Scenario, UserError
from cachewise.reports import manifest, render, write_report
from cachewise.reports.figures import CHARTS
from cachewise.reports.frames import cases
from cachewise.reports.placing import CHARTS as CHART_NAMES
from cachewise.reports.placing import PAGE
from cachewise.reports.provenance import inputs, machine, versions
from cachewise.reports.text import answer_text
from cachewise.sim.experiment import Outcome, strategy_spec
from cachewise.sim.verdict.metrics import METRICS

VOID = {"meta", "img", "br", "hr", "link", "input"}
FIGURE = re.compile(r"\d[\d.,]*\d|\d")
COMMAND = "cachewise run busy --seeds 3"


class Checker(HTMLParser):
    """Collects what a page is made of, and fails on tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and its links."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect the text."""
        self.text += data


def _checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


@pytest.fixture(scope="module")
def report(busy: list[Outcome], quiet: list[Outcome], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a report on both experiments."""
    out = tmp_path_factory.mktemp("reports") / "new" / "out"
    assert write_report([*busy, *quiet], out, COMMAND, {"keys"}) == out / "report.html"
    return out


def test_folder_holds_the_figures_the_charts_and_the_page(report: Path, busy: list[Outcome]) -> None:
    """The CSV and Parquet files hold the same row a run, six charts a case are PNGs, and nothing else is left."""
    table, parquet = pd.read_csv(report / "summary.csv"), pd.read_parquet(report / "summary.parquet")
    assert len(table) == len(parquet) == len(busy) + 2
    assert {"scenario", "strategy", "backend", "seed", *METRICS, "notes"} == set(table.columns) == set(parquet.columns)
    assert table["stale_ratio"].tolist() == pytest.approx(parquet["stale_ratio"].tolist())
    assert table["notes"].fillna("").str.contains("stand-in").tolist() == (table["backend"] == "shared").tolist()
    pictures = list((report / "charts").iterdir())
    assert len(pictures) == 12
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    names = {path.name for path in report.iterdir()}
    assert names == {"summary.csv", "summary.parquet", "report.html", "charts", manifest.NAME}
    assert all(picture.stem.rpartition("-")[2] in CHART_NAMES for picture in pictures)


def test_page_is_one_well_formed_self_contained_file(report: Path) -> None:
    """Tags close in order, links stay within the page, no address of anything elsewhere is in it, and no script."""
    page = (report / "report.html").read_text()
    checker = _checked(page)
    assert "script" not in checker.tags
    assert page.count('role="img"') == page.count('viewBox="0 0 ') == 12
    assert len(set(checker.ids)) == len(checker.ids)
    for link in checker.links:
        assert link[1:] in checker.ids
    assert not re.search(r"https?:|//\w|@import|url\((?!#)", page)


def test_page_leads_with_the_answer_and_names_its_limits(report: Path) -> None:
    """The answer comes before the limits, these before the charts, and the provenance last."""
    text = _checked((report / "report.html").read_text()).text
    marks = [
        "reads a second",
        "Check the scenario",
        "What this rests on, and what it leaves out",
        "Every strategy in figures",
        COMMAND,
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert "shared is a stand-in for a shared server (one LocMem store, a round trip away)." in text


def test_no_bare_zero_count_is_shown(report: Path, busy: list[Outcome]) -> None:
    """A strategy without a stale read shows out of how many; its cells never hold a lone 0."""
    reads = sum(outcome.counts["reads"] for outcome in busy if outcome.label == "key-based")
    assert f"none seen<small>in {reads:,} reads</small>" in (report / "report.html").read_text()
    row = next(line for line in render(busy, "markdown").splitlines() if line.startswith("| key-based"))
    assert row.split(" | ")[1] == f"none seen in {reads:,} reads"


def test_page_escapes_what_people_name(busy: list[Outcome], tmp_path: Path) -> None:
    """Names, reasons, commands and notes with markup come out as text, in the page and in the file names."""
    nasty = "<script>alert('x')</script> & \"$q$\" [bold] `tick"
    scenario = replace(busy[0].run.scenario, name=nasty, why=nasty)
    outcomes = [
        replace(outcome, run=replace(outcome.run, scenario=scenario), notes=[nasty])
        for outcome in busy
        if "ttl" in outcome.label
    ]
    page = write_report(outcomes, tmp_path, nasty, set()).read_text()
    checker = _checked(page)
    assert "script" not in checker.tags
    assert checker.text.count("<script>alert('x')</script>") >= 5
    assert all(re.fullmatch(r"[\w.-]+", path.name) for path in (tmp_path / "charts").iterdir())
    assert "[bold]" in render(outcomes, "table")


def test_cases_of_one_name_keep_their_own_files(busy: list[Outcome], tmp_path: Path) -> None:
    """Two scenarios whose names reduce to the same file name do not overwrite each other's charts."""
    outcomes = [
        replace(busy[0], run=replace(busy[0].run, scenario=replace(busy[0].run.scenario, name=name)))
        for name in ("a b", "a-b", "A:B")
    ]
    write_report(outcomes, tmp_path, COMMAND, set())
    assert len(list((tmp_path / "charts").iterdir())) == 18


def test_every_input_has_an_origin_and_a_meaning(busy: list[Outcome]) -> None:
    """Only what was set for this run is yours, whatever a shipped scenario says; latencies are resolved."""
    found = inputs(cases(busy)[0], {"cull_frequency", "timeout"})
    assert set(Scenario.__dataclass_fields__) | {"backend", "seeds", "strategy"} == {one.name for one in found}
    yours = {f"{one.name} {one.value}" for one in found if one.origin == "yours"}
    timed = {f"strategy {spec}" for spec in _specs(busy) if "timeout=" in spec}
    assert yours == {"cull_frequency 3"} | timed
    assert "auto: lognormal:0.0006:0.3 on shared" in {one.value for one in found}
    assert all(one.meaning for one in found if one.name != "name")


def test_without_being_told_all_that_is_no_default_is_yours(busy: list[Outcome]) -> None:
    """From Python, where nobody says what was set, a value that differs from its default was."""
    found = {one.name: one.origin for one in inputs(cases(busy)[0], None)}
    assert {name: found[name] for name in ("keys", "name", "strategy", "value_bytes")} == {
        "keys": "yours",
        "name": "yours",
        "strategy": "yours",
        "value_bytes": "default",
    }


def test_inputs_of_a_trace_are_the_traces_and_its_folder_stays_private(busy: list[Outcome]) -> None:
    """Fields that a trace stands in for are tagged so, and only its file name is shown."""
    scenario = Scenario("replay", trace="/home/someone/secret/reads.csv")
    outcome = replace(
        busy[0], run=replace(busy[0].run, scenario=scenario), trace_fields=("keys", "reads_per_s", "arrivals")
    )
    found = {one.name: one for one in inputs(cases([outcome])[0], {"trace"})}
    assert (found["keys"].origin, found["keys"].value) == ("trace", "as recorded in the trace")
    assert (found["trace"].origin, found["trace"].value) == ("yours", "reads.csv")


def _specs(outcomes: list[Outcome]) -> set[str]:
    return {strategy_spec(outcome.run.strategy) for outcome in outcomes}


def test_provenance_names_no_machine() -> None:
    """The versions are those that run, and the machine's own name is not given."""
    assert versions()["Python"] == ".".join(str(part) for part in sys.version_info[:3])
    assert versions()["numpy"] != ""
    assert os.uname().nodename not in machine()


def test_json_is_flat_and_valid(busy: list[Outcome]) -> None:
    """JSON is one list of flat objects, one a run, in which what could not be measured is null."""
    rows = json.loads(render(busy, "json"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert len(rows) == len(busy)
    for row, outcome in zip(rows, busy, strict=True):
        assert not any(isinstance(value, (list, dict)) for value in row.values())
        for name, value in outcome.summary.items():
            assert row[name] == (None if math.isnan(value) else value)
    assert rows[0]["stale_age_max_s"] is None
    assert rows[6]["strategy"] == "ttl-only:timeout=2"


def test_csv_reads_back(busy: list[Outcome]) -> None:
    """The CSV text gives back every run's figures."""
    frame = pd.read_csv(io.StringIO(render(busy, "csv")))
    assert frame["reads"].tolist() == [outcome.summary["reads"] for outcome in busy]


def test_tables_show_every_strategy_and_the_stand_in(busy: list[Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables have a row a strategy, in order. What `shared` is stands once: in the answer, or below the table."""
    monkeypatch.setenv("COLUMNS", "120")
    for form in ("table", "markdown"):
        text = render(busy, form)
        labels = [label for line in text.splitlines() for label in re.findall(r"^\|? ?([a-z-]+(?::\S+)?)  ?", line)]
        assert [label for label in labels if label in cases(busy)[0].by_strategy] == list(cases(busy)[0].by_strategy)
        told = [text, *answer_text(busy, 120)] if form == "table" else [text]
        assert " ".join(told).count("stand-in") == 1


def test_the_columns_say_what_they_count(busy: list[Outcome], report: Path) -> None:
    """Saved queries leave out the writes' statements, entries may have expired, and the peak has its column."""
    page = _checked((report / "report.html").read_text()).text
    assert "queries saved against no cache on the same traffic; read queries, the writes' own statements" in page
    table = render(busy, "markdown").splitlines()
    assert {"entries stored at the end", "most queries at once"} <= set(table[2].strip("| ").split(" | "))
    assert "saved: read queries saved against no cache (the writes' own statements are not counted)" in " ".join(
        render(busy, "table").split()
    )


def test_a_chart_speaks_of_intervals_only_where_it_draws_them(busy: list[Outcome]) -> None:
    """Below the scatter plots and the price stands what thin lines are; below the others there is none to explain."""
    case = cases(busy)[0]
    words = {}
    for draw in CHARTS:
        name, *_, figure = draw(case)
        words[name] = " ".join(text.get_text() for text in figure.texts)
    assert {name for name, text in words.items() if "thin lines are 95% intervals" in text} == {
        "saved_against_stale",
        "hits_against_stale",
        "price",
    }
    assert all("means of 3 seeds" in text for text in words.values())


def test_no_words_run_off_a_chart(busy: list[Outcome]) -> None:
    """Titles, subtitles and footers end within the sheet."""
    for draw in CHARTS:
        figure = draw(cases(busy)[0])[-1]
        edge = figure.bbox.width
        assert all(text.get_window_extent().x1 <= edge for text in figure.texts), draw.__name__


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failure_leaves_the_earlier_report_whole(
    quiet: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """If building the page fails, the files of an earlier report are untouched and no half of the new one is there."""
    write_report(quiet, tmp_path, COMMAND, set())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fail(*_args: object) -> str:
        raise failure

    monkeypatch.setattr("cachewise.reports.page.page", fail)
    with pytest.raises(UserError if isinstance(failure, OSError) else KeyboardInterrupt):
        write_report(quiet, tmp_path, "another command", set())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_ctrl_c_that_was_lost_leaves_the_earlier_report(
    quiet: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a library has caught the interrupt and gone on, no report is put in place all the same."""
    monkeypatch.setattr("cachewise.sim.processes.interrupts._received", [signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):
        write_report(quiet, tmp_path / "out", COMMAND, set())
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_moved_last(quiet: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page never stands beside the figures of another report: it is the last to arrive, within the list of files."""
    moved: list[str] = []
    replace_file = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: (moved.append(to.name), replace_file(self, to))[1])
    write_report(quiet, tmp_path, COMMAND, set())
    assert (moved[0], moved[-2:]) == (manifest.NAME, [PAGE, manifest.NAME])
    assert len(moved) == 11


def test_importing_reports_is_light() -> None:
    """`import cachewise.reports` loads neither pandas nor matplotlib, so that the command line stays quick."""
    heavy = ("pandas", "matplotlib", "scipy")
    code = f"import sys, cachewise.reports; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_table_fits_the_terminal(busy: list[Outcome], width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut and nothing left out: a narrow terminal has several tables, or a few lines for each strategy."""
    monkeypatch.setenv("COLUMNS", str(width))
    text = render(busy, "table")
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    monkeypatch.setenv("COLUMNS", "300")
    widest = render(busy, "table")
    assert set(FIGURE.findall(" ".join(text.split()))) == set(FIGURE.findall(" ".join(widest.split())))
    headings = [line.split()[-1] for line in text.splitlines() if line.startswith("strategy ")]
    assert len(headings) == {40: 0, 60: 3, 80: 2, 200: 1}[width]
    assert ("  entries: " in text) == (width == 40)
    assert [*headings, "entries"][-1] == "entries"
