"""docs/own-app.md says what is so: its table of arguments, and its experiment, which a scout describes."""

import inspect
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cachewise import App, Scenario
from cachewise.sim.app.description import Contender, Description, Function
from cachewise.sim.command.choose import app_files
from tests.helpers import ROOT, SERVERS
from tests.sim.app.playing import Play
from tests.test_readme import blocks

TEXT = (ROOT / "docs" / "own-app.md").read_text(encoding="utf-8")


def parameters(func: Any) -> set[str]:
    """Return the names of the arguments that are given by name."""
    found = inspect.signature(func).parameters.values()
    return {one.name for one in found if one.kind is inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    ("said", "func"),
    [
        ("@APP.read", App.read),
        ("@APP.write", App.write),
        ("@APP.journey", App.journey),
        ("APP.variant", App.variant),
    ],
)
def test_the_table_names_every_argument(said: str, func: Any) -> None:
    """Each row has all that can be given, and nothing else."""
    (row,) = [line for line in TEXT.splitlines() if line.startswith("| `") and f"`{said}(" in line]
    assert set(re.findall(r"(\w+)=", row.split(" | ")[0])) == parameters(func)


def test_the_fields_of_a_scenario_are_fields() -> None:
    """What the table says of Scenario(...) is what there is."""
    named = {name for row in re.findall(r"`Scenario\(\.\.\., (.*?)\)`", TEXT) for name in re.findall(r"(\w+)=", row)}
    assert {"duration_s", "workers", "db_read_s"} < named
    assert named <= set(inspect.signature(Scenario).parameters)


def described(tmp_path: Path, experiment: str) -> Description:
    """Return what a scout takes *experiment* for, beside the manage.py of the shop that ships."""
    project = tmp_path / "project"
    shutil.copytree(app_files()["shop_app"].parent, project)
    file = project / "cache_experiment.py"
    file.write_text(experiment)
    with SERVERS.folder() as rows:
        return Play(file, SERVERS, rows).description


@pytest.mark.servers
def test_the_experiment_is_one(tmp_path: Path) -> None:
    """The first example is what it says; a variant whose package is not there is left out, with a line."""
    more = 'APP.variant("more", needs="no-such-package", timeouts={"*": 1})\n'
    found = described(tmp_path, blocks(TEXT, "python")[0] + more)
    assert found.refusals == ()
    assert "variant 'more' is left out: pip install no-such-package" in found.notes
    assert found.functions == (
        Function("read", "product_page", 50.0, arguments=100),
        Function("write", "change_price", 0.5, arguments=100),
    )
    named = (Contender("as it is"), Contender("60 s", ("timeouts",)), Contender("no cache"))
    assert tuple(replace(one, sessions=None) for one in found.variants) == named
