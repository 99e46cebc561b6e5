"""The plan of an own app: which variants, in which order, what it takes, and the sample that is the default."""

from dataclasses import replace
from typing import Any

import pytest

from cachewise import Scenario, UserError
from cachewise.sim.app.choice import require_meaning
from cachewise.sim.app.cost import Cost, requests_of, short_of
from cachewise.sim.app.description import Contender, Description, Function, SessionCache
from cachewise.sim.application import AS_IT_IS, NO_CACHE
from cachewise.sim.command.app_plan import SAMPLE_S, AppPlan, make_app_plan
from cachewise.sim.command.progress import in_words

VARIANTS = tuple(Contender(name) for name in (AS_IT_IS, "60 s", "on commit", NO_CACHE))


def description(scenario: Scenario) -> Description:
    """Return what a scout might tell: 49 reads a second and one write."""
    functions = (Function("read", "page", 49.0, arguments=10), Function("write", "change", 1.0))
    return Description(scenario, functions, VARIANTS, {"default": "x"}, "sqlite", {})


def plan(told: Description, **typed: Any) -> AppPlan:
    """Return the plan of all variants on one backend for one seed, but for what is typed."""
    return make_app_plan(told, **{"names": (), "backends": (), "seeds": [1], "settings": {}, "jobs": 1, **typed})


def test_the_order_of_starting() -> None:
    """The project as it is comes first, then each variant once, so that a mistake in one ends all early."""
    made = plan(description(Scenario("shop")), backends=["redis", "locmem", "redis"], seeds=[1, 2])
    runs = [(one.name, backend, seed) for one, backend, seed in made.runs()]
    names = [one.name for one in VARIANTS]
    assert runs == [(name, backend, seed) for seed in (1, 2) for backend in ("redis", "locmem") for name in names]


def test_chosen_variants() -> None:
    """Two are always there; of an unknown one the nearest is named."""
    made = plan(description(Scenario("shop")), names=["on commit"])
    assert [one.name for one in made.variants] == [AS_IT_IS, "on commit", NO_CACHE]
    assert [one.name for one in plan(description(Scenario("shop")), names=[NO_CACHE]).variants] == [AS_IT_IS, NO_CACHE]
    with pytest.raises(UserError, match="unknown variant 'on comit'; did you mean 'on commit'"):
        plan(description(Scenario("shop")), names=["on comit"])


def test_sessions_in_a_cache_that_keeps_nothing() -> None:
    """They are refused where anybody logs in: on dummy, or with a variant that is chosen; not if they are elsewhere."""
    engine, users = "django.contrib.sessions.backends.cache", Function("journey", "edit", 1.0, users=3)
    told = description(Scenario("shop"))
    here = tuple(Contender(one.name, sessions=SessionCache(engine, "default")) for one in VARIANTS)
    loggedin = replace(told, functions=(*told.functions, users), variants=here)
    with pytest.raises(UserError, match=r"as it is on dummy: SESSION_ENGINE 'django.*cache' keeps sessions in CACHES"):
        plan(loggedin, backends=["locmem", "dummy"])
    assert plan(loggedin, backends=["locmem"]).count == 4
    assert plan(replace(loggedin, functions=told.functions), backends=["dummy"]).count == 4
    apart = tuple(replace(one, sessions=SessionCache(engine, "logins")) for one in here)
    assert plan(replace(loggedin, variants=apart), backends=["dummy"]).count == 4
    off = tuple(replace(one, sessions=SessionCache(engine, "default", keeps=one.name != "60 s")) for one in here)
    assert plan(replace(loggedin, variants=off), names=["on commit"]).count == 3
    with pytest.raises(UserError, match=r"^60 s: SESSION_ENGINE"):
        plan(replace(loggedin, variants=off))


def test_the_whole_is_run_where_it_is_short() -> None:
    """Nothing is cut, and the line says how long it takes; of a few requests it only says how many."""
    made = plan(description(Scenario("shop", duration_s=80, warmup_s=20)))
    assert made.is_long
    made = made.sampled(Cost(1.0, 0.008), whole=False)
    assert made.scenario == made.whole
    assert made.said() == ["4 variants x 1 seed x 5,000 requests at 8 ms: about 3 min"]
    few = plan(description(Scenario("shop", duration_s=10, warmup_s=2)), backends=["redis", "locmem"], names=["60 s"])
    assert not few.is_long
    assert few.said() == ["3 variants x 2 backends x 1 seed x 600 requests"]


def test_a_long_one_becomes_a_sample() -> None:
    """It takes three minutes at most, its set-up included, and the line says how to run the whole."""
    scenario = Scenario("shop", duration_s=240, warmup_s=60)
    made = plan(description(scenario), seeds=range(1, 6)).sampled(Cost(2.0, 0.008), whole=False)
    assert 150 < made.expected_s(made.scenario) <= SAMPLE_S
    assert made.expected_s(scenario) == pytest.approx(20 * (2 + 15_000 * 0.008))
    first, second = made.said()
    assert first == f"4 variants x 5 seeds x {made.requests(made.scenario):,} requests at 8 ms: about 3 min"
    assert second == (
        f"this is a sample of {made.scenario.duration_s:g} s after {made.scenario.warmup_s:g} s of warm-up; "
        "--duration 240 runs the whole, in about 41 min"
    )
    assert made.scenario.warmup_s / made.scenario.duration_s == pytest.approx(0.25, rel=0.1)


def test_a_time_that_was_typed_is_kept() -> None:
    """Where the whole was asked for, nothing is cut; several at once take less time."""
    made = plan(description(Scenario("shop", duration_s=3_000, warmup_s=60)), settings={"duration_s": "6000"})
    asked = made.sampled(Cost(2.0, 0.008), whole=True)
    assert asked.scenario == asked.whole == Scenario("shop", duration_s=6_000, warmup_s=60)
    longer = plan(description(asked.whole), jobs=2).sampled(Cost(2.0, 0.008), whole=False)
    assert longer.scenario.duration_s > made.sampled(Cost(2.0, 0.008), whole=False).scenario.duration_s


def test_a_set_up_that_takes_longer_than_a_sample() -> None:
    """A hundredth of the traffic is in it all the same."""
    made = plan(description(Scenario("shop", duration_s=240, warmup_s=60))).sampled(Cost(60.0, 0.008), whole=False)
    assert (made.scenario.duration_s, made.scenario.warmup_s) == (2.4, 0.6)


def test_an_event_after_the_end() -> None:
    """It is left out, and said."""
    told = description(Scenario("shop", duration_s=80, warmup_s=20))
    told = replace(told, functions=(*told.functions, Function("at", "deploy", at_s=60.0)))
    assert len(plan(told).said()) == 1
    assert plan(told, settings={"duration_s": "30"}).said()[1:] == [
        "deploy is left out: it comes at 60 s, and a run ends at 50 s"
    ]


def test_short_runs_show_the_cost() -> None:
    """They have about so many requests, whatever the arrivals and the warm-up."""
    scenario = Scenario("shop", duration_s=240, warmup_s=60, arrivals="flash:10:100:5")
    assert requests_of(short_of(scenario, 200, 50.0), 50.0) == 200


@pytest.mark.parametrize("name", ["keys", "reads_per_s", "read_popularity", "value_bytes", "max_entries", "trace"])
def test_what_means_nothing_to_an_app(name: str) -> None:
    """A field that its functions or settings stand for is refused, in the file and on the command line."""
    with pytest.raises(UserError, match=f"^--set x: {name} is not used for an app of your own: "):
        require_meaning(name, "--set x")


def test_what_means_nothing_in_the_file() -> None:
    """The line names the scenario."""
    with pytest.raises(UserError, match="SCENARIO 'shop': keys is not used for an app of your own: set args="):
        plan(description(Scenario("shop", keys=5)))
    require_meaning("workers", "--set workers=2")


def test_times_as_people_say_them() -> None:
    """Seconds, then minutes, then hours."""
    assert [in_words(value) for value in (0.2, 42.4, 89, 91, 2_400, 5_000, 9_000)] == [
        *("1 s", "42 s", "89 s", "2 min", "40 min", "83 min", "2.5 h")
    ]
