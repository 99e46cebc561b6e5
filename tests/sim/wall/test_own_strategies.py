"""Strategies of one's own on the wall clock: in worker processes that know nothing of the file."""

from pathlib import Path
from textwrap import dedent

import pytest

from cachewise import FromFunctions, UserError
from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.strategies import STRATEGIES
from tests.helpers import MANY_KEYS, cli
from tests.sim.wall.tools import BRIEF, real

MINE = dedent("""
    from cachewise import FromFunctions


    def read(site, key):
        if key == "key:0":
            site.spawn(lambda: [][3])
        return site.cache.get_or_set(key, lambda: site.db.read(key), 60)


    def write(site, key):
        with site.db.atomic():
            site.db.write(key)
            {}["nothing"] if key == "key:1" else site.cache.delete(key)


    HALF = FromFunctions(read, write)
    NEVER = FromFunctions(lambda site, key: {}["nothing"], lambda site, key: site.db.write(key))


    def leave(site, key):
        site.spawn(gone)
        raise SystemExit(3)


    def gone():
        raise SystemExit(4)


    LEAVES = FromFunctions(lambda site, key: site.db.read(key), leave)
""")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with such a file."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_file_runs_for_real(file: Path) -> None:
    """It is chosen, and then gone: what it was runs. Its errors are counted, each with its place."""
    half = choose_strategy("mine.py:HALF", STRATEGIES)
    file.unlink()
    result = real(BRIEF, half)
    assert result.summary["hits"] > 0
    assert set(result.errors) == {"IndexError at ./mine.py, line 7", "KeyError at ./mine.py, line 14"}
    failed, behind = result.errors["KeyError at ./mine.py, line 14"], result.errors["IndexError at ./mine.py, line 7"]
    requests = result.counts()["requests"]
    (about,) = [note for note in result.notes if "requests failed" in note]
    assert about.startswith(f"{failed} of ")
    assert about.endswith(" requests failed (warm-up included): KeyError at ./mine.py, line 14")
    assert requests < int(about.split()[2]) < 1.6 * requests
    assert f"background work failed {behind} times: IndexError at ./mine.py, line 7" in result.notes
    assert len(result.frames) == 2, "one of a kind"
    assert any('{}["nothing"] if key' in frames for frames in result.frames)


def test_an_exit_is_a_failure_for_real(file: Path) -> None:
    """It ends no thread and no process."""
    result = real(BRIEF, choose_strategy(f"{file}:LEAVES", STRATEGIES))
    assert {what.split(" at ")[0] for what in result.errors} == {"SystemExit"}
    assert len(result.errors) == 2
    assert result.summary["reads"] > 0


def test_bench_shows_tracebacks_on_demand(file: Path) -> None:
    """One of each kind, of their own code; without `--traceback` there is one line."""
    file.write_text(MINE.replace('if key == "key:1"', "if key").replace("key:0", "x"))
    command = ["bench", "wall_check", *MANY_KEYS, "--set", "warmup_s=0", "--duration", "0.5"]
    options = ["--backend", "locmem", "--database", "sqlite", "--strategy", "./mine.py:HALF", "--format", "csv"]
    (line,) = cli(*command, *options, cwd=file.parent).stderr.splitlines()
    assert line.startswith("cachewise: half on locmem, seed 1: ")
    assert line.endswith(" requests failed (warm-up included): KeyError at ./mine.py, line 14")
    *frames, last = cli(*command, *options, "--traceback", cwd=file.parent).stderr.splitlines()
    assert last.startswith("cachewise: half on locmem, seed 1: ")
    assert frames[0] == "Traceback (most recent call last):"
    assert frames[-1] == "KeyError: 'nothing'"
    assert [one.rpartition(", in ")[2] for one in frames if one.startswith("  File ")] == ["write"]


def test_what_is_raised_after_the_traffic_is_one_line(file: Path) -> None:
    """With its place; so where each request has failed."""
    never = choose_strategy(f"{file}:NEVER", STRATEGIES)
    with pytest.raises(UserError, match=r"mine.py, line 18: KeyError: 'nothing' in NEVER.read\(site, .*\) after the"):
        real(BRIEF, never)


def test_what_cannot_be_sent_is_one_line() -> None:
    """Functions that are at the top of no module: before anything starts."""
    with pytest.raises(
        UserError,
        match=r"^a strategy cannot be sent to a worker process \(Can't .*lambda.*: define it, .* top level of a file",
    ):
        real(BRIEF, FromFunctions(lambda site, key: site.db.read(key), lambda site, key: site.db.write(key)))


def test_verify_takes_a_file(file: Path) -> None:
    """It runs for real and in simulations, in worker processes of both kinds."""
    file.write_text(f"{MINE.replace('key:1', 'x').replace('key:0', 'x')}")
    command = ["verify", "wall_check", *MANY_KEYS, "--set", "warmup_s=0", "--duration", "0.5", "--seeds", "2"]
    options = ["--backend", "locmem", "--database", "sqlite", "--strategy", "./mine.py:HALF", "--format", "csv"]
    done = cli(*command, *options, cwd=file.parent)
    assert done.stdout.startswith("strategy,backend,metric,"), done.stderr
    assert "\nhalf,locmem,hit_ratio," in done.stdout
