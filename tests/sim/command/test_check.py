"""The verb `check`: a table of what was tried, what broke it, how to see it again, and the exit code."""

import json
import shlex
from pathlib import Path
from textwrap import dedent

import pytest

from tests.helpers import cli, cli_each, refused

WIDE = {"COLUMNS": "120"}  # pytest-xdist sets it to the 80 of no terminal, where cells are cut up
MINE = """
    from dataclasses import dataclass
    from cachewise import Costs

    @dataclass(frozen=True)
    class Mine:
        timeout: float = 60
        costs = Costs(on_hit=1, added_by_miss=1, on_write=1)
        stale_at_most = {bound!r}

        def read(self, site, key):
            row = site.cache.get(key)
            if row is None:
                row = site.db.read(key)
                site.cache.set(key, row, self.timeout)
            return row

        def write(self, site, key):
            with site.db.atomic():
                site.db.write(key)
                {broken}
                site.cache.delete(key)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a folder with a strategy in mine.py that keeps its word, and two that do not."""
    for name, bound, broken in (
        ("mine", "timeout", "pass"),
        ("never", "never", "pass"),
        ("raises", "timeout", "key.no_such_thing"),
    ):
        (tmp_path / f"{name}.py").write_text(dedent(MINE).format(bound=bound, broken=broken))
    return tmp_path


def test_what_holds(mine: Path) -> None:
    """On a shared store and on one for each worker if no backend is named; the exit code is 0."""
    done = cli("check", "./mine.py", cwd=mine, env=WIDE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "./mine.py on shared" in done.stdout
    assert "./mine.py on locmem" in done.stdout
    assert "round trips: a hit, added by a miss, a write" in done.stdout
    assert "1, 1, 1, as declared" in done.stdout
    assert "allowed: 2 s and a load of" in " ".join(done.stdout.split())
    assert "broke" not in done.stdout


def test_what_broke_and_how_to_see_it_again(mine: Path) -> None:
    """The exit code is 1, and the command that is shown gives the figures that were found."""
    done = cli("check", "./never.py:Mine", "--backend", "shared", "--format", "json", cwd=mine)
    assert done.returncode == 1
    rows = {one["tried"]: one for one in json.loads(done.stdout)}
    assert {one["backend"] for one in rows.values()} == {"shared"}
    assert {one["verdict"] for one in rows.values()} == {"held", "broke"}
    row = rows["never outdated: long transactions"]
    assert row["verdict"] == "broke"
    assert rows["round trips: a hit, added by a miss, a write"]["again"] is None
    program, *words = shlex.split(row["again"])
    again = cli(*words, "--format", "json", cwd=mine)
    assert (program, again.returncode) == ("cachewise", 0), again
    (seen,) = json.loads(again.stdout)
    assert f"the oldest {seen['stale_age_max_s']:.3g} s" in row["seen"]


def test_the_layouts(mine: Path) -> None:
    """The table names the first command, Markdown all of them."""
    table = cli("check", "./never.py", "--backend", "shared", cwd=mine)
    assert table.returncode == 1
    assert table.stdout.count("cachewise run hot_key") == 1
    assert "tried: " in table.stdout
    markdown = cli("check", "./never.py", "--backend", "shared", "--format", "markdown", cwd=mine)
    assert markdown.stdout.startswith(
        "### ./never.py on shared\n\n| what was tried | verdict | what was seen |\n| --- |"
    )
    assert markdown.stdout.count("`cachewise run hot_key") == markdown.stdout.count("| broke |") > 1


def test_their_exception_is_a_finding(mine: Path) -> None:
    """It is in one line with file and line number; their own traceback is shown where it is asked for."""
    done = cli("check", "./raises.py", "--backend", "shared", cwd=mine, env=WIDE)
    assert (done.returncode, done.stderr) == (1, "")
    words = " ".join(done.stdout.split())
    assert "./raises.py, line 21: AttributeError: 'str' object has no" in words
    assert "1 tried: 1 broke." in words
    done = cli("check", "./raises.py", "--backend", "shared", "--traceback", cwd=mine)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "key.no_such_thing" in done.stderr


def test_a_strategy_that_needs_another_cache() -> None:
    """It is tried where it can run, if no backend is named."""
    done = cli("check", "delete-pattern", "--format", "json")
    assert done.returncode in (0, 2)  # 2: there is no Redis on this machine
    if done.returncode == 0:
        assert {one["backend"] for one in json.loads(done.stdout)} == {"django-redis"}


BAD_INPUT = [
    (["delete-on-wirte"], "unknown strategy 'delete-on-wirte'; did you mean 'delete-on-write'?"),
    (["./nothing.py"], "./nothing.py: no such file"),
    (["oracle", "--backend", "redsi"], "unknown backend 'redsi'; did you mean 'redis'?"),
    (
        ["delete-pattern", "--backend", "shared"],
        "delete-pattern needs cache.delete_pattern(), which backend 'shared'",
    ),
    (["ttl-only:timeout=soon"], "write seconds, or such as 250ms, 10m or 2h, or none"),
    ([], "check needs STRATEGY: as --strategy of run takes it"),
]


def test_bad_input() -> None:
    """It is one line, and exit code 2."""
    commands = (["check", *words] for words, _ in BAD_INPUT)
    for done, (_, message) in zip(cli_each(*commands), BAD_INPUT, strict=True):
        assert message in refused(done)
