"""At a glance: who is ahead, who is as good, and whether that is settled."""

from dataclasses import replace
from typing import Any

from cachewise.reports.answer import answer
from cachewise.reports.frames import cases
from cachewise.reports.glance import ahead, verdict
from tests.reports.conftest import BUSY, Made, case_with


def test_at_a_glance_names_the_equals_and_what_is_open(made: Made) -> None:
    """A line says who is ahead, who is as good, how many more there are, and whether and why it is not settled."""
    steady: dict[str, Any] = {"stale": [0] * 5, "saved": [0.9] * 5}
    equals = {f"equal{nth}": {**steady, "calls": [2.0 + nth]} for nth in range(5)}
    sound: dict[str, Any] = {"warmup_s": 300.0, "duration_s": 600.0}
    noisy = {"stale": [0, 0, 0, 0, 0.2], "saved": [0.9] * 5}
    bad = {"stale": [0.2, 0.21, 0.2, 0.21, 0.2], "saved": [0.8] * 5}

    def line(**strategies: dict[str, Any]) -> tuple[str, list[str]]:
        case = case_with(made, **strategies)
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
