"""The answer: who is not beaten, what is a tie, and what the sentences say."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cachewise.reports import render
from cachewise.reports.answer import answer
from cachewise.reports.formatting import cell, listed, people
from cachewise.reports.frames import Case, cases, peak_queries_per_s, stale_age_frame, time_frame
from cachewise.reports.glance import ahead, verdict
from cachewise.reports.ranking import Group, Ranking, rank, seeds_to_part, seeds_to_rank
from cachewise.reports.text import answer_text
from cachewise.sim.experiment import Outcome
from cachewise.sim.own.homes import _HOMES, Home
from cachewise.sim.world.scenario import Scenario
from cachewise.strategies import KeyBased, TtlOnly, WriteThrough
from tests.reports.conftest import BUSY

Made = Callable[..., Outcome]
READS_A_DAY = 200 * 86_400


def _case(made: Made, **strategies: dict[str, Any]) -> Case:
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
            outcomes.append(made(name.replace("_", "-"), nth + 1, strategy=figures.get("strategy"), **summary))
    return cases(outcomes)[0]


def test_a_strategy_worse_in_both_is_beaten(made: Made) -> None:
    """A strategy that is staler and costlier on every seed is not recommended; bounds never are."""
    case = _case(
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
        outcomes = _case(made, **strategies).outcomes
        few = [replace(one, summary={**one.summary, "writes": 3}) for one in outcomes]
        return answer(cases(few)[0]).choice

    few = "Only 9 writes were measured, too few to choose by. So far,"
    assert choice(good=good, bad=bad) == f"{few} `good` is ahead on average."
    assert choice(good=good, dear=dear).startswith(
        f"{few} each of these can be the right choice, the freshest first. On average, no other strategy has fewer"
    )


def test_a_trade_is_left_to_the_reader(made: Made) -> None:
    """Where one strategy is fresher and the other cheaper, both are shown, the fresher first."""
    case = _case(
        made,
        cheap={"stale": [0.20, 0.21, 0.22], "saved": [0.99, 0.98, 0.99]},
        fresh={"stale": [0.010, 0.011, 0.012], "saved": [0.5, 0.51, 0.5]},
    )
    assert rank(case) == Ranking([Group("fresh"), Group("cheap")], {}, [])
    assert answer(case).choice.startswith("It depends")


def test_noise_removes_no_fresh_strategy(made: Made) -> None:
    """A cheaper strategy whose staleness chance could explain does not replace fresher ones: they are not ranked."""
    case = _case(
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
    case = _case(
        made,
        dear={"stale": [0, 0, 0], "saved": [0.17, 0.18, 0.17]},
        cheap={"stale": [0.00001, 0.00002, 0.00001], "saved": [0.99, 0.99, 0.99]},
    )
    assert rank(case) == Ranking([Group("cheap")], {}, [])


def test_one_strategy_is_compared_with_nothing(made: Made) -> None:
    """Nothing is recommended where nothing else was run."""
    alone = answer(_case(made, alone={"stale": [0.1, 0.1], "saved": [0.9, 0.9]}))
    assert alone.choice == "Only `alone` was run: there is nothing to compare it with."


def test_a_guarantee_outlasts_luck(made: Made) -> None:
    """What is never outdated by design stays, even beside one without an outdated read that is cheaper for sure."""
    case = _case(
        made,
        lucky={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]},
        key_based={"stale": [0, 0, 0], "saved": [0.05, 0.05, 0.05], "strategy": KeyBased()},
    )
    assert rank(case).groups == [Group("key-based"), Group("lucky")]
    assert answer(case).choice == "If no outdated read is acceptable, choose `key-based`. Otherwise choose `lucky`."


def test_a_guarantee_that_saves_nothing_is_no_choice(made: Made) -> None:
    """No cache at all is never outdated either: a strategy that asks the database as often is only mentioned."""
    case = _case(
        made,
        lucky={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]},
        key_based={"stale": [0, 0, 0], "saved": [-0.05, -0.05, -0.05], "strategy": KeyBased()},
    )
    assert rank(case).groups == [Group("lucky")]
    assert "No cache at all costs less than `key-based`" in answer(case).cautions[-1]


def test_of_two_guarantees_the_cheaper_wins(made: Made) -> None:
    """A strategy that is never outdated by design is beaten by another one that saves more."""
    dear = type("Dear", (KeyBased,), {"name": "dear"})()
    case = _case(
        made,
        key_based={"stale": [0, 0, 0], "saved": [0.3, 0.31, 0.3], "strategy": KeyBased()},
        dear={"stale": [0, 0, 0], "saved": [0.1, 0.11, 0.1], "strategy": dear},
    )
    assert rank(case) == Ranking([Group("key-based")], {}, [])
    assert answer(case).choice.startswith("Choose `key-based`")
    assert "costs less" not in " ".join(answer(case).cautions)


def test_what_chance_can_explain_is_not_settled_and_not_offered(made: Made) -> None:
    """A mean that is worse because of one seed is neither ruled out nor as good: it is no option, and that is said."""
    case = _case(
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
    case = _case(
        made,
        leader={"stale": [0.100, 0.200, 0.300], "saved": [0.9, 0.9, 0.9]},
        other={"stale": stale, "saved": [0.9, 0.9, 0.9]},
    )
    assert any(group.equals for group in rank(case).groups) is is_as_good


def test_many_strategies_raise_the_bar(made: Made) -> None:
    """A difference that two strategies alone would show is not enough where each has nine rivals."""
    leader: dict[str, Any] = {"stale": [0.10, 0.10, 0.10], "saved": [0.9, 0.9, 0.9]}
    behind: dict[str, Any] = {"stale": [0.18, 0.20, 0.22], "saved": [0.9, 0.9, 0.9]}
    assert rank(_case(made, leader=leader, behind=behind)).unsettled == {}
    more = {f"behind{nth}": behind for nth in range(9)}
    assert list(rank(_case(made, leader=leader, **more)).unsettled) == ["leader"]


def test_without_a_read_nothing_is_ranked(made: Made) -> None:
    """Where nothing was read, the answer says so and offers nothing."""
    case = _case(made, a={"stale": [math.nan], "saved": [math.nan]}, b={"stale": [math.nan], "saved": [math.nan]})
    found = answer(case)
    assert (found.options, found.choice) == ([], "There is no strategy to choose.")
    assert found.lead == "No read was measured: there is nothing to judge."


def test_options_carry_their_guarantee(busy: list[Outcome], made: Made) -> None:
    """An option says what bounds its outdated reads by design, and what its docstring says about the rest."""
    options = {option.split("`")[1]: option for option in answer(cases(busy)[0]).options}
    strict = _case(made, key_based={"stale": [0], "saved": [0.3], "strategy": KeyBased()})
    assert "By design, no read is outdated. Guarantee: fresh, as the version is read" in answer(strict).options[0]
    assert "(5 min) plus the time of a load. Guarantee: fresh, unless two writers" in options["write-through"]
    case = _case(made, forever={"stale": [0.1], "saved": [0.9], "strategy": WriteThrough(timeout=None)})
    assert "By design, there is no limit to how outdated a read can be." in answer(case).options[0]
    assert (
        answer(_case(made, plain={"stale": [0.1], "saved": [0.9]}))
        .options[0]
        .endswith("the timeout (5 min) plus the time of a load.")
    )


def test_one_seed_is_ranked_bare_and_says_so(made: Made) -> None:
    """With one seed the bare order decides, no interval is printed, and an alarm rings."""
    case = _case(made, a={"stale": [0.1], "saved": [0.9]}, b={"stale": [0.2], "saved": [0.9]})
    found = answer(case)
    assert [group.leader for group in found.ranking.groups] == ["a"]
    assert found.choice.startswith("One seed is no more than a hint. Choose `a`. ")
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
    assert lead == (
        "At 200 reads a second, deleting inside the transaction (`delete-in-transaction`) serves about 1.9 million "
        "outdated pages a day (95% interval 1.47 million to 2.33 million). The oldest is 6 s out of date. "
        "Moving one line to `on_commit` cuts that to about 34,600 (95% interval 0 to 77,500). "
        "The database gets 20 queries a second either way."
    )


ONE_LINE: dict[str, dict[str, Any]] = {  # moving it brings much, for sure
    "delete_in_transaction": {"stale": [0.10, 0.11, 0.12], "saved": [0.9, 0.9, 0.9]},
    "delete_on_write": {"stale": [0.01, 0.011, 0.012], "saved": [0.9, 0.9, 0.9]},
    "write_through": {"stale": [0.001, 0.001, 0.001], "saved": [0.95, 0.95, 0.95]},
    "ttl_only": {"stale": [0.3, 0.3, 0.3], "saved": [0.9, 0.9, 0.9]},
}
BOUNDS: dict[str, dict[str, Any]] = {
    name: {"stale": [0, 0, 0], "saved": [saved] * 3} for name, saved in (("no_cache", 0.0), ("oracle", 0.99))
}
CHANCE = {**BOUNDS, **ONE_LINE, "delete_on_write": {"stale": [0, 0, 0.3], "saved": [0.9] * 3}}
TINY = {**BOUNDS, **ONE_LINE, "delete_on_write": {"stale": [0.09995, 0.10995, 0.11995], "saved": [0.9] * 3}}


@pytest.mark.parametrize(
    ("strategies", "first", "second"),
    [
        ({**BOUNDS, **ONE_LINE}, "deleting inside the transaction", "Moving one line to `on_commit` cuts"),
        (ONE_LINE, "waiting for the timeout", "`write-through` cuts"),
        ({name: ONE_LINE[name] for name in ("delete_in_transaction", "delete_on_write")}, "deleting inside", "Moving"),
        (CHANCE, "waiting for the timeout", "`write-through` cuts"),
        (TINY, "waiting for the timeout", "`write-through` cuts"),
        ({name: ONE_LINE[name] for name in ("delete_on_write", "write_through")}, "deleting in `on_c", "`write-"),
    ],
    ids=["news", "named", "these two", "by chance", "too small to count", "the worst"],
)
def test_the_lead_has_what_is_news_or_was_asked(
    made: Made, strategies: dict[str, dict[str, Any]], first: str, second: str
) -> None:
    """The move to `on_commit` leads where all or just these were run, and where it brings what counts, for sure."""
    found = answer(_case(made, **strategies)).lead
    assert f"a second, {first}" in found
    assert f". {second}" in found


def test_the_lead_has_ones_own_strategy(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who brings a strategy asks about it: it is contrasted with the best one."""
    mine = {"stale": [0.02, 0.02, 0.021], "saved": [0.9, 0.9, 0.9], "strategy": Mine()}
    case = _case(made, **BOUNDS, **ONE_LINE, mine=mine)
    assert "Moving one line" in answer(case).lead
    monkeypatch.setitem(_HOMES, Mine, Home("./mine.py", "./mine.py", "Mine", "mine"))
    assert "a second, `mine` serves about" in answer(case).lead
    assert ". `write-through` cuts that to" in answer(case).lead


class Mine(TtlOnly):
    """A strategy of one's own."""

    name = "mine"


def test_more_seeds_are_more_than_those_that_ran(made: Made) -> None:
    """How many seeds may settle it follows from the spread; where the most are too few, the two are called equal."""

    def more(stale: list[float]) -> str:
        count = len(stale)
        steady = {"stale": [0.0] * count, "saved": [0.9] * count}
        return answer(_case(made, steady=steady, other={"stale": stale, "saved": [0.9] * count})).cautions[0]

    assert more([0, 0, 0.2]).endswith("About 15 seeds may settle it (`--seeds 15`).")
    assert more([0.1, -0.09] * 10).endswith("About 1,500 seeds may settle it (`--seeds 1500`).")
    assert more([0.1, -0.096] * 10).endswith("(`--seeds 10000`).")
    assert more([0.1, -0.098] * 10).endswith("even 10,000 would be too few. Treat them as equal.")


def test_the_seeds_that_are_named_do_settle_it(made: Made) -> None:
    """With the same mean and spread, so many show which of many strategies is ahead; half of them do not."""

    def ran(seeds: int) -> Case:
        saved = [0.9] * seeds
        bad = {f"bad{nth}": {"stale": [0.6] * seeds, "saved": [0.5] * seeds} for nth in range(10)}
        noisy = {"stale": ([0.2, 0.1, 0.1, 0.1] * seeds)[:seeds], "saved": saved}
        return _case(made, steady={"stale": [0.1] * seeds, "saved": saved}, noisy=noisy, **bad)

    needed = seeds_to_rank(ran(8), "steady", "noisy")
    assert needed is not None
    assert rank(ran(8)).unsettled == {"steady": ["noisy"]}
    assert rank(ran(needed // 8 * 4)).unsettled == {"steady": ["noisy"]}
    assert rank(ran(-(-needed // 4) * 4)).unsettled == {}


def test_seeds_with_nothing_to_measure_do_not_count(made: Made) -> None:
    """More seeds are said than ran, even if only some of these had anything to measure."""
    nothing = [math.nan] * 27
    case = _case(
        made,
        steady={"stale": [0.0] * 30, "saved": [0.9] * 30},
        other={"stale": [0.0, 0.02, 0.04, *nothing], "saved": [0.9] * 30},
    )
    assert seeds_to_part(case, "steady", "other") == 70


def test_at_a_glance_names_the_equals_and_what_is_open(made: Made) -> None:
    """A line says who is ahead, who is as good, how many more there are, and whether and why it is not settled."""
    steady: dict[str, Any] = {"stale": [0] * 5, "saved": [0.9] * 5}
    equals = {f"equal{nth}": {**steady, "calls": [2.0 + nth]} for nth in range(5)}
    sound: dict[str, Any] = {"warmup_s": 300.0, "duration_s": 600.0}
    noisy = {"stale": [0, 0, 0, 0, 0.2], "saved": [0.9] * 5}
    bad = {"stale": [0.2, 0.21, 0.2, 0.21, 0.2], "saved": [0.8] * 5}

    def line(**strategies: dict[str, Any]) -> tuple[str, list[str]]:
        case = _case(made, **strategies)
        whole = [
            replace(one, run=replace(one.run, scenario=replace(BUSY, **sound)), measured_s=600.0)
            for one in case.outcomes
        ]
        found = answer(cases(whole)[0])
        return verdict(found), ahead(found)

    assert line(steady=steady, bad=bad) == (
        "settled",
        ["`steady` (outdated: none seen in 15,065 reads; 90.00% of the queries saved)"],
    )
    told, (leader,) = line(steady=steady, **equals, noisy=noisy)
    assert told == "not settled: `noisy` may be as good or better"
    assert leader.endswith("; as good: `equal0`, `equal1`, `equal2` and 2 more")
    once = {"stale": [0.1], "saved": [0.9]}
    assert line(a=once, b={"stale": [0.2], "saved": [0.9]})[0] == "not settled: one seed"
    assert line(steady=steady)[0] == "not settled: there is nothing to compare"


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


def test_a_lead_does_not_boast_of_chance(made: Made) -> None:
    """A change that these seeds cannot show is called not distinguishable, a worse one is said to raise the figure."""
    lucky = _case(
        made,
        delete_in_transaction={"stale": [0.0, 0.0, 0.12], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.0, 0.0, 0.0], "saved": [0.5, 0.5, 0.5]},
    )
    none = "With `on_commit`, no outdated read occurred in 9,039 reads"
    chance = "more seeds are needed to show that this is not chance"
    assert f"{none}; {chance}. The database gets 100 queries a second instead of 20." in answer(lucky).lead
    worse = _case(
        made,
        delete_in_transaction={"stale": [0.01, 0.01, 0.011], "saved": [0.9, 0.9, 0.9]},
        delete_on_write={"stale": [0.10, 0.11, 0.12], "saved": [0.95, 0.95, 0.95]},
    )
    assert "raises that to about 1.9 million" in answer(worse).lead
    assert "The database gets 10 queries a second instead of 20." in answer(worse).lead


def test_few_queries_are_not_no_extra_queries(made: Made) -> None:
    """Queries that differ by a factor are both given, however few they are beside the reads, or however noisy."""
    case = _case(
        made,
        delete_in_transaction={"stale": [0.10, 0.11, 0.12], "saved": [0.9996, 0.9996, 0.9996]},
        delete_on_write={"stale": [0.001, 0.002, 0.003], "saved": [0.9999, 0.9990, 0.9987]},
    )
    assert "The database gets 0.16 queries a second instead of 0.08, which may be chance." in answer(case).lead


def test_none_seen_is_not_sold_as_never(made: Made) -> None:
    """A choice without a stale read comes with the bounds that reads and writes give, and no bare zero."""
    case = _case(made, lucky={"stale": [0, 0, 0], "saved": [0.9, 0.9, 0.9]})
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
        assert part["age_s"].iloc[-1] == last
    assert "key-based" not in set(frame["strategy"])


def test_the_load_over_time_adds_up(busy: list[Outcome]) -> None:
    """The rates over time have the mean that the summary gives, queries that outlive the traffic included."""
    case = cases(busy)[0]
    means = time_frame(case).groupby("strategy", sort=False)["db_queries_per_s"].mean()
    for label, mean in means.items():
        rates = case.values(str(label), "db_queries_per_s").values()
        assert mean == pytest.approx(sum(rates) / 3)


def test_a_peak_is_each_seeds_own(busy: list[Outcome]) -> None:
    """Bursts that fall on other moments in other seeds are not averaged away."""
    flat = np.zeros(120)
    bursts = [
        replace(one, db_queries_per_s=np.r_[np.roll([90.0, 0, 0], nth), flat]) for nth, one in enumerate(busy[:3])
    ]
    assert peak_queries_per_s(cases(bursts)[0], "no-cache") == 90


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
