"""docs/own-app.md says what is so: its table of arguments, its experiment, and what the shop's command finds."""

import inspect
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cachewise import App, Scenario
from cachewise.sim.app.description import Contender, Description, Function
from cachewise.sim.command.choose import app_files
from tests.docs.pages import PAGES, blocks, commands, succeed, table
from tests.helpers import SERVERS
from tests.sim.app.playing import Play

TEXT = PAGES["docs/own-app.md"]


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


@pytest.mark.proof
def test_the_shops_table_is_what_the_command_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the table on the shop, run at its full length: the columns of the project as it is, and of no cache."""
    monkeypatch.chdir(tmp_path)
    command = next(one for one in commands(TEXT) if "shop_app" in one)
    succeed(*command, "--variant", "as it is")
    found = pd.read_csv("out/shop/functions.csv").groupby(["function", "variant"])
    means = found[["stale_ratio", "statements_per_read", "never_true_ratio"]].mean()
    for function, as_it_is, *_, no_cache in table(TEXT, "read function"):
        for variant, cell in (("as it is", as_it_is), ("no cache", no_cache)):
            figures = means.loc[(function, variant)]
            assert cell == f"{figures['stale_ratio']:.1%}, {figures['statements_per_read']:.2f}", (function, variant)
    assert f"In {means.loc[('product_page', 'as it is'), 'never_true_ratio']:.1%} of the reads" in TEXT
