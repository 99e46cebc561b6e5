"""What is wrong in somebody's file: one line with its place, and their own traceback on demand."""

from pathlib import Path
from textwrap import dedent

import pytest

from cachewise import StrategyError, UserError, run
from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.sim.errors import CodeError
from cachewise.sim.experiment import run_all
from cachewise.sim.verdict.result import Run
from cachewise.strategies import STRATEGIES
from tests.helpers import cli, refused
from tests.sim.command.own_files import PLAIN, SHORT, SIDE_BY_SIDE, TINY, problem, write


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        ("x = (\n", "", "./bad.py, line 1: SyntaxError: '(' was never closed"),
        ("\nimport nothing_of_that_name\n", "", "./bad.py, line 2: ModuleNotFoundError: No module named 'nothing_of_"),
        ("raise SystemExit(0)\n", "", "./bad.py, line 1: SystemExit: 0"),
        ("x = 1\n", "", "./bad.py: there is no strategy in it: a strategy is a class with read(self, site, key) and"),
        ("from cachewise import Strategy\n", "", "./bad.py: there is no strategy in it"),
        ("x = 1\n", ":x", "./bad.py: x is no strategy: a strategy is a class with read"),
        ("x = 1\n", ":y", "./bad.py: there is no y in it, and no strategy"),
        (PLAIN, ":DeleteTwise", "./bad.py: unknown strategy 'DeleteTwise'; did you mean 'DeleteTwice'?"),
        (f"{PLAIN}        stale_at_most = 'sometimes'\n", "", "stale_at_most = 'sometimes': it must be one of 'never'"),
        (f"{PLAIN}        costs = 3\n", "", "./bad.py: DeleteTwice: costs = 3: it must be Costs(on_hit=..., "),
        (f"{PLAIN}        name = 'a b'\n", "", "name = 'a b': it must be a text without blanks"),
        (f"{PLAIN}        needs = 'cache.lock'\n", "", "needs = 'cache.lock': it must be a tuple such as"),
        (
            f"{PLAIN}        __init__ = lambda self: 1 / 0\n",
            "",
            "./bad.py, line 20: ZeroDivisionError: division by zero",
        ),
        (f"{PLAIN}\n        def __init__(self, x): ...\n", "", "./bad.py, line 21: DeleteTwice.__init__(): missing a"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_line(
    text: str, target: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the file, and its line where there is one."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bad.py", text)
    assert says in problem(f"./bad.py{target}")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("./nowhere.py", "./nowhere.py: no such file; `cachewise init --strategy ./nowhere.py` writes one"),
        ("./mine.txt", "--strategy ./mine.txt: a file of strategies must be a Python file, ending in .py"),
        ("mine", "to take it from the file, write ./mine.py"),
        ("pack.mine", "to take one from the module, write pack.mine:Name"),
        ("pack.none", "unknown strategy 'pack.none'; known: "),
        ("shut.mine", "./shut/__init__.py, line 1: ValueError: closed"),
        ("no.where:X", "unknown strategy: there is no module 'no.where'"),
        ("shut.mine:X", "./shut/__init__.py, line 1: ValueError: closed"),
        ("helped.py", "./no_python.py, line 1: SyntaxError"),
    ],
)
def test_what_is_not_there_is_one_line(target: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a module, or a name without its dot; and what is wrong in a module that a file imports."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine.py", PLAIN)
    write(tmp_path / "shut" / "__init__.py", "raise ValueError('closed')\n")
    write(tmp_path / "pack" / "mine.py", PLAIN)
    write(tmp_path / "no_python.py", "def (:\n")
    write(tmp_path / "helped.py", "import no_python\n")
    assert says in problem(target)


FAILING = """
    from cachewise import FromFunctions


    def row(site, key):
        return site.db.read(key)


    def fail(site, key):
        return {}["x"]


    def lines(site, key):
        site.cache.set(key, "two\\nlines", 5)
        return row(site, site.cache.get(key, 1, 2, 3))


    def later(site, key):
        site.spawn(lambda: fail(site, key))
        return row(site, key)


    def write(site, key):
        with site.db.atomic():
            site.db.write(key)
            site.db.on_commit(lambda: fail(site, key))


    READ = FromFunctions(fail, row)
    WRITE = FromFunctions(row, write)
    NONE = FromFunctions(lambda site, key: None, row)
    LATER = FromFunctions(later, row)
    OURS = FromFunctions(lines, row)
"""


@pytest.mark.parametrize(
    ("name", "place", "says"),
    [
        ("READ", 10, "KeyError: 'x' in READ.read(site, 'key:"),
        ("WRITE", 10, "KeyError: 'x' in WRITE.write(site, 'key:"),
        ("NONE", 31, "NONE.read() must return the Row it got from site.db or the cache, not None"),
        ("LATER", 10, "KeyError: 'x' in background work of LATER on worker "),
    ],
)
def test_an_exception_in_a_run_is_one_line(
    name: str, place: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the place, the request, the worker and the time; in Python `run` lets it out as it is."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "failing.py", FAILING)
    one = Run(TINY, choose_strategy(f"failing.py:{name}", STRATEGIES), "shared", 1)
    with pytest.raises(UserError) as refusal:
        run_all([one], processes=1)
    message = str(refusal.value)
    assert message.startswith(f"./failing.py, line {place}: {says}")
    assert name == "NONE" or message.endswith(" s into the run")
    with pytest.raises(KeyError if name != "NONE" else StrategyError):
        run(one.scenario, one.strategy)


def test_their_own_frames_are_shown_on_demand(tmp_path: Path) -> None:
    """`--traceback` prints theirs and none of ours, then the line, from a worker process too."""
    write(tmp_path / "failing.py", FAILING)
    command = ["run", "product_list", *SHORT, *SIDE_BY_SIDE, "--strategy", "./failing.py:WRITE"]
    done = cli(*command, "--traceback", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    *frames, line = done.stderr.splitlines()
    assert frames[0] == "Traceback (most recent call last):"
    assert [one.rpartition(", in ")[2] for one in frames if one.startswith("  File ")] == ["write", "<lambda>", "fail"]
    assert "KeyError: 'x'" in frames
    assert line.startswith("cachewise: ./failing.py, line 10: KeyError: 'x' in WRITE.write(site, ")
    assert refused(cli(*command, cwd=tmp_path)).startswith("cachewise: ./failing.py, line 10: KeyError: 'x' in WRITE.")


def test_what_is_raised_in_our_code_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called wrongly, or wrong itself: the line says where, and the traceback keeps our frames."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "failing.py", FAILING)
    with pytest.raises(CodeError, match=r"\(raised in cachewise's sim/backends/simulated.py, line \d+;") as refusal:
        run_all([Run(TINY, choose_strategy("failing.py:OURS", STRATEGIES), "shared", 1)], processes=1)
    assert "sim/backends/simulated.py" in refusal.value.frames
    assert "sim/engine/fleet.py" not in refusal.value.frames


def test_a_scenarios_own_frames_are_shown_on_demand(tmp_path: Path) -> None:
    """What goes wrong in somebody's scenario has its place, and its frames with `--traceback`."""
    write(tmp_path / "shop.py", "def rate():\n    return 1 / 0\n\n\nRATE = rate()\n")
    done = cli("run", "./shop.py", "--traceback", cwd=tmp_path)
    assert done.returncode == 2
    assert [line.split(", ")[1] for line in done.stderr.splitlines() if line.startswith("  File ")] == [
        "line 5",
        "line 2",
    ]
    write(tmp_path / "few.py", "from cachewise import Scenario\nSCENARIO = Scenario('few', key=1)\n")
    assert "few.py, line 2: unknown scenario field 'key'; did" in refused(cli("run", "./few.py", cwd=tmp_path))


def test_mistakes_of_ours_stay_tracebacks(tmp_path: Path) -> None:
    """What never came through a file of theirs is not explained away, though they have one."""
    broken = "from cachewise.sim import runner\nrunner.Leftovers = None\n"  # as if we had made a mistake
    write(tmp_path / "mine.py", broken + dedent(PLAIN))
    done = cli("run", "product_list", *SHORT, "--strategy", "./mine.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "sim/runner.py" in done.stderr
    assert done.stderr.rstrip().endswith("TypeError: 'NoneType' object is not callable")
