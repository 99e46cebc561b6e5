"""The answer: who is not beaten, what is a tie, and what the sentences say."""

import math
from dataclasses import replace
from typing import Any

import pytest

from cachewise.reports import render
from cachewise.reports.answer import answer
from cachewise.reports.formatting import cell, listed, people
from cachewise.reports.frames import cases
from cachewise.reports.ranking import Group, Ranking, rank
from cachewise.reports.text import answer_text
from cachewise.sim.experiment import Outcome
from cachewise.sim.world.scenario import Scenario
from cachewise.strategies import KeyBased, WriteThrough
from tests.reports.conftest import Made, case_with


def test_a_strategy_worse_in_both_is_beaten(made: Made) -> None:
    """A strategy that is staler and costlier on every seed is not recommended; bounds never are."""
    case = case_with(
        made,
        oracle={"stale": [0, 0, 0], "saved": [0.99, 0.99, 0.99]},
        good={"stale": [0.010, 0.011, 0.012], "saved": [0.9, 0.91, 0.9]},
        bad={"stale": [0.20, 0.21, 0.22], "saved": [0.8, 0.81, 0.8]},
    )
    assert rank(case) == Ranking([Group("good")], {}, [])
    assert "Choose `good`" in answer(case).choice


def test_too_few_writes_choose_nothing(made: Made) -> None:
    """Where too few writes were measured to choose by, nothing is recommended: it is said who is ahead so far."""
    good = {"stale": [0.010, 0.011, 0.012], "saved": [0.9, 0.91, 0.9]}
    bad = {"stale": [0.20, 0.21, 0.22], "saved": [0.8, 0.81, 0.8]}
    dear = {"stale": [0.001, 0.001, 0.001], "saved": [0.1, 0.1, 0.1]}

    def choice(**strategies: dict[str, Any]) -> str:
        outcomes = case_with(made, **strategies).outcomes
        few = [replace(one, summary={**one.summary, "writes": 3}) for one in outcomes]
        return answer(cases(few)[0]).choice

    few = "Only 9 writes were measured, too few to choose by. So far,"
    assert choice(good=good, bad=bad) == f"{few} `good` is ahead on average."
    assert choice(good=good, dear=dear).startswith(
        f"{few} each of these can be the right choice, the freshest first. On average, no other strategy has fewer"
    )


def test_a_trade_is_left_to_the_reader(made: Made) -> None:
    """Where one strategy is fresher and the other cheaper, both are shown, the fresher first."""
    case = case_with(
        made,
        cheap={"stale": [0.20, 0.21, 0.22], "saved": [0.99, 0.98, 0.99]},
        fresh={"stale": [0.010, 0.011, 0.012], "saved": [0.5, 0.51, 0.5]},
    )
    assert rank(case) == Ranking([Group("fresh"), Group("cheap")], {}, [])
    assert answer(case).choice.startswith("It depends")


def test_noise_removes_no_fresh_strategy(made: Made) -> None:
    """A cheaper strategy whose staleness chance could explain does not replace fresher ones: they are not ranked."""
    case = case_with(
        made,
        cheap={"stale": [0.01, 0.08, 0.03], "saved": [0.98, 0.98, 0.981]},
        fresh={"stale": [0.0002, 0.0003, 0.0002], "saved": [0.94, 0.94, 0.941]},
        key_based={"stale": [0, 0, 0], "saved": [0.05, 0.05, 0.05], "strategy": KeyBased()},
    )
    assert rank(case) == Ranking([Group("key-based"), Group("fresh"), Group("cheap")], {}, [("fresh", "cheap")])
    open_one = "Not settled: which of two has fewer outdated reads: `fresh` or `cheap`. About 8 seeds may settle it"
    assert open_one in " ".join(answer(case).cautions)


def test_a_handful_of_reads_outweighs_no_queries(made: Made) -> None:
    """A share of outdated reads that differs by less than a ten-thousandth does not hold up one that is far cheaper."""
    case = case_with(
        made,
        dear={"stale": [0, 0, 0], "saved": [0.17, 0.18, 0.17]},
        cheap={"stale": [0.00001, 0.00002, 0.00001], "saved": [0.99, 0.99, 0.99]},
    )
    assert rank(case) == Ranking([Group("cheap")], {}, [])


def test_one_strategy_is_compared_with_nothing(made: Made) -> None:
    """Nothing is recommended where nothing else was run."""
    alone = answer(case_with(made, alone={"stale": [0.1, 0.1], "saved": [0.9, 0.9]}))
    assert alone.choice == "Only `alone` was run: there is nothing to compare it with."


def test_a_guarantee_outlasts_luck(made: Made) -> None:
    """What is never outdated by design stays, even beside one without an outdated read that is cheaper for sure."""
    case = case_with(
        made,
        lucky={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]},
        key_based={"stale": [0, 0, 0], "saved": [0.05, 0.05, 0.05], "strategy": KeyBased()},
    )
    assert rank(case).groups == [Group("key-based"), Group("lucky")]
    assert answer(case).choice == "If no outdated read is acceptable, choose `key-based`. Otherwise choose `lucky`."


def test_a_guarantee_that_saves_nothing_is_no_choice(made: Made) -> None:
    """No cache at all is never outdated either: a strategy that asks the database as often is only mentioned."""
    case = case_with(
        made,
        lucky={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]},
        key_based={"stale": [0, 0, 0], "saved": [-0.05, -0.05, -0.05], "strategy": KeyBased()},
    )
    assert rank(case).groups == [Group("lucky")]
    assert "No cache at all costs less than `key-based`" in answer(case).cautions[-1]


def test_of_two_guarantees_the_cheaper_wins(made: Made) -> None:
    """A strategy that is never outdated by design is beaten by another one that saves more."""
    dear = type("Dear", (KeyBased,), {"name": "dear"})()
    case = case_with(
        made,
        key_based={"stale": [0, 0, 0], "saved": [0.3, 0.31, 0.3], "strategy": KeyBased()},
        dear={"stale": [0, 0, 0], "saved": [0.1, 0.11, 0.1], "strategy": dear},
    )
    assert rank(case) == Ranking([Group("key-based")], {}, [])
    assert answer(case).choice.startswith("Choose `key-based`")
    assert "costs less" not in " ".join(answer(case).cautions)


def test_what_chance_can_explain_is_not_settled_and_not_offered(made: Made) -> None:
    """A mean that is worse because of one seed is neither ruled out nor as good: it is no option, and that is said."""
    case = case_with(
        made,
        steady={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]},
        unlucky={"stale": [0, 0, 0.2], "saved": [0.9, 0.9, 0.9]},
        same={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9], "calls": [2.0]},
    )
    assert rank(case) == Ranking([Group("steady", ("same",))], {"steady": ["unlucky"]}, [])
    found = answer(case)
    assert "Choose" not in found.choice
    assert found.choice == "`steady` is ahead on average, but more seeds are needed to be sure."
    as_good = (
        "As good: `same` (2.00 calls). It served no outdated read either, and its queries differ by at most 0.1% of"
    )
    assert f"{as_good} the reads." in found.options[0]
    assert "unlucky" not in " ".join(found.options)
    assert "Not settled: `steady` is better on average than `unlucky` (outdated: 6.67%, " in found.cautions[0]


@pytest.mark.parametrize(
    ("stale", "is_as_good"),
    [
        ([0.100, 0.200, 0.300], True),
        ([0.101, 0.202, 0.304], True),
        ([0.105, 0.23, 0.37], False),
        ([0.2, 0.3, 0.1], False),
    ],
)
def test_as_good_means_the_same_within_a_margin(made: Made, stale: list[float], is_as_good: bool) -> None:
    """Seed by seed nearly the same is as good; more by a fifth, or the same mean from other seeds, is not."""
    case = case_with(
        made,
        leader={"stale": [0.100, 0.200, 0.300], "saved": [0.9, 0.9, 0.9]},
        other={"stale": stale, "saved": [0.9, 0.9, 0.9]},
    )
    assert any(group.equals for group in rank(case).groups) is is_as_good


def test_many_strategies_raise_the_bar(made: Made) -> None:
    """A difference that two strategies alone would show is not enough where each has nine rivals."""
    leader: dict[str, Any] = {"stale": [0.10, 0.10, 0.10], "saved": [0.9, 0.9, 0.9]}
    behind: dict[str, Any] = {"stale": [0.18, 0.20, 0.22], "saved": [0.9, 0.9, 0.9]}
    assert rank(case_with(made, leader=leader, behind=behind)).unsettled == {}
    more = {f"behind{nth}": behind for nth in range(9)}
    assert list(rank(case_with(made, leader=leader, **more)).unsettled) == ["leader"]


def test_without_a_read_nothing_is_ranked(made: Made) -> None:
    """Where nothing was read, the answer says so and offers nothing."""
    case = case_with(made, a={"stale": [math.nan], "saved": [math.nan]}, b={"stale": [math.nan], "saved": [math.nan]})
    found = answer(case)
    assert (found.options, found.choice) == ([], "There is no strategy to choose.")
    assert found.lead == "No read was measured: there is nothing to judge."


def test_options_carry_their_guarantee(busy: list[Outcome], made: Made) -> None:
    """An option says what bounds its outdated reads by design, and what its docstring says about the rest."""
    options = {option.split("`")[1]: option for option in answer(cases(busy)[0]).options}
    strict = case_with(made, key_based={"stale": [0], "saved": [0.3], "strategy": KeyBased()})
    assert "By design, no read is outdated. Guarantee: fresh, as the version is read" in answer(strict).options[0]
    assert "(5 min) plus the time of a load. Guarantee: fresh, unless two writers" in options["write-through"]
    case = case_with(made, forever={"stale": [0.1], "saved": [0.9], "strategy": WriteThrough(timeout=None)})
    assert "By design, there is no limit to how outdated a read can be." in answer(case).options[0]
    assert (
        answer(case_with(made, plain={"stale": [0.1], "saved": [0.9]}))
        .options[0]
        .endswith("the timeout (5 min) plus the time of a load.")
    )


def test_one_seed_is_ranked_bare_and_says_so(made: Made) -> None:
    """With one seed the bare order decides, no interval is printed, and an alarm rings."""
    case = case_with(made, a={"stale": [0.1], "saved": [0.9]}, b={"stale": [0.2], "saved": [0.9]})
    found = answer(case)
    assert [group.leader for group in found.ranking.groups] == ["a"]
    assert found.choice.startswith("One seed is no more than a hint. Choose `a`. ")
    assert "interval" not in found.lead
    assert any("One seed" in alarm for alarm in found.alarms)


def test_a_flash_crowd_is_not_stretched_to_a_day(made: Made) -> None:
    """What comes once is counted in the measured time: in the answer, and by a table without a column for a day."""
    outcomes = [
        made(seed=seed, scenario=Scenario("sale", arrivals="flash:20:3:1"), stale_reads_per_day=86_400 * 2.0)
        for seed in (1, 2)
    ]
    found = answer(cases(outcomes)[0])
    for text in (found.lead, found.options[0]):
        assert "about 30 outdated pages in these 15 s" in text
        assert "a day" not in text
    assert "outdated a day" not in render(outcomes, "markdown")


def test_none_seen_is_not_sold_as_never(made: Made) -> None:
    """A choice without a stale read comes with the bounds that reads and writes give, and no bare zero."""
    case = case_with(made, lucky={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]})
    text = " ".join([*answer(case).options, *answer(case).cautions])
    assert "none seen in" in text
    assert "No outdated read was seen with `lucky`, but there may be some." in text
    assert "So the 486 writes are the fairer count: after up to 0.61% of all writes, reads could be outdated." in text


def test_what_is_never_outdated_by_design_is_named(busy: list[Outcome]) -> None:
    """No cache at all stands beside key-based, whether it was run or not, and is said to cost less."""
    for labels in (("key-based", "no-cache"), ("key-based",)):
        fresh = [outcome for outcome in busy if outcome.label in labels]
        text = "\n".join(answer_text(fresh, 1000))
        assert "only no cache at all and key-based (" in text
        assert "% more queries) never serve one by design." in text
        assert "No cache at all costs less than key-based" in text
        assert "Only key-based was run: there is nothing to compare it with." in text
        assert "but there may be some" not in text


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
    assert found.ranking.groups == []
    assert "nothing to choose" in found.lead


def test_words_round_as_people_do(made: Made) -> None:
    """Counts are rounded to three figures; lists read as sentences; no interval follows a lone seed."""
    assert [people(x) for x in (24_217_920, 6_720.4, 999.7, 1_999_999_999, 0.0156)] == [
        "24.2 million",
        "6,720",
        "1,000",
        "2 billion",
        "0.0156",
    ]
    assert [listed(items) for items in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    case = cases([made(stale_ratio=0.25, scenario=Scenario("lone"))])[0]
    assert cell(case, "ttl-only", "stale_ratio") == "25.00%"
