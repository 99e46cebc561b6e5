"""docs/command-line.md: its durations, formats, exit codes and its message are those of the command line."""

import shlex

import pytest

from cachewise.sim.command import exit_codes
from cachewise.sim.command.choose import choose_settings, choose_timeout
from cachewise.sim.command.options import Format
from cachewise.sim.errors import UserError
from cachewise.sim.sweep.axes import parse_vary
from cachewise.sim.world.durations import UNITS, seconds
from tests.docs.pages import PAGES, code, prose, table

PAGE = PAGES["docs/command-line.md"]


def test_the_durations_are_as_many_seconds() -> None:
    """Every row says what is meant; every unit is on the page."""
    rows = table(PAGE, "write")
    assert all(seconds("here", code(text)[0]) == float(meaning) for text, meaning in rows)
    shown = " ".join(text for text, _ in rows) + PAGE
    assert all(unit in shown for unit in UNITS if unit != "μs")


def test_the_examples_are_durations_where_they_stand() -> None:
    """What is set, varied or a timeout is taken."""
    taken = 0
    for _, examples in table(PAGE, "where"):
        for option, value in map(shlex.split, code(examples)):
            takers = {"--set": lambda text: choose_settings([text]), "--vary": parse_vary, "--timeout": choose_timeout}
            if option in takers:
                takers[option](value)
                taken += 1
    assert taken >= 6


def test_the_message_is_the_one_that_comes() -> None:
    with pytest.raises(UserError) as refused:
        choose_timeout("10 mins")
    assert f"cachewise: {refused.value}" in PAGE


def test_formats_and_exit_codes_are_all() -> None:
    codes = {int(number) for number, _ in table(PAGE, "code")}
    assert codes == {0, *(getattr(exit_codes, name) for name in ("FAILED", "BAD_INPUT", "INTERRUPTED", "BROKEN_PIPE"))}
    assert {*Format} <= {*code(prose(PAGE))}
