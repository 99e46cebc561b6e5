"""Every trial of a check: it holds for what is sound, and each one is broken by a strategy that is wrong in its way."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from cachewise import Strategy
from cachewise.sim.check.attacks import attacks
from cachewise.sim.check.bound import SHORT_S, Claim, bound, with_short_timeout
from cachewise.sim.check.contract import ANSWERS, contract
from cachewise.sim.check.costs import TRIPS, Counted, costs, count
from cachewise.sim.check.examine import STEPS, examine
from cachewise.sim.check.finding import Finding, Subject
from cachewise.strategies import STRATEGIES
from tests.helpers import BACKENDS, SERVERS
from tests.sim.check import boasters, mutants

ROWS = "a read returns a row of the database"
WRITES = "a write commits a new version"
REPEATS = "the same seed gives the same reads"
KEEPS = "it keeps nothing outside the cache"
FORGETS = "it goes on after cache.clear()"
TRAVELS = "it can be sent to worker processes"
EARLY = "no row before its commit"
ROLLED_BACK = "no row that was rolled back"


def found(strategy: Any, trial: Callable[[Subject], Iterator[Finding]], backend: str = "shared") -> dict[str, Finding]:
    """Return the findings of one trial by what was tried."""
    return {one.what: one for one in trial(Subject(strategy, backend, SERVERS))}


def broken(findings: dict[str, Finding]) -> list[str]:
    """Return what broke."""
    return [what for what, one in findings.items() if one.verdict == "broke"]


@pytest.mark.parametrize("backend", ["shared", "locmem"])  # tests/conftest.py leaves out what cannot run there
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_shipped_strategy_passes(name: str, backend: str) -> None:
    """What is shipped keeps the contract and its own word."""
    findings = found(STRATEGIES[name](), examine, backend)
    assert broken(findings) == []
    assert 0 < len(findings) <= STEPS
    claimed = [one for what, one in findings.items() if what not in (EARLY, ROLLED_BACK)]
    assert all(one.verdict == "held" for one in claimed)


ELSEWHERE = [(name, "memcached") for name in STRATEGIES if name != "delete-pattern"]
ELSEWHERE += [("delete-on-write", name) for name in BACKENDS if name not in ("shared", "locmem", "memcached")]
ELSEWHERE += [("delete-pattern", "django-redis")]


@pytest.mark.proof
@pytest.mark.parametrize(("name", "backend"), ELSEWHERE)
def test_shipped_strategies_pass_on_other_backends(name: str, backend: str) -> None:
    """Every strategy passes on a server, and one on every backend: the product of both would take an hour."""
    assert broken(found(STRATEGIES[name](), examine, backend)) == []


CONTRACT = [
    (mutants.ReadsAnotherKey, ANSWERS, "ReadsAnotherKey.read() returned the row of 'key:0' for 'key:"),
    (
        mutants.ReturnsNothing,
        ANSWERS,
        "ReturnsNothing.read() must return the Row it got from site.db or the cache, not",
    ),
    (mutants.LeavesOpen, ANSWERS, "LeavesOpen.write() left a transaction open"),
    (mutants.Raises, ANSWERS, "ValueError: Key ':1:writes:key:"),
    (mutants.Forges, ROWS, "484 of 484 reads returned a version that never existed"),
    (mutants.WritesNothing, WRITES, " committed 0 versions of it"),
    (mutants.WritesAnotherKey, WRITES, " committed 0 versions of it"),
    (mutants.RollsBack, WRITES, " committed 0 versions of it"),
    (mutants.OfChance, REPEATS, " of 484 reads differ in a second run: take random numbers from site.random"),
    (mutants.RemembersInModule, REPEATS, " of 484 reads differ in a second run"),
    (mutants.RemembersInItself, KEEPS, "a run changed seen: every worker process has its own"),
    (mutants.RemembersInModule, KEEPS, "a run changed SEEN: every worker process has its own"),
    (mutants.CountsInModule, KEEPS, "a run changed COUNTED: every worker process has its own"),
    (mutants.CountsInItsClass, KEEPS, "a run changed calls: every worker process has its own"),
    (mutants.RemembersInASlot, KEEPS, "a run changed seen: every worker process has its own"),
    (mutants.MAKES_TWO, KEEPS, "a run changed COUNTED: every worker process has its own"),
    (mutants.RemembersInItsClass, KEEPS, "a run changed counts: every worker process has its own"),
    (mutants.TrustsItself, FORGETS, "was outdated, though the cache had been emptied after the write"),
    (mutants.NeedsItsToken, FORGETS, "RuntimeError: the token is gone in NeedsItsToken.read(site, '"),
    (mutants.Unsendable, TRAVELS, "define it, and everything in it, at the top level of a file"),
]


@pytest.mark.parametrize(("mutant", "what", "detail"), CONTRACT, ids=lambda value: getattr(value, "__name__", ""))
def test_the_contract(mutant: type[Strategy], what: str, detail: str) -> None:
    """Each clause is broken by who does not keep it, and the line says how."""
    mutants.SEEN.clear()
    mutants.TrustsItself.copies.clear()
    findings = found(mutant() if isinstance(mutant, type) else mutant, contract)
    assert findings[what].verdict == "broke"
    assert detail in findings[what].detail
    assert "\n" not in findings[what].detail
    if what == ANSWERS:
        assert list(findings) == [ANSWERS]  # nothing else could be tried


def test_the_contract_is_kept_by_who_is_sound() -> None:
    """All clauses hold for the strategy that the mutants are made of."""
    assert {one.verdict for one in found(mutants.Sound(), contract).values()} == {"held"}


def test_what_is_made_once_is_no_state() -> None:
    """An attribute that the first request sets, and no other changes, is as good as a constant."""
    assert found(mutants.MakesOnce(), contract)[KEEPS].verdict == "held"


@pytest.mark.parametrize("mutant", [mutants.CheapHit, mutants.CheapMiss, mutants.CheapWrite])
@pytest.mark.parametrize("backend", ["shared", "file"])
def test_costs(mutant: type[Strategy], backend: str) -> None:
    """A round trip too few in any of the three is found, also where one call is several round trips."""
    (finding,) = found(mutant(), costs, backend).values()
    assert (finding.what, finding.verdict) == (TRIPS, "broke")
    assert finding.detail.startswith("1, 1, 1; declared ")


def test_costs_where_calls_are_several_round_trips() -> None:
    """A backend's own additional calls are named, and are no fault of the strategy's."""
    (finding,) = found(STRATEGIES["get-or-set"](), costs, "file").values()
    assert finding.verdict == "held"
    assert finding.detail.startswith("1, 3, 1; declared 1, 2, 1 calls: ")


def test_costs_of_who_declares_none() -> None:
    """They are counted and shown; where nothing expires, the miss after a write, or the first read, is counted."""
    (finding,) = found(boasters.Silent(), costs).values()
    assert (finding.verdict, finding.detail) == ("not claimed", "1, 1, 0; no `costs` are declared")
    (finding,) = found(mutants.Sound(), costs, "dummy").values()
    assert (finding.verdict, finding.detail) == (
        "not claimed",
        "no hit seen, 2, 1: no cached entry was found again",
    )
    assert count(Subject(STRATEGIES["oracle"](), "shared", SERVERS)) == Counted(0, 0, 0)


ATTACKS = [one.name for one in attacks(SHORT_S, "shared")]
LIARS = {
    "slow readers": boasters.NeverOutdated,
    "long transactions": boasters.NeverDeletedEarly,
    "many writers": boasters.NeverSetLate,
    "a slow cache": boasters.NeverOutdated,
    "slow loads of one row": boasters.NeverOutdated,
    "several workers": boasters.NeverDeletedEarly,
    "a full cache": boasters.TrustsAMarker,
    "rollbacks": boasters.NeverUncommitted,
}


@cache
def attacked(mutant: type[Strategy], backend: str = "shared") -> dict[str, Finding]:
    """Return what came of the attacks on *mutant*, by the name of the attack."""
    return {what.rpartition(": ")[2]: one for what, one in found(mutant(), bound, backend).items()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_can_win(attack: str) -> None:
    """A claim that is false breaks in each of them, and the line says by how much."""
    finding = attacked(LIARS[attack])[attack]
    if attack == "rollbacks":
        finding = attacked(LIARS[attack])[ROLLED_BACK]
    assert finding.verdict == "broke"
    assert finding.again is not None
    assert finding.again.scenario.name == attack


@pytest.mark.parametrize("mutant", [boasters.Slides, boasters.ForEver, boasters.TwiceAsLong, boasters.SleepsAfterHits])
def test_a_timeout_that_is_not_kept(mutant: type[Strategy]) -> None:
    """An entry that outlives its timeout is found."""
    worst = [one for one in attacked(mutant).values() if one.verdict == "broke"]
    assert worst
    assert "; allowed: 2 s and a load of " in worst[0].detail


def test_full_cache_alone_breaks_the_marker() -> None:
    """What only a cache that throws entries away can break is broken there, and nowhere else."""
    assert [name for name, one in attacked(boasters.TrustsAMarker).items() if one.verdict == "broke"] == [
        "a full cache"
    ]


def test_never_is_claimed_of_a_shared_store() -> None:
    """Where each worker has its own store, a delete reaches one: with several workers that claim is not made."""
    findings = attacked(boasters.NeverOutdated, "locmem")
    assert findings["slow readers"].verdict == "broke"
    assert findings["several workers"].verdict == "not claimed"
    assert findings["several workers"].detail.endswith("each worker has a store of its own")
    assert attacked(boasters.NeverDeletedEarly)["several workers"].verdict == "broke"


def test_nothing_claimed() -> None:
    """Without a bound, or with "none", or a timeout that there is not, the attacks show what they saw."""
    silent = attacked(boasters.Silent)
    assert {one.verdict for name, one in silent.items() if name not in (EARLY, ROLLED_BACK)} == {"not claimed"}
    assert "reads outdated, the oldest" in silent["slow readers"].detail
    assert silent["slow readers"].detail.endswith("; no `stale_at_most` is declared")
    assert attacked(boasters.NoLimit)["slow readers"].detail.endswith("; `stale_at_most` is 'none'")
    assert attacked(boasters.EndlessTimeout)["slow readers"].detail.endswith("is 'timeout', and there is no timeout")


def test_a_load_explains_what_it_has_stored() -> None:
    """A slow load may make its own rows older, and only these: how long the longest read of all took says nothing."""
    worst = [one for one in attacked(boasters.LoadsSlowly).values() if one.verdict == "broke"]
    assert worst == []
    assert "outdated, the oldest 5." in attacked(boasters.LoadsSlowly)["slow readers"].detail


def test_rows_before_their_commit() -> None:
    """They break "never"; "timeout" speaks of outdated rows, so there they are shown only."""
    assert attacked(boasters.NeverUncommitted)[EARLY].verdict == "broke"
    finding = attacked(boasters.SetsInTransaction)[EARLY]
    assert finding.verdict == "not claimed"
    assert finding.detail.endswith("committed only later (many writers); `stale_at_most` is about outdated rows only")
    assert attacked(mutants.Sound)[EARLY].verdict == "held"


def test_rows_that_were_rolled_back() -> None:
    """So do they."""
    assert attacked(boasters.NeverUncommitted)[ROLLED_BACK].verdict == "broke"
    finding = attacked(boasters.SetsInTransaction)[ROLLED_BACK]
    assert finding.verdict == "not claimed"
    assert finding.detail.endswith("never committed (rollbacks); `stale_at_most` is about outdated rows only")
    assert attacked(mutants.Sound)[ROLLED_BACK].verdict == "held"


def test_the_claim_that_is_attacked() -> None:
    """A timeout that can be set is short; one that cannot is taken as it is; without one there is no such claim."""

    class Fixed(boasters.Silent):
        timeout = 60
        stale_at_most = "timeout"

    class Default(boasters.Silent):
        stale_at_most = "timeout"

    class Endless(boasters.Silent):
        timeout = None
        stale_at_most = "timeout"

    claims = {}
    for strategy in (mutants.Sound(), Fixed(), Default(), Endless(), boasters.Silent()):
        claims[type(strategy).__name__] = with_short_timeout(Subject(strategy, "shared", SERVERS))[1]
    assert claims == {
        "Sound": Claim("timeout", 2),
        "Fixed": Claim("timeout", 60),
        "Default": Claim("timeout", 300),
        "Endless": Claim(None, 2),
        "Silent": Claim(None, 2),
    }
    short, long = (attacks(timeout_s, "shared")[0].scenario for timeout_s in (2, 60))
    assert long.duration_s == 30 * short.duration_s
    assert long.reads_per_s == short.reads_per_s / 30
