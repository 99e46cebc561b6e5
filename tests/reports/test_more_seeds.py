"""More seeds: how many may settle what these leave open."""

import math

from cachewise.reports.answer import answer
from cachewise.reports.frames import Case
from cachewise.reports.ranking import rank, seeds_to_part, seeds_to_rank
from tests.reports.conftest import Made, case_with


def test_more_seeds_are_more_than_those_that_ran(made: Made) -> None:
    """How many seeds may settle it follows from the spread; where the most are too few, the two are called equal."""

    def more(stale: list[float]) -> str:
        count = len(stale)
        steady = {"stale": [0.0] * count, "saved": [0.9] * count}
        return answer(case_with(made, steady=steady, other={"stale": stale, "saved": [0.9] * count})).cautions[0]

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
        return case_with(made, steady={"stale": [0.1] * seeds, "saved": saved}, noisy=noisy, **bad)

    needed = seeds_to_rank(ran(8), "steady", "noisy")
    assert needed is not None
    assert rank(ran(8)).unsettled == {"steady": ["noisy"]}
    assert rank(ran(needed // 8 * 4)).unsettled == {"steady": ["noisy"]}
    assert rank(ran(-(-needed // 4) * 4)).unsettled == {}


def test_seeds_with_nothing_to_measure_do_not_count(made: Made) -> None:
    """More seeds are said than ran, even if only some of these had anything to measure."""
    nothing = [math.nan] * 27
    case = case_with(
        made,
        steady={"stale": [0.0] * 30, "saved": [0.9] * 30},
        other={"stale": [0.0, 0.02, 0.04, *nothing], "saved": [0.9] * 30},
    )
    assert seeds_to_part(case, "steady", "other") == 70
