"""Names of strategies of one's own: none is taken for another."""

from cachewise import FromFunctions
from cachewise.sim.experiment import strategy_label, strategy_spec
from cachewise.sim.own.homes import Home, give_home, home_of, short_name
from cachewise.strategies import TtlOnly


class One(TtlOnly):
    """A strategy."""

    name = "a-name-of-two"


class Other(One):
    """Another one of the same name."""


def test_who_has_no_home_has_its_name() -> None:
    """Those of cachewise, and those that Python code hands over."""
    assert home_of(TtlOnly()) is None
    assert strategy_spec(TtlOnly(3)) == strategy_label(TtlOnly(3)) == "ttl-only:timeout=3"


def test_equal_names_are_told_apart() -> None:
    """As soon as there are two of them, whichever came first; with its parameters behind it."""
    give_home(One, Home("a.py:One", "a.py", "One", "a-name-of-two"))
    assert strategy_label(One()) == "a-name-of-two"
    give_home(Other, Home("b.py:Other", "b.py", "Other", "a-name-of-two"))
    assert strategy_label(One(5)) == "One (a.py):timeout=5"
    assert strategy_label(Other()) == "Other (b.py)"
    assert strategy_spec(Other(5)) == "b.py:Other:timeout=5"


def test_functions_have_homes_each() -> None:
    """They share a class."""
    first, second = (FromFunctions(TtlOnly().read, TtlOnly().write) for _ in range(2))
    give_home(first, Home("c.py:FIRST", "c.py", "FIRST", "the-first", taken=True))
    assert short_name(first) == "FIRST (c.py)"
    assert home_of(second) is None
