"""The vocabulary: what a Scenario accepts, coerces and refuses, each refusal in one line."""

import dataclasses
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachewise import Scenario, StrategyError, UserError, run
from cachewise.sim.world.scenario import DEFAULTS, MEANINGS
from cachewise.strategies import NoCache, TtlOnly
from tests.helpers import Custom
from tests.sim.world.texts import SPEC


def test_it_is_frozen_and_keyword_only() -> None:
    """Nothing can be changed in place, and only the name is positional."""
    scenario = Scenario("s")
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.keys = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        Scenario("s", "why")  # type: ignore[misc]
    assert Scenario("s") == scenario
    assert len({Scenario("s"), scenario}) == 1


def test_every_field_says_what_it_means() -> None:
    """Each knob carries its one-line meaning, which the command line and the page show."""
    assert all(MEANINGS[name] for name in DEFAULTS)


def test_harmless_values_are_coerced() -> None:
    """An int for a float and a whole float for a count are taken for what they mean."""
    scenario = Scenario("s", reads_per_s=5, keys=10.0, duration_s=Fraction(1, 2))
    assert (scenario.reads_per_s, scenario.keys, scenario.duration_s) == (5.0, 10, 0.5)
    assert isinstance(scenario.keys, int)


def test_settings_as_typed() -> None:
    """`with_settings` reads texts as the fields' types, with none for no limit and auto for each backend's own."""
    changed = Scenario("s", max_entries=5).with_settings(
        {"keys": "7", "reads_per_s": "2.5", "max_entries": "None", "workers": "3", "db_read_s": "exponential:1"}
    )
    expected = Scenario("s", keys=7, reads_per_s=2.5, max_entries=None, workers=3, db_read_s="exponential:1")
    assert changed == expected
    assert changed.with_settings({"max_entries": "Auto"}).max_entries == "auto" == Scenario("s").max_entries
    assert changed.with_settings({"max_entries": "5000"}).max_entries == 5000


BAD: list[tuple[dict[str, Any], str]] = [
    ({"keys": 0}, "Scenario 's': keys=0 must lie between 1 and 50,000,000"),
    ({"keys": 10**400}, "must lie between 1 and 50,000,000"),
    ({"keys": 2.5}, "Scenario 's': keys=2.5 must be a whole number"),
    ({"keys": float("nan")}, "Scenario 's': keys=nan must be a whole number"),
    ({"keys": float("inf")}, "Scenario 's': keys=inf must be a whole number"),
    ({"keys": True}, "Scenario 's': keys=True must be a whole number"),
    ({"keys": None}, "Scenario 's': keys=None must be a whole number"),
    ({"keys": "7"}, "Scenario 's': keys='7' must be a whole number"),
    ({"workers": 5000}, "Scenario 's': workers=5000 must lie between 1 and 4,096"),
    ({"max_entries": "some"}, "Scenario 's': max_entries=some must be a whole number, 'auto' or None"),
    ({"workers": 1.5}, "Scenario 's': workers=1.5 must be a whole number or None"),
    ({"max_entries": 0}, "Scenario 's': max_entries=0 must lie between 1 and 1,000,000,000"),
    ({"reads_per_s": -1}, "Scenario 's': reads_per_s=-1 must not be negative"),
    ({"reads_per_s": float("nan")}, "Scenario 's': reads_per_s: nan is not a finite number"),
    ({"reads_per_s": "many"}, "Scenario 's': reads_per_s: 'many' is not a number"),
    ({"reads_per_s": 10**400}, "is not a number"),
    ({"writes_per_s": 1e10}, "Scenario 's': writes_per_s=10000000000 must be at most 1,000,000,000"),
    ({"reads_per_s": 0, "writes_per_s": 0}, "there is no traffic at all"),
    ({"rollback_ratio": 1.5}, "Scenario 's': rollback_ratio=1.5 must be at most 1"),
    ({"rollback_ratio": -0.1}, "Scenario 's': rollback_ratio=-0.1 must not be negative"),
    ({"duration_s": 0}, "Scenario 's': duration_s=0 must be above 0"),
    ({"warmup_s": "5M"}, "Scenario 's': warmup_s: '5M' is not a duration; write 5m"),
    ({"warmup_s": "-5s"}, "Scenario 's': warmup_s=-5s must not be negative"),
    ({"reads_per_s": "5m"}, "Scenario 's': reads_per_s: '5m' is not a number"),
    ({"warmup_s": -5}, "Scenario 's': warmup_s=-5 must not be negative"),
    ({"read_popularity": 5}, "Scenario 's': read_popularity=5 must be text"),
    ({"read_popularity": "same"}, "read_popularity='same' only makes sense for write_popularity"),
    ({"db_read_s": "auto"}, "db_read_s: 'auto' is not a duration; write seconds, or such as 250ms"),
    ({"arrivals": "flash:5:60:9", "duration_s": 60}, "arrivals=flash:5:60:9 comes after duration_s=60"),
    ({"max_entries": None, "cull_frequency": 2}, "Scenario 's': cull_frequency=2 needs max_entries"),
    ({"trace_speed": 2}, "Scenario 's': trace_speed=2 needs a trace"),
    ({"trace": "t.csv", "keys": 7}, "Scenario 's': keys=7 comes from the trace; leave it out"),
    ({"trace": "t.csv", "arrivals": "daily:0:9"}, "arrivals=daily:0:9 comes from the trace; leave it out"),
]


@pytest.mark.parametrize(("fields", "message"), BAD, ids=lambda value: str(value)[:40])
def test_refusals(fields: dict[str, Any], message: str) -> None:
    """Each message is one line that names the field, the value and the limit."""
    with pytest.raises(UserError) as caught:
        Scenario("s", **fields)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "  ", None, 5])
def test_a_scenario_needs_a_name(name: Any) -> None:
    """An empty or missing name is refused."""
    with pytest.raises(UserError, match=r"^a scenario needs a name$"):
        Scenario(name)


def test_unknown_settings_name_the_nearest() -> None:
    """A misspelt field is answered with the one that was meant."""
    with pytest.raises(UserError, match=r"^unknown scenario field 'read_per_s'; did you mean 'reads_per_s'\?$"):
        Scenario("s").with_settings({"read_per_s": "5"})


@settings(max_examples=1700)
@given(st.dictionaries(st.one_of(st.sampled_from(sorted(DEFAULTS)), st.text(max_size=5)), SPEC, max_size=3))
def test_any_settings(texts: dict[str, str]) -> None:
    """Any fields and texts are a scenario, which keeps its own invariants, or one line."""
    try:
        scenario = Scenario("s").with_settings(texts)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017 (there may be no error at all)
    else:
        assert scenario.end_s >= scenario.duration_s > 0
        assert scenario.with_settings({}) == scenario


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("product_list", NoCache()), "run() takes a cachewise.Scenario first, not str"),
        ((Scenario("s"), NoCache), "run() takes a strategy such as TtlOnly(timeout=60) second, not <class"),
        ((Scenario("s"), "ttl-only"), "run() takes a strategy such as TtlOnly(timeout=60) second, not 'ttl-only'"),
        (
            (Scenario("s"), TtlOnly(timeout=-1)),
            "TtlOnly: timeout=-1 must be seconds, 0 to 1e+11, or None",
        ),
        ((Scenario("s"), TtlOnly(timeout=float("nan"))), "TtlOnly: timeout=nan must be seconds"),
    ],
    ids=str,
)
def test_what_run_refuses(arguments: tuple[Any, Any], message: str) -> None:
    """The wrong kind of argument is one line that says what belongs there."""
    with pytest.raises(UserError) as caught:
        run(*arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "1"])
def test_bad_seeds(seed: Any) -> None:
    """A seed is a whole number."""
    with pytest.raises(UserError, match=r"must be a whole number, 0 or more$"):
        run(Scenario("s"), NoCache(), seed=seed)


@pytest.mark.parametrize("returned", [None, 5, "row", (1, 2)])
def test_a_read_returns_a_row(returned: Any) -> None:
    """A strategy whose read returns something else is told so by its name, at its first read."""
    with pytest.raises(StrategyError, match=r"^Custom\.read\(\) must return the Row it got"):
        run(Scenario("s"), Custom(lambda _site, _key: returned))
