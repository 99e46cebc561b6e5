"""A file of an own app is known for one without being run, and what comes first is read out of its text."""

from pathlib import Path

import pytest

from cachewise import UserError
from cachewise.sim.app.found import Experiment, experiment_at

JUNE_S = 1_748_736_000.0  # 2025-06-01


def found(tmp_path: Path, text: str) -> Experiment | None:
    """Return what is found in a file with this text, which must not be run."""
    file = tmp_path / "experiment.py"
    file.write_text(f"{text}\nraise SystemExit('it was run')\n")
    return experiment_at(str(file))


@pytest.mark.parametrize(
    "text",
    [
        'APP = App("shop.settings", env={"A": "b"}, start="2025-06-01")',
        'APP = cachewise.App("shop.settings", start="2025-06-01", env={"A": "b"}, fill=make_fixtures())',
        'APP: App = App(settings="shop.settings", env={"A": "b"}, start="2025-06-01T02:00+02:00")',
    ],
)
def test_the_first_things_of_an_app(tmp_path: Path, text: str) -> None:
    """Its settings, environment and start are there, whatever else its call says."""
    experiment = found(tmp_path, text)
    assert experiment is not None
    assert (experiment.settings, experiment.env, experiment.start_s) == ("shop.settings", {"A": "b"}, JUNE_S)
    assert experiment.path == (tmp_path / "experiment.py").resolve()
    assert text.encode() in experiment.text


@pytest.mark.parametrize(
    "text",
    [
        'SCENARIO = Scenario("shop")',
        'APP = Flask("shop")',
        'APP = "shop.settings"',
        'def f():\n    APP = App("shop.settings")',
        "APP = App(",
    ],
)
def test_other_files_are_no_apps(tmp_path: Path, text: str) -> None:
    """A scenario is none, nor another thing called APP, nor one in a function, nor a file that does not compile."""
    assert found(tmp_path, text) is None


def test_a_name_or_no_file_is_no_app(tmp_path: Path) -> None:
    """What is no Python file is left to others, with their own lines."""
    assert experiment_at("product_list") is None
    assert experiment_at(str(tmp_path / "missing.py")) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("APP = App(SETTINGS)", r"App(settings=SETTINGS): it is read before the file is imported"),
        ('APP = App("shop.settings", env=os.environ)', "App(env=os.environ): it is read before the file is imported"),
        ('app = App("shop.settings")', "the variable of App(...) is app; call it APP"),
        ('APP = App("shop.settings", envv={})', "App(envv=...): unknown argument 'envv'; did you mean 'env'?"),
        ("APP = App()", "App(...) takes a settings module first, such as 'shop.settings'"),
        ('APP = App("shop.settings", **MORE)', "App(**MORE): write its arguments out one by one"),
        ('APP = App("shop/settings.py")', "App('shop/settings.py'): it takes a settings module first"),
        ('APP = App("shop.settings", env={"A": 1})', "App(env={'A': 1}): it must be a mapping of text to text"),
        ('APP = App("shop.settings", start=date(2025, 6, 1))', "App(start=date(2025, 6, 1)): it is read before"),
        ('APP = App("shop.settings", start="June")', "App(start='June'): it must be a date or a time"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    """The line names the file, the line in it, and what to write."""
    with pytest.raises(UserError) as refused:
        found(tmp_path, f"\n{text}")
    assert f"{tmp_path.name}/experiment.py, line 2: {line}" in str(refused.value)
    assert "\n" not in str(refused.value)
