"""Reads of rows that were not committed: they count, and stand in the ranking, the words, the tables and the charts."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest

from cachewise import Strategy
from cachewise.reports import compare, render, render_verification, write_report, write_verification
from cachewise.reports.answer import Answer, answer
from cachewise.reports.figures import CHARTS, draw_charts
from cachewise.reports.formatting import guarantee, parts
from cachewise.reports.frames import Case, cases
from cachewise.reports.ranking import never_wrong, rank
from cachewise.reports.text import answer_text
from cachewise.reports.verification import verification_frame
from cachewise.sim.experiment import Outcome, run_all
from cachewise.sim.verdict.result import Run
from cachewise.sim.wall.verify import REPLICATES, Pair
from cachewise.strategies import DeleteOnWrite, KeyBased, WriteThrough, WriteThroughInTransaction
from tests.reports.conftest import BUSY

Made = Callable[..., Outcome]
ROLLED_BACK = replace(BUSY, rollback_ratio=0.1)
IN, ON_COMMIT = "write-through-in-transaction", "write-through"


@pytest.fixture(scope="module")
def rolled_back() -> list[Outcome]:
    """Return what a tenth of rolled back writes does to four strategies, under five seeds."""
    compared = (WriteThroughInTransaction(), WriteThrough(), DeleteOnWrite(), KeyBased())
    return run_all([Run(ROLLED_BACK, strategy, "shared", seed) for strategy in compared for seed in range(1, 6)], 1)


def as_seen_before(outcome: Outcome) -> Outcome:
    """Return the outcome as one in which only outdated reads are wrong."""
    stale = {
        "wrong_ratio": outcome.summary["stale_ratio"],
        "wrong_reads_per_day": outcome.summary["stale_reads_per_day"],
    }
    return replace(outcome, summary={**outcome.summary, **stale, "dirty_ratio": 0.0, "aborted_ratio": 0.0})


def case_of(outcomes: list[Outcome]) -> Case:
    """Return the one case there is."""
    (case,) = cases(outcomes)
    return case


def test_a_rolled_back_set_is_not_recommended(rolled_back: list[Outcome]) -> None:
    """The incident: by its outdated reads it was the best one, with none seen; by its wrong reads it is beaten."""
    before, now = case_of([as_seen_before(one) for one in rolled_back]), case_of(rolled_back)
    assert not any(before.values(IN, "stale_ratio").values())
    assert [group.leader for group in rank(before).groups] == [IN]
    assert answer(before).choice.startswith(f"`{IN}` is ahead")
    assert "outdated: none seen in" in answer(before).options[0]
    assert rank(now).groups[0].leader == ON_COMMIT
    assert IN not in {label for group in rank(now).groups for label in (group.leader, *group.equals)}
    assert answer(now).choice.startswith(f"Choose `{ON_COMMIT}`")
    assert min(now.values(IN, "aborted_ratio").values()) > 0.02


def test_keys_are_left_wrong(rolled_back: list[Outcome]) -> None:
    """What stays in the cache after the traffic, and never was in the database, is counted."""
    case = case_of(rolled_back)
    assert sum(case.values(IN, "keys_left_wrong").values()) > 0
    assert not any(case.values(ON_COMMIT, "keys_left_wrong").values())


def test_the_sum_and_its_parts(rolled_back: list[Outcome]) -> None:
    """In every run the parts add up to the wrong reads, a read once."""
    for outcome in rolled_back:
        summary, reads = outcome.summary, outcome.counts["reads"]
        counts = [summary[name] * reads for name in ("stale_ratio", "dirty_ratio", "aborted_ratio")]
        assert summary["wrong_ratio"] * reads == pytest.approx(sum(counts))
        assert sum(counts) == pytest.approx(summary["wrong_reads_per_day"] * outcome.measured_s / 86_400)


def told(made: Made, *, uncommitted: dict[str, Any], strategy: Strategy | None = None) -> Answer:
    """Return the answer on two strategies, of which one serves also what is not committed."""
    outcomes = []
    for seed in (1, 2, 3):
        sound = {"stale_ratio": 0.01, "stale_reads_per_day": 1000.0, "stale_age_max_s": 4.0}
        outcomes.append(made("sound", seed, **sound, db_queries_saved_ratio=0.5, db_queries_per_s=100.0))
        mixed = {**sound, **uncommitted, "db_queries_saved_ratio": 0.9, "db_queries_per_s": 20.0}
        outcomes.append(made("mixed", seed, strategy=strategy, **mixed))
    return answer(case_of(outcomes))


MIXED = {"wrong_ratio": 0.2, "wrong_reads_per_day": 20_000.0, "dirty_ratio": 0.04, "aborted_ratio": 0.15}


def test_the_words_say_what_is_wrong(made: Made) -> None:
    """The parts stand beside the sum where there are any; who serves outdated reads only is said to do so."""
    found = told(made, uncommitted=MIXED)
    sound, mixed = found.options
    assert mixed.startswith(
        "`mixed`: about 20,000 wrong pages a day, of them 5.0% outdated (oldest 4 s), 20.0% not yet committed and "
        "75.0% never committed, 20 queries a second (90.00% saved)"
    )
    assert sound.startswith("`sound`: about 1,000 outdated pages a day, oldest 4 s, 100 queries a second")
    assert "`mixed` serves about 20,000 wrong pages a day. Of them, 5.0% were outdated" in found.lead
    assert "It also serves rows that are not committed." in mixed
    assert found.choice.startswith("It depends on what a wrong read costs you.")
    assert "(Differences in wrong reads below 0.01% of all reads do not count.)" in found.choice


def test_the_words_of_a_single_part(made: Made) -> None:
    """Where all are of one kind that is said without a figure; a small part is never said to be none."""
    case = told(made, uncommitted={**MIXED, "stale_ratio": 0.0, "dirty_ratio": 0.0, "aborted_ratio": 0.2}).case
    assert parts(case, "mixed") == "all of them never committed"
    case = told(made, uncommitted={**MIXED, "stale_ratio": 0.0, "dirty_ratio": 1e-6, "aborted_ratio": 0.199999}).case
    assert parts(case, "mixed") == "of them less than 0.1% not yet committed and 99.9% never committed"


def test_a_contrast_names_what_it_compares(made: Made) -> None:
    """A leader that serves other wrong reads than the worst strategy does not pass for one with outdated reads."""
    small = {"wrong_ratio": 0.001, "wrong_reads_per_day": 100.0, "stale_ratio": 0.0, "aborted_ratio": 0.001}
    lead = told(made, uncommitted={**small, "dirty_ratio": 0.0}).lead
    assert "`sound` serves about 1,000 outdated pages a day. The oldest is 4 s out of date." in lead
    assert "`mixed` cuts that to about 100 wrong ones. All of them were never committed." in lead


def test_no_guarantee_survives_what_refutes_it(made: Made) -> None:
    """Who says "never outdated" and serves what was never committed, or is outdated, is not said to keep it."""
    aborted = told(made, uncommitted={**MIXED, "stale_ratio": 0.0}, strategy=KeyBased())
    assert not never_wrong(aborted.case, "key-based")
    assert "By design, no read is outdated. It also serves rows that are not committed." in guarantee(
        aborted.case, "key-based"
    )
    assert not any("never serve one" in text for text in aborted.cautions)
    outdated = told(made, uncommitted={"stale_ratio": 0.3}, strategy=KeyBased())
    assert not never_wrong(outdated.case, "key-based")
    assert "It claims that no read is outdated, but some were in these runs." in guarantee(outdated.case, "key-based")
    kept = told(made, uncommitted={"stale_ratio": 0.0}, strategy=KeyBased())
    assert never_wrong(kept.case, "key-based")


def test_nothing_is_said_where_there_is_nothing(busy: list[Outcome], tmp_path: Path) -> None:
    """Without such reads no table, page, answer or chart has a word or a column for them."""
    forms = [render(busy, form) for form in ("table", "markdown")]
    page = write_report(busy, tmp_path, "cachewise run busy").read_text()
    for text in (*forms, "\n".join(answer_text(busy, 100)), page):
        assert "outdated" in text
        assert not re.search(r"\bwrong\b(?!,)|not yet committed|dirty|aborted", text.partition("What the columns")[0])
    assert len(list(draw_charts(case_of(busy)))) == len(CHARTS)


def test_tables_and_the_page_have_the_parts(
    rolled_back: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sum comes first, the parts after it; a part that no strategy has gets no column."""
    heading = render(rolled_back, "markdown").splitlines()[2]
    assert heading.startswith(
        "| strategy | wrong reads | wrong a day | outdated reads | not yet committed | never committed |"
    )
    assert "keys left wrong" in heading
    assert "outdated a day" not in heading
    never_stale = [one for one in rolled_back if one.label in (IN, "key-based")]
    assert "| wrong a day | not yet committed | never committed |" in render(never_stale, "markdown")
    monkeypatch.setenv("COLUMNS", "120")
    table = render(rolled_back, "table").splitlines()
    assert re.split(r"  +", table[1].strip())[:5] == ["strategy", "wrong reads", "outdated", "dirty", "aborted"]
    page = write_report(rolled_back, tmp_path, "cachewise run busy").read_text()
    for text in (
        '<th scope="col">wrong reads</th>',
        "reads of a value that was never committed / reads",
        "wrong reads they cost",
    ):
        assert text in page, text
    assert (tmp_path / "charts" / "busy-on-shared-wrong_parts.png").is_file()


def test_the_charts_show_the_wrong_share(rolled_back: list[Outcome]) -> None:
    """The picture of a case is not the one that outdated reads alone would give, and there is one of the parts."""
    now, before = (
        {chart.name: chart for chart in draw_charts(case_of(outcomes))}
        for outcomes in (rolled_back, [as_seen_before(one) for one in rolled_back])
    )
    assert set(now) - set(before) == {"wrong_parts"}
    for name in ("saved_against_stale", "hits_against_stale"):
        assert now[name].png != before[name].png
    assert now["saved_against_stale"].more == "No wrong read was seen in the bottom lane."
    assert "have no age" in now["stale_ages"].more


def test_the_page_says_nothing_twice(rolled_back: list[Outcome], tmp_path: Path) -> None:
    """Under a picture stands what it does not say itself; to who cannot see it, all of it is told."""
    page = re.sub(r"<svg.*?</svg>", "", write_report(rolled_back, tmp_path, "cachewise run").read_text())
    charts = list(draw_charts(case_of(rolled_back)))
    assert {chart.name for chart in charts if chart.more} == {"saved_against_stale", "stale_ages"}
    assert page.count("<figcaption>") == 2
    for chart in charts:
        assert page.count(escape(chart.subtitle, quote=True)) == 1, chart.name
        assert page.count(escape(chart.more, quote=True)) == 2 or not chart.more, chart.name


def test_writes_that_came_to_nothing_are_writes(made: Made) -> None:
    """A case in which all writes were rolled back is not one without writes."""
    undone = {"writes": 0, "writes_rolled_back": 900, **MIXED}
    case = case_of([made(label, seed, **undone) for label in ("one", "other") for seed in (1, 2, 3)])
    assert case.writes("one") == 2700
    assert not any("No writes" in alarm for alarm in answer(case).alarms)
    assert "too few" not in answer(case).choice


def test_verify_compares_the_wrong_reads(rolled_back: list[Outcome], tmp_path: Path) -> None:
    """Where some reads were of uncommitted rows the bar is on the wrong share, of which outdated reads tell nothing."""
    real = [one for one in rolled_back if one.label == IN]
    fine = [Pair(one, (one,) * REPLICATES) for one in real]
    assert compare(fine).missed == []
    assert set(verification_frame(compare(fine))["metric"]) == {
        "hit_ratio",
        "wrong_ratio",
        "stale_age_p99_s",
        "db_reads",
    }
    off = [Pair(one, (as_seen_before(one),) * REPLICATES) for one in real]
    (line,) = compare(off).missed
    assert "the bar is wrong reads no further apart than chance explains" in line
    for form in ("table", "markdown"):
        text = render_verification(compare(off), form)
        assert "wrong: outdated, not yet committed or never committed" in text.replace("\n", " ")
        assert "Wrong reads no further apart than chance explains: met in 0 of 1 cell." in text.replace("\n", " ")
    assert write_verification(compare(off), tmp_path).read_bytes().startswith(b"\x89PNG")
