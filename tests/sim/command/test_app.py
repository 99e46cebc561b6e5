"""`cachewise run` with the file of an own app: its options, and what is said before and after the runs."""

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.helpers import cli, cli_each, refused
from tests.projects import EXPERIMENT, write_project

if TYPE_CHECKING:
    import subprocess

SCENARIO = 'from cachewise import Scenario\n\nSCENARIO = Scenario("mine")\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the folder of a project with an experiment."""
    return write_project(tmp_path / "project").parent


def test_options_that_an_app_does_not_take(project: Path) -> None:
    """Each is refused in one line before anything starts, with what to write instead."""
    said = {
        "--strategy ttl-only": "FILE takes no --strategy: the contenders of an own app are its variants: --variant",
        "--timeout 60": "FILE takes no --timeout: an own app has variants: APP.variant('60 s', timeouts={'*': 60})",
        "--trace log.csv": "FILE takes no --trace: the functions of an own app make its traffic",
        "--settings shop.settings": "FILE takes no --settings: an own app runs on the kinds of its own CACHES",
        "--set keys=5": "--set keys=5: keys is not used for an app of your own: set args= of each function",
        "--set worker=5": "unknown scenario field 'worker'; did you mean 'workers'?",
        "--database mysql": "--database mysql: it must be sqlite or postgres",
        "--backend redsi": "unknown backend 'redsi'; did you mean 'redis'?",
        "--seed 1 --seeds 2": "--seed and --seeds exclude each other",
    }
    commands = [["run", "./cache_experiment.py", *typed.split()] for typed in said]
    for done, line in zip(cli_each(*commands, cwd=project), said.values(), strict=True):
        assert f"cachewise: {line.replace('FILE', './cache_experiment.py')}" in refused(done)


def test_options_that_a_scenario_does_not_take(tmp_path: Path) -> None:
    """The line says what they go with."""
    (tmp_path / "mine.py").write_text(SCENARIO)
    options = (["--variant", "x"], ["--database", "sqlite"], ["--refill"])
    for done in cli_each(*(["run", "./mine.py", *typed] for typed in options), cwd=tmp_path):
        option = done.args[2]
        line = f"cachewise: ./mine.py takes no {option}: it goes with the file of an own app, which has APP"
        assert refused(done) == line


def test_other_verbs_refuse_an_app(project: Path) -> None:
    """They say which verb runs it, and run nothing of the file."""
    for done in cli_each(*([verb, "./cache_experiment.py"] for verb in ("verify", "bench")), cwd=project):
        line = refused(done)
        assert line.endswith("it is an experiment of an own app, which runs with: cachewise run ./cache_experiment.py")


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


VARIANTS = """


@APP.variant("touches nothing")
def touches_nothing(): ...


@APP.variant("crashes")
def crashes():
    import os

    print("out of order", flush=True)
    os._exit(3)


@APP.variant("raises")
def raises():
    raise LookupError("no such view")
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a project with variants; what is filled is kept in it."""
    folder = tmp_path_factory.mktemp("shop")
    return write_project(folder, experiment=dedent(EXPERIMENT) + VARIANTS, files={"secret.txt": "moved aside"}).parent


def run(shop: Path, *typed: str) -> "subprocess.CompletedProcess[str]":
    """Run the shop's experiment, with a short warm-up."""
    typed = (*typed, "--set", "warmup_s=1")
    return cli("run", "./cache_experiment.py", *typed, cwd=shop, env={"XDG_CACHE_HOME": str(shop / "kept")})


def test_an_unknown_variant(shop: Path) -> None:
    """The nearest one is named, once the scout knows them."""
    line = refused(run(shop, "--variant", "no cash"))
    assert line == "cachewise: unknown variant 'no cash'; did you mean 'no cache'?"


def test_what_comes_out(shop: Path) -> None:
    """Tables and the answer on standard output, all else beside it, and the page with its tables in the folder."""
    typed = ("--variant", "touches nothing", "--database", "sqlite", "--out", "out/shop", "--duration", "10")
    done = run(shop, *typed)
    assert done.returncode == 0, done.stderr
    for said in ("as it is", "no cache", "product_page", "shop/views.py:12", "'touches nothing' changed nothing"):
        assert said in done.stdout
    assert "\n3 variants x 1 seed x 231 requests\n" in done.stderr
    assert "write change_price     302      0           2            1        1" in done.stderr.splitlines()
    assert done.stderr.splitlines()[-1] == "page: out/shop/report.html"
    assert {"report.html", "summary.csv", "functions.csv"} <= {one.name for one in (shop / "out" / "shop").iterdir()}
    assert "chosen with --database" in (shop / "out" / "shop" / "report.html").read_text()
    assert not (shop / "live.sqlite3").exists()


def test_the_same_again_is_the_same_to_the_byte(shop: Path) -> None:
    """Whether what is filled was kept or not."""
    first, second = (
        run(shop, "--variant", "no cache", "--format", "csv", "--duration", "5", *more) for more in ([], ["--refill"])
    )
    assert first.returncode == second.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert "databases: filled by an earlier command" not in second.stderr


ODD = """


@APP.read(per_s=1)
def moved(client):
    return client.get("/profile/")


@APP.read(per_s=1)
def clock(client):
    import time

    return time.time()


@APP.write(per_s=1)
def idle(client):
    return client.get("/product/1/")


@APP.read(per_s=1)
def raising(client):
    raise LookupError("gone")
"""


def test_what_cannot_be_judged(tmp_path: Path) -> None:
    """It is refused before any run, all in one list, below what each function did."""
    folder = write_project(tmp_path, experiment=dedent(EXPERIMENT) + ODD).parent
    done = cli("run", "./cache_experiment.py", cwd=folder, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    table, refusals = done.stderr.splitlines()[:7], done.stderr.splitlines()[7:]
    assert table[0].split() == ["function", "status", "bytes", "statements", "cache", "calls", "commits"]
    assert table[1].split() == ["read", "product_page", "200", "5", "1", "2", "0"]
    assert [line.split(": ")[1] for line in refusals] == ["read moved", "read clock", "read raising", "write idle"]
    for line, said in zip(refusals, ("expect=302", "depends on the clock", "LookupError", "commits no"), strict=True):
        assert line.startswith("cachewise: ")
        assert said in line


def test_a_crash_of_one_variant(shop: Path) -> None:
    """Its line comes last, and the exit code says that something went wrong; the others are in the tables."""
    done = run(shop, "--variant", "crashes", "--duration", "5")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "cachewise: crashes, seed 1: its process ended itself with exit code 3; the last line that it printed: "
        "out of order"
    )
    assert "no cache" in done.stdout
    assert "crashes" not in done.stdout


def test_what_a_variant_raises(shop: Path) -> None:
    """It ends all of it: one line that says which run, and where."""
    done = run(shop, "--variant", "raises", "--duration", "5", "--seeds", "2")
    line = done.stderr.splitlines()[-1]
    assert (done.returncode, done.stdout) == (2, "")
    assert line.startswith("cachewise: raises, seed 1: cache_experiment.py, line ")
    assert line.endswith(": LookupError: no such view")


def test_a_first_experiment_runs(tmp_path: Path) -> None:
    """What `init --app` writes runs, once what it has guessed wrongly is gone: a page for those who are logged in."""
    folder = write_project(tmp_path, experiment="").parent
    assert cli("init", "--app", "shop.settings", "first.py", cwd=folder).returncode == 0
    text = (folder / "first.py").read_text()
    before, _, after = text.partition('    return client.get(reverse("profile"))')
    assert after
    (folder / "first.py").write_text(f'{before}    return client.get("/product/1/"){after}')
    kept = {"XDG_CACHE_HOME": str(tmp_path)}
    done = cli("run", "./first.py", "--duration", "2", "--set", "warmup_s=1", cwd=folder, env=kept)
    assert done.returncode == 0, done.stderr
    assert "product" in done.stdout


USER = """
    from django.contrib.auth.models import User

    User.objects.create_user("somebody")
"""
MEMBERS = (
    dedent(EXPERIMENT)
    + """

@APP.read(per_s=1, users=1)
def member(client, user):
    return client.get("/product/1/")
"""
)


def test_sessions_that_cannot_be_kept(tmp_path: Path) -> None:
    """One line before any run, which names the setting; nothing has begun."""
    experiment = MEMBERS.replace("def fill():\n", f"def fill():{USER}")
    settings = '    SESSION_ENGINE = "django.contrib.sessions.backends.cache"\n'
    folder = write_project(tmp_path, settings=settings, experiment=experiment).parent
    typed = ("run", "./cache_experiment.py", "--backend", "locmem", "--backend", "dummy")
    line = refused(cli(*typed, cwd=folder, env={"XDG_CACHE_HOME": str(tmp_path)}))
    assert line.startswith(
        "cachewise: as it is on dummy: SESSION_ENGINE 'django.contrib.sessions.backends.cache' keeps"
    )
