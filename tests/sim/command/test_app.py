"""`cachewise run` with the file of an own app: its options, and what is said before and after the runs."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.helpers import cli, refused
from tests.projects import EXPERIMENT, write_project

SCENARIO = 'from cachewise import Scenario\n\nSCENARIO = Scenario("mine")\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project with an experiment."""
    return write_project(tmp_path / "project").parent


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("--strategy ttl-only", "FILE takes no --strategy: the contenders of an own app are its variants: --variant"),
        ("--timeout 60", "FILE takes no --timeout: an own app has variants: APP.variant('60 s', timeouts={'*': 60})"),
        ("--trace log.csv", "FILE takes no --trace: the functions of an own app make its traffic"),
        ("--settings shop.settings", "FILE takes no --settings: an own app runs on the kinds of its own CACHES"),
        ("--set keys=5", "--set keys=5: keys means nothing to an own app: args= says what a function is called with"),
        ("--set worker=5", "unknown scenario field 'worker'; did you mean 'workers'?"),
        ("--database mysql", "--database mysql: it must be sqlite or postgres"),
        ("--backend redsi", "unknown backend 'redsi'; did you mean 'redis'?"),
        ("--seed 1 --seeds 2", "--seed and --seeds exclude each other"),
    ],
)
def test_options_that_an_app_does_not_take(project: Path, typed: str, line: str) -> None:
    """Each is refused in one line before anything starts, with what to write instead."""
    line = line.replace("FILE", "./cache_experiment.py")
    assert f"cachewise: {line}" in refused(cli("run", "./cache_experiment.py", *typed.split(), cwd=project))


@pytest.mark.parametrize("typed", ["--variant x", "--database sqlite", "--refill"])
def test_options_that_a_scenario_does_not_take(tmp_path: Path, typed: str) -> None:
    """The line says what they go with."""
    (tmp_path / "mine.py").write_text(SCENARIO)
    option = typed.split(maxsplit=1)[0]
    line = refused(cli("run", "./mine.py", *typed.split(), cwd=tmp_path))
    assert line == f"cachewise: ./mine.py takes no {option}: it goes with the file of an own app, which has APP"


@pytest.mark.parametrize("verb", ["verify", "bench"])
def test_other_verbs_refuse_an_app(project: Path, verb: str) -> None:
    """They say which verb runs it, and run nothing of the file."""
    line = refused(cli(verb, "./cache_experiment.py", cwd=project))
    assert line.endswith("it is an experiment of an own app, which runs with: cachewise run ./cache_experiment.py")


def test_an_unknown_variant(project: Path) -> None:
    """The nearest one is named, once the scout knows them."""
    done = cli(
        "run", "./cache_experiment.py", "--variant", "no cash", cwd=project, env={"XDG_CACHE_HOME": str(project)}
    )
    assert refused(done) == "cachewise: unknown variant 'no cash'; did you mean 'no cache'?"


def test_frames_of_what_a_project_raises(project: Path) -> None:
    """With --traceback they come before the line; without it the line is all."""
    file = project / "cache_experiment.py"
    file.write_text(dedent(EXPERIMENT).replace("def fill():\n", "def fill():\n    1 / 0\n"))
    environment = {"XDG_CACHE_HOME": str(project)}
    line = refused(cli("run", "./cache_experiment.py", cwd=project, env=environment))
    assert line.startswith("cachewise: cache_experiment.py, line 15: ZeroDivisionError: division by zero")
    done = cli("run", "./cache_experiment.py", "--traceback", cwd=project, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert done.stderr.splitlines()[-1] == line
