"""What strategies declare, and what is made of them that declare nothing."""

import os
import pickle
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from cachewise import Costs, FromFunctions, Row, Scenario, Site, UserError, run
from cachewise.sim.declared import (
    check_declared,
    declared_bound,
    declared_costs,
    parameters,
    plain_name,
    strategy_name,
    strategy_title,
)
from cachewise.sim.experiment import run_all, strategy_label, strategy_spec
from cachewise.sim.verdict.result import Run
from cachewise.strategies import STRATEGIES

SHORT = Scenario("short", keys=3, reads_per_s=50, writes_per_s=5, duration_s=2, warmup_s=0)


class Strategy:
    """Declares nothing, and has no name of its own either."""

    def read(self, site: Site, key: str) -> Row:
        """Ask the database."""
        return site.db.read(key)

    def write(self, site: Site, key: str) -> None:
        """Change the row."""
        site.db.write(key)


@dataclass
class TwoLRUCaches(Strategy):
    """Has parameters, and forgot `ClassVar`."""

    size: int = 3
    kinds: list[str] = field(default_factory=list)
    name: str = "two-caches"


def load(site: Site, key: str) -> Row:
    """Ask the database."""
    return site.db.read(key)


def save(site: Site, key: str) -> None:
    """Change the row."""
    site.db.write(key)


TWO_CALLS = FromFunctions(load, save)
BRIEF = FromFunctions(
    lambda site, key: site.db.read(key), save, name="brief", stale_at_most="never", costs=Costs(0, 0, 0)
)


@pytest.mark.parametrize(
    ("word", "name"),
    [("DeleteTwice", "delete-twice"), ("TTLOnly", "ttl-only"), ("MY_IDEA", "my-idea"), ("x", "x"), ("_", "_")],
)
def test_names_are_made_of_pythons(word: str, name: str) -> None:
    """In lower case, with hyphens."""
    assert plain_name(word) == name


def test_nothing_declared_is_nothing_claimed() -> None:
    """The name comes from the class, or of a class called Strategy from its file."""
    one = Strategy()
    assert (strategy_name(one), strategy_title(one)) == ("test-declared", "Strategy")
    assert declared_bound(one) is declared_costs(one) is None
    assert parameters(one) == {}
    check_declared(one)
    assert strategy_spec(one) == strategy_label(one) == "test-declared"
    assert run(SHORT, one).summary["stale_ratio"] == 0


def test_what_is_declared_is_no_parameter() -> None:
    """Also where it is a field; and a default that nobody can type is not told."""
    one = TwoLRUCaches()
    assert list(parameters(TwoLRUCaches)) == ["size", "kinds"]
    assert strategy_spec(one) == "two-caches:size=3"
    assert strategy_label(TwoLRUCaches(4)) == "two-caches:size=4"


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"stale_at_most": "sometimes"}, "stale_at_most = 'sometimes': it must be one of 'never', 'timeout', 'none'"),
        ({"costs": (1, 1, 1)}, "costs = (1, 1, 1): it must be Costs("),
        ({"costs": Costs(1, 1, "x")}, "of whole numbers"),  # type: ignore[arg-type]
        ({"name": ""}, "name = '': it must be a text"),
        ({"name": "a:b"}, "name = 'a:b'"),
        ({"needs": "cache.lock"}, "needs = 'cache.lock': it must be a tuple"),
    ],
)
def test_what_no_strategy_can_mean_is_refused(declared: dict[str, Any], says: str) -> None:
    """From Python too, before anything runs."""
    odd = type("Odd", (Strategy,), declared)()
    with pytest.raises(UserError, match="Odd: ") as refusal:
        run(SHORT, odd)
    assert says in str(refusal.value)


def test_no_strategy_of_ours_vanishes() -> None:
    """Every class that `strategies/` imports is there, whatever it declares."""
    from cachewise import strategies

    classes = {one for one in vars(strategies).values() if isinstance(one, type) and hasattr(one, "read")}
    assert set(STRATEGIES.values()) == {one for one in classes if one.__module__ != "cachewise.sim.contract"}


def test_functions_are_a_strategy() -> None:
    """Named by their variable, or as they were told; they declare what was given."""
    assert (strategy_name(TWO_CALLS), strategy_title(TWO_CALLS)) == ("two-calls", "TWO_CALLS")
    assert (strategy_name(BRIEF), declared_bound(BRIEF), declared_costs(BRIEF)) == ("brief", "never", Costs(0, 0, 0))
    assert declared_bound(TWO_CALLS) is declared_costs(TWO_CALLS) is None
    assert TWO_CALLS.__doc__ == "Ask the database."
    assert pickle.loads(pickle.dumps(BRIEF)) is BRIEF, "found by its variable, so lambdas will do"
    loose = FromFunctions(load, save, needs=("cache.get",))
    copy = pickle.loads(pickle.dumps(loose))
    assert (copy.functions, copy.needs, strategy_name(copy)) == (loose.functions, loose.needs, "from-functions")
    with pytest.raises(UserError, match="FromFunctions: write=3 must be a function of site and key"):
        FromFunctions(load, 3)  # type: ignore[arg-type]


def test_functions_run_side_by_side() -> None:
    """In worker processes they are the same."""
    runs = [Run(SHORT, one, "shared", seed) for one in (TWO_CALLS, BRIEF) for seed in (1, 2)]
    alone, beside = run_all(runs, processes=1), run_all(runs, processes=2)
    timed = ("wall_s", "requests_per_wall_s")
    for one, other in zip(alone, beside, strict=True):
        assert other.run.strategy is one.run.strategy
        assert str({**one.summary, **dict.fromkeys(timed)}) == str({**other.summary, **dict.fromkeys(timed)})


def test_what_cannot_be_sent_runs_here() -> None:
    """A lambda that no module knows runs in this process, and in no other."""
    pids = []
    odd = FromFunctions(lambda site, key: pids.append(os.getpid()) or site.db.read(key), save)
    runs = [Run(SHORT, odd, "shared", seed) for seed in (1, 2)]
    assert len(run_all(runs, processes=2)) == 2
    assert set(pids) == {os.getpid()}


class Counted(Strategy):
    """Declares a guarantee as a class variable, like ours."""

    stale_at_most: ClassVar = "never"


def test_a_guarantee_is_kept_apart_from_none() -> None:
    """Reports take nobody for never outdated who does not say so."""
    from cachewise.reports.formatting import guarantee
    from cachewise.reports.frames import cases
    from cachewise.reports.ranking import never_wrong

    (case,) = cases(run_all([Run(SHORT, one, "shared", 1) for one in (Strategy(), Counted())], processes=1))
    assert [never_wrong(case, label) for label in ("test-declared", "counted")] == [False, True]
    assert guarantee(case, "test-declared") == "It states no guarantee (no `stale_at_most`)."
    assert guarantee(case, "counted") == "By design, no read is outdated."
    assert case.silent == ["test-declared states no guarantee (no `stale_at_most`)"]
    assert case.silent[0] in case.remarks
