"""The answer: who is not beaten, what is a tie, what the sentences say, and which alarms ring."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reports.alarms import alarms
from reports.answer import answer, answer_text
from reports.frames import Case, cases, stale_age_frame, time_frame
from reports.ranking import Group, frontier
from reports.words import cell, listed, people
from sim.experiment import Outcome
from sim.scenario import Scenario
from strategies import TtlOnly

Made = Callable[..., Outcome]
READS_A_DAY = 200 * 86_400


def _case(made: Made, **strategies: dict[str, list[float]]) -> Case:
    """Return a case of strategies (underscores for hyphens) with figures given seed by seed."""
    outcomes = []
    for name, figures in strategies.items():
        for nth, stale in enumerate(figures["stale"]):
            saved = figures["saved"][nth]
            summary: dict[str, Any] = {
                "stale_ratio": stale,
                "stale_reads_per_day": stale * READS_A_DAY,
                "stale_age_max_s": 4.0 + nth if stale else float("nan"),
                "db_queries_saved_ratio": saved,
                "db_queries_per_s": (1 - saved) * 200,
                "cache_calls_per_request": figures.get("calls", [1.0])[0],
            }
            outcomes.append(made(name.replace("_", "-"), nth + 1, **summary))
    return cases(outcomes)[0]


def test_a_strategy_worse_in_both_is_beaten(made: Made) -> None:
    """A strategy that is staler and costlier on every seed is not recommended; bounds never are."""
    case = _case(
        made,
        oracle={"stale": [0, 0, 0], "saved": [0.99, 0.99, 0.99]},
        good={"stale": [0.010, 0.011, 0.012], "saved": [0.9, 0.91, 0.9]},
        bad={"stale": [0.20, 0.21, 0.22], "saved": [0.8, 0.81, 0.8]},
    )
    assert frontier(case) == [Group("good", (), ())]
    assert "Choose `good`" in answer(case).choice


def test_a_trade_is_left_to_the_reader(made: Made) -> None:
    """Where one strategy is fresher and the other cheaper, both are shown, the fresher first."""
    case = _case(
        made,
        cheap={"stale": [0.20, 0.21, 0.22], "saved": [0.99, 0.98, 0.99]},
        fresh={"stale": [0.010, 0.011, 0.012], "saved": [0.5, 0.51, 0.5]},
    )
    assert [group.leader for group in frontier(case)] == ["fresh", "cheap"]
    assert answer(case).choice.startswith("It depends")


def test_what_chance_can_explain_is_called_a_tie(made: Made) -> None:
    """A mean that is higher because of one seed alone is not told apart, and is said to be worse on average."""
    case = _case(
        made,
        steady={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]},
        unlucky={"stale": [0, 0, 0.2], "saved": [0.9, 0.9, 0.9]},
        same={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9], "calls": [2.0]},
    )
    assert frontier(case) == [Group("steady", ("same",), ("unlucky",))]
    text = " ".join(answer(case).options)
    assert "seed by seed: `same` (2.00 calls)" in text
    assert "not distinguishable with these seeds: `unlucky`" in text


def test_one_seed_is_ranked_bare_and_says_so(made: Made) -> None:
    """With one seed the bare order decides, no interval is printed, and an alarm rings."""
    case = _case(made, a={"stale": [0.1], "saved": [0.9]}, b={"stale": [0.2], "saved": [0.9]})
    found = answer(case)
    assert [group.leader for group in found.groups] == ["a"]
    assert "interval" not in found.lead
    assert any("One seed" in alarm for alarm in found.alarms)


def test_the_lead_is_in_pages_a_day(made: Made) -> None:
    """The lead names the rate, the outdated pages a day with the interval, the oldest, and the extra queries."""
    case = _case(
        made,
        delete_in_transaction={"stale": [0.10, 0.11, 0.12], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.001, 0.002, 0.003], "saved": [0.9, 0.9, 0.9]},
    )
    lead = answer(case).lead
    assert lead.startswith("At 200 reads a second, deleting inside the transaction serves about 1.9 million outdated")
    assert "(95% interval 1.47 million to 2.33 million), the oldest 6 s out of date" in lead
    assert "moving one line to `on_commit` cuts that to about 34,600 (95% interval 0 to 77,500)" in lead
    assert "for no extra queries (20 a second either way)" in lead


def test_a_lead_does_not_boast_of_chance(made: Made) -> None:
    """A change that these seeds cannot show is called not distinguishable, a worse one is said to raise the figure."""
    lucky = _case(
        made,
        delete_in_transaction={"stale": [0.0, 0.0, 0.12], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.0, 0.0, 0.0], "saved": [0.5, 0.5, 0.5]},
    )
    assert "leaves none seen in" in answer(lucky).lead
    assert "not distinguishable with these seeds, for 80 more queries a second" in answer(lucky).lead
    worse = _case(
        made,
        delete_in_transaction={"stale": [0.01, 0.01, 0.011], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.10, 0.11, 0.12], "saved": [0.95, 0.95, 0.95]},
    )
    assert "raises that to about 1.9 million" in answer(worse).lead
    assert "for 10 fewer queries a second" in answer(worse).lead


def test_none_seen_is_not_sold_as_never(busy: list[Outcome]) -> None:
    """A choice without a stale read comes with the bounds that reads and writes give, and no bare zero."""
    fresh = [outcome for outcome in busy if outcome.label in ("key-based", "no-cache")]
    text = "\n".join(answer_text(fresh, 1000))
    assert "none seen in" in text
    assert "None seen is not never" in text
    assert "reads between two writes share a fate" in text
    assert "by design, only key-based" in text


def test_real_outcomes_give_whole_sentences(busy: list[Outcome], quiet: list[Outcome]) -> None:
    """Every line for the terminal is plain text; `shared` is called a stand-in; both cases are answered."""
    lines = answer_text([*busy, *quiet], 1000)
    assert "busy on shared:" in lines
    assert "quiet on locmem:" in lines
    assert any("stand-in for a shared server" in line for line in lines)
    assert not any("`" in line or "nan" in line.lower().split() for line in lines)


def test_bounds_alone_give_no_recommendation(busy: list[Outcome]) -> None:
    """With only no-cache and oracle there is nothing to choose, and that is said."""
    found = answer(cases([outcome for outcome in busy if outcome.label in ("no-cache", "oracle")])[0])
    assert found.groups == []
    assert "nothing to choose" in found.lead


@pytest.mark.parametrize(
    ("figures", "alarm"),
    [
        ({"hit_ratio": 1.0}, "never missed"),
        ({"hit_ratio": 0.0}, "never hit"),
        ({"writes": 0}, "No writes were measured"),
        ({"writes": 3}, "only 3 writes in 1 run"),
        ({"stale_ratio": 0.0, "hits": 50, "writes": 900}, "shows no outdated read although rows were written"),
    ],
)
def test_an_alarm_rings_for_what_looks_wrong(made: Made, figures: dict[str, float], alarm: str) -> None:
    """Each suspicious figure rings its own alarm, and a sound one does not."""
    sound = {"hit_ratio": 0.9, "stale_ratio": 0.1, "writes": 900}
    wrong, right = (cases([made("ttl-only", **{**sound, **one})])[0] for one in (figures, {}))
    assert any(alarm in text for text in alarms(wrong))
    assert not any(alarm in text for text in alarms(right))


def test_a_run_shorter_than_the_timeout_is_noticed(busy: list[Outcome], quiet: list[Outcome]) -> None:
    """Entries that cannot expire while the run lasts are pointed out, in a run without writes too."""
    assert any("shorter than" in alarm for alarm in alarms(cases(quiet)[0]))
    assert any("No writes" in alarm for alarm in alarms(cases(quiet)[0]))
    short_timeouts = [outcome for outcome in busy if outcome.label.startswith("ttl-only")]
    assert not any("shorter than" in alarm for alarm in alarms(cases(short_timeouts)[0]))


def test_cases_keep_scenarios_and_backends_apart(busy: list[Outcome], quiet: list[Outcome]) -> None:
    """Outcomes group by scenario and backend in order of appearance; strategies keep their order."""
    other = [replace(outcome, run=replace(outcome.run, backend="db")) for outcome in busy[:3]]
    found = cases([*busy, *quiet, *other])
    assert [case.title for case in found] == ["busy on shared", "quiet on locmem", "busy on db"]
    assert next(iter(found[0].by_strategy)) == "no-cache"


def test_a_parameter_is_in_the_name_only_where_it_tells_strategies_apart(busy: list[Outcome]) -> None:
    """A strategy run once goes by its bare name and its parameter is remarked on; run twice, the labels stay."""
    once = cases(busy)[0]
    assert "ttl-only" in once.by_strategy
    assert once.settings == ["ttl-only run with timeout=2"]
    assert cases(busy[6:9])[0].settings == ["strategies run with timeout=2"]
    slow = [replace(outcome, run=replace(outcome.run, strategy=TtlOnly(timeout=9))) for outcome in busy[6:9]]
    twice = cases([*busy, *slow])[0]
    assert {"ttl-only:timeout=2", "ttl-only:timeout=9"} < set(twice.by_strategy)
    assert "ttl-only" not in twice.by_strategy


def test_stale_ages_start_at_the_stale_ratio_and_fall(busy: list[Outcome]) -> None:
    """Each curve starts at the mean stale ratio, never rises, and ends at the oldest read of all seeds."""
    case = cases(busy)[0]
    frame = stale_age_frame(case)
    for label, part in frame.groupby("strategy"):
        ratios, oldest = case.values(str(label), "stale_ratio"), case.values(str(label), "stale_age_max_s")
        assert part["share"].iloc[0] == pytest.approx(sum(ratios.values()) / 3, rel=0.02)
        assert part["share"].is_monotonic_decreasing
        last = max(age for age in oldest.values() if age == age)  # noqa: PLR0124 - NaN where a seed saw none
        assert last / 1.2 < part["age_s"].iloc[-1] <= last
    assert "key-based" not in set(frame["strategy"])


def test_the_load_over_time_adds_up(busy: list[Outcome]) -> None:
    """The rates over time have the mean that the summary gives, but for queries that outlive the run."""
    case = cases(busy)[0]
    means = time_frame(case).groupby("strategy", sort=False)["db_queries_per_s"].mean()
    for label, mean in means.items():
        rates = case.values(str(label), "db_queries_per_s").values()
        assert mean == pytest.approx(sum(rates) / 3, rel=0.02, abs=0.1)


def test_words_round_as_people_do(made: Made) -> None:
    """Counts are rounded to three figures; lists read as sentences; no interval follows a lone seed."""
    assert [people(x) for x in (24_217_920, 6_720.4, 1_999_999_999, 0.0156)] == [
        "24.2 million",
        "6,720",
        "2 billion",
        "0.0156",
    ]
    assert [listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    case = cases([made(stale_ratio=0.25, scenario=Scenario("lone"))])[0]
    assert cell(case, "ttl-only", "stale_ratio") == "25.00%"
