"""Strategies of one's own, as a person uses them: files, modules and packages in real processes."""

import csv
import io
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from cachewise import Scenario, StrategyError, UserError, run
from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.sim.command.starter import write_strategy
from cachewise.sim.errors import CodeError
from cachewise.sim.experiment import run_all, strategy_spec
from cachewise.sim.verdict.result import Run
from cachewise.strategies import STRATEGIES
from tests.helpers import ROOT, cli, refused

SHORT = ["--set", "warmup_s=0", "--duration", "2", "--set", "reads_per_s=100", "--set", "writes_per_s=5"]
SHORT += ["--set", "keys=5"]
SIDE_BY_SIDE = ["--seeds", "2", "--jobs", "2"]
TINY = Scenario("tiny", keys=5, reads_per_s=100, writes_per_s=5, duration_s=2, warmup_s=0)
PLAIN = """
    from cachewise import Row, Site


    class DeleteTwice:
        \"\"\"Delete before and after.\"\"\"

        def read(self, site: Site, key: str) -> Row:
            row = site.cache.get(key)
            if row is None:
                row = site.db.read(key)
                site.cache.set(key, row, 300)
            return row

        def write(self, site: Site, key: str) -> None:
            site.cache.delete(key)
            with site.db.atomic():
                site.db.write(key)
                site.db.on_commit(lambda: site.cache.delete(key))
"""
SEVERAL = """
    from dataclasses import dataclass

    from cachewise import FromFunctions
    from cachewise.strategies import TtlOnly


    def load(site, key):
        return site.db.read(key)


    def save(site, key):
        site.db.write(key)


    @dataclass(frozen=True)
    class Tuned:
        \"\"\"Take parameters of every kind.\"\"\"

        ttl_s: float
        prefix: str = "p"
        on: bool = True
        odd: tuple = (1, 2)

        def read(self, site, key):
            assert isinstance(self.prefix, str) and isinstance(self.on, bool)
            return site.cache.get_or_set(self.prefix + key, lambda: site.db.read(key), self.ttl_s)

        def write(self, site, key):
            save(site, key)


    WITHOUT_A_CACHE = FromFunctions(load, save)
    IN_A_LINE = FromFunctions(lambda site, key: load(site, key), lambda site, key: save(site, key))
"""


def write(path: Path, text: str) -> Path:
    """Write a file of Python, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def strategies(*typed: str, cwd: Path, **env: str) -> list[str]:
    """Run the strategies *typed*, two seeds in two processes; return what --strategy takes for each."""
    options = [part for one in typed for part in ("--strategy", one)]
    done = cli("run", "product_list", *SHORT, *SIDE_BY_SIDE, "--format", "csv", *options, cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr
    return list(dict.fromkeys(row["strategy"] for row in csv.DictReader(io.StringIO(done.stdout))))


def test_a_file_runs_wherever_a_strategy_is_named(tmp_path: Path) -> None:
    """The one strategy in a file, with or without a dot before it, by its name, or as a module; in worker processes."""
    write(tmp_path / "mine.py", PLAIN)
    write(tmp_path / "many.py", SEVERAL)
    mine = ("./mine.py", "mine.py", "./mine.py:DeleteTwice", str(tmp_path / "mine.py"), "mine:DeleteTwice")
    tuned = ("./many.py:Tuned:ttl_s=60,prefix=a:b,on=false", "./many.py:Tuned:ttl_s=60,prefix=a:b,on=False")
    made = ("./many.py:WITHOUT_A_CACHE", "./many.py:IN_A_LINE")
    specs = ["./mine.py:DeleteTwice", "mine:DeleteTwice", tuned[1], *made]
    assert strategies(*mine, *tuned, *made, cwd=tmp_path) == specs


def test_parameters_are_of_the_kind_of_their_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers, texts, true and false; one without a default must be given."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "many.py", SEVERAL)
    tuned: Any = choose_strategy("many.py:Tuned:ttl_s=none,prefix=x=1,on=TRUE", STRATEGIES)
    assert (tuned.ttl_s, tuned.prefix, tuned.on, tuned.odd) == (None, "x=1", True, (1, 2))
    assert strategy_spec(tuned) == "./many.py:Tuned:ttl_s=None,prefix=x=1,on=True"
    says = {
        "./many.py:Tuned": "it needs ttl_s: write ./many.py:Tuned:ttl_s=VALUE",
        "./many.py:Tuned:ttl_s=x": "ttl_s: 'x' is not a number; write seconds, or none",
        "./many.py:Tuned:ttl_s=1,on=2": "on=2: write true or false",
        "./many.py:Tuned:ttl=1": "unknown parameter 'ttl'; did you mean 'ttl_s'?",
        "./many.py:Tuned:ttl_s=1,odd=3": "odd is a tuple: only numbers, texts, true and false can be typed",
        "./many.py:IN_A_LINE:ttl_s=1": "./many.py:IN_A_LINE takes no parameters",
        "./many.py": "which one? write ./many.py:Tuned or ./many.py:WITHOUT_A_CACHE or ./many.py:IN_A_LINE",
    }
    for text, reason in says.items():
        assert reason in problem(text)


def problem(typed: str) -> str:
    """Return what is said about a strategy that cannot be chosen."""
    with pytest.raises(UserError) as refusal:
        choose_strategy(typed, STRATEGIES)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_it_finds_modules_beside_itself_and_in_the_current_folder(tmp_path: Path) -> None:
    """A project's modules are found by a file in a folder below, in worker processes too."""
    write(tmp_path / "shop" / "__init__.py", "")
    write(tmp_path / "shop" / "keys.py", "def of(key):\n    return 'k' + key\n")
    write(tmp_path / "ideas" / "beside.py", "from shop.keys import of\n")
    text = PLAIN.replace("from cachewise", "from beside import of\n    from cachewise").replace(
        "get(key)", "get(of(key))"
    )
    write(tmp_path / "ideas" / "mine.py", text)
    write(tmp_path / "shop" / "caching.py", text.replace("beside", "shop.keys"))
    typed = ["ideas/mine.py:DeleteTwice", "shop.caching:DeleteTwice"]
    assert strategies(*typed, cwd=tmp_path) == typed


def test_two_of_one_name_stay_apart(tmp_path: Path) -> None:
    """Classes of one name in two files, and one that is called as a strategy of ours, are told apart everywhere."""
    copy = PLAIN.replace("def read", 'name = "delete-on-write"\n\n        def read').replace("DeleteTwice", "Copied")
    for file, text in (("a/mine.py", PLAIN), ("b/mine.py", PLAIN), ("copied.py", copy)):
        write(tmp_path / file, text)
    named = ["a/mine.py", "b/mine.py", "copied.py", "delete-on-write"]
    options = [part for name in named for part in ("--strategy", name)]
    done = cli("run", "product_list", *SHORT, "--out", "out", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    for label in ("DeleteTwice (a/mine.py)", "DeleteTwice (b/mine.py)", "Copied (./copied.py)", "delete-on-write"):
        assert f"\n{label} " in done.stdout
        assert f"</span>{label}</th>" in page


def test_the_report_says_where_it_comes_from(tmp_path: Path) -> None:
    """The page has the file, its digest and its text; the summary what --strategy takes."""
    write(tmp_path / "mine.py", f"{PLAIN}    # a < b\n")
    done = cli(
        "run", "product_list", *SHORT, "--strategy", "./mine.py", "--strategy", "ttl-only", "--out", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<td>./mine.py:DeleteTwice</td>" in page
    assert page.count("./mine.py, sha256 ") == 2
    assert "Delete before and after." in page
    assert "# a &lt; b\n</pre>" in page
    said = " ".join(done.stdout.split())
    assert "It states no guarantee (no stale_at_most)." in said
    assert "delete-twice states no guarantee (no stale_at_most)" in said
    assert "./mine.py:DeleteTwice" in (tmp_path / "out" / "summary.csv").read_text()


def installed(folder: Path, dist: str, version: str, points: str) -> None:
    """Put a distribution's metadata into a folder, as pip does."""
    info = folder / f"{dist}-{version}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
    write(info / "entry_points.txt", f"[cachewise.strategies]\n{points}\n")


def test_packages_offer_strategies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, in worker processes too; `list` says whose each is, and what is broken, which hurts nobody else."""
    site = tmp_path / "site"
    write(site / "acme.py", PLAIN)
    write(site / "ruin.py", "\nraise KeyError('ruined')\n")
    points = ["two-deletes = acme:DeleteTwice", "ruined = ruin:X", "gone = acme:Gone", "ttl-only = acme:DeleteTwice"]
    installed(site, "acme_caching", "1.2", "\n".join([*points, "both = acme:DeleteTwice"]))
    installed(site, "other", "3", "both = acme:DeleteTwice")
    env = {"PYTHONPATH": str(site)}
    assert strategies("two-deletes", "ttl-only", cwd=tmp_path, **env) == [
        "two-deletes",
        "ttl-only:timeout=120",
    ]
    listed = cli("list", "strategies", env=env)
    assert listed.returncode == 0, listed.stderr
    for lines in (
        "two-deletes\n    Delete before and after. (acme_caching 1.2)\n",
        "no-cache\n    Ask the database every time. (cachewise)\n",
        "ruined\n    broken: strategy 'ruined' of acme_caching 1.2: ",
        "ruin.py, line 2: KeyError: 'ruined'\n",
        "gone\n    broken: strategy 'gone' of acme_caching 1.2: acme: unknown strategy 'Gone'",
        "ttl-only\n    cachewise has a strategy of this name; write acme:DeleteTwice (acme_caching 1.2)\n",
    ):
        assert lines in listed.stdout
    assert "ruin.py, line 2: KeyError: 'ruined'" in refused(cli("run", "product_list", "--strategy", "ruined", env=env))
    monkeypatch.syspath_prepend(str(site))
    both = "is offered by acme_caching 1.2 and by other 3: write acme:DeleteTwice or acme:DeleteTwice"
    assert both in problem("both")
    assert "did you mean 'two-deletes'?" in problem("two-delete")
    everything = cli("run", "product_list", *SHORT, "--format", "csv", env=env)
    assert everything.returncode == 0
    assert "two-deletes" not in everything.stdout, "without --strategy only cachewise's own run"


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
        ("./mine.txt", "--strategy ./mine.txt: a file of strategies is a Python file, and ends in .py"),
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


def test_init_writes_a_strategy_that_runs(tmp_path: Path) -> None:
    """At once, as it says; it overwrites nothing, and is no scenario."""
    wrote = cli("init", "--strategy", "my_strategy.py", cwd=tmp_path)
    check, compare = "cachewise check ./my_strategy.py", "cachewise run catalogue --strategy ./my_strategy.py"
    told = f"wrote my_strategy.py; try it: {check}, then {compare} --strategy delete-on-write\n"
    assert wrote.stderr == told
    command = ["run", "catalogue", *SHORT, "--timeout", "7", "--format", "json", "--jobs", "1"]
    done = cli(*command, "--strategy", "./my_strategy.py", "--strategy", "./my_strategy.py:timeout=none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    specs = [row["strategy"] for row in json.loads(done.stdout)]
    assert specs == [f"./my_strategy.py:MyStrategy:timeout={timeout}" for timeout in ("7", "None")]
    text = (tmp_path / "my_strategy.py").read_text()
    assert "cachewise check ./my_strategy.py" in text
    assert max(map(len, text.splitlines())) <= 120
    bench = "cachewise bench wall_check --backend locmem --strategy ./my_strategy.py --duration 10\n"
    assert bench in text
    assert bench in (ROOT / "README.md").read_text(), "both say the same"
    assert "my_strategy.py is there already" in refused(cli("init", "--strategy", "my_strategy.py", cwd=tmp_path))
    scenario = ["x.py", "--keys", "3", "--timeout", "1"]
    says = "--strategy mine.py writes a strategy; the file of a scenario, --keys, --timeout belong to a scenario"
    assert says in refused(cli("init", "--strategy", "mine.py", *scenario, cwd=tmp_path))
    with pytest.raises(UserError, match=r"a strategy file ends in \.py; try mine\.py"):
        write_strategy(Path("mine.txt"), force=False)
    assert (tmp_path / "my_strategy.py").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["my_strategy.py"]
    (tmp_path / "my_strategy.py").write_text("an older one")
    write_strategy(tmp_path / "my_strategy.py", force=True)
    assert "class MyStrategy" in (tmp_path / "my_strategy.py").read_text()


CLOCKED = """
    import time

    {imported}

    class Soft:
        def read(self, site, key, clock=time.time):
            found = site.cache.get(key)
            if found is not None and clock() - found[0] < TTL_S:
                return found[1]
            row = site.db.read(key)
            site.cache.set(key, (clock(), row), None)
            return row

        def write(self, site, key):
            site.db.write(key)
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_clock_that_was_taken_while_the_file_was_loaded(tmp_path: Path, jobs: str) -> None:
    """A default value is made when the file is loaded; it keeps the run's time, in worker processes, too."""
    (tmp_path / "soft.py").write_text(dedent(CLOCKED).format(imported="TTL_S = 0.2"))
    options = [*SHORT, "--set", "duration_s=20", "--seeds", "2", "--jobs", jobs, "--format", "csv"]
    options.remove("--duration")
    options.remove("2")
    done = cli("run", "hot_key", "--strategy", "./soft.py", *options, cwd=tmp_path)
    ages = [float(row["stale_age_max_s"] or 0) for row in csv.DictReader(io.StringIO(done.stdout))]
    assert 0 < max(ages) < 3, "by the real clock nothing would expire within the 20 s"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_each_file_has_its_own_neighbours(tmp_path: Path, order: tuple[int, int]) -> None:
    """Two files that both import `conf` have each the one beside it, in whichever order they are named."""
    for nth in (1, 2):
        (tmp_path / f"v{nth}").mkdir()
        (tmp_path / f"v{nth}" / "soft.py").write_text(dedent(CLOCKED).format(imported="from conf import TTL_S"))
        (tmp_path / f"v{nth}" / "conf.py").write_text(f"TTL_S = {0.1 if nth == 1 else 1.0}")
    names = [part for nth in order for part in ("--strategy", f"./v{nth}/soft.py")]
    done = cli("run", "hot_key", *names, *SHORT, *SIDE_BY_SIDE, "--format", "csv", cwd=tmp_path)
    saved = {row["strategy"]: float(row["db_queries_saved_ratio"]) for row in csv.DictReader(io.StringIO(done.stdout))}
    assert saved["./v2/soft.py:Soft"] > saved["./v1/soft.py:Soft"] + 0.1


def test_what_a_run_leaves_in_a_strategy_is_gone_for_the_next(tmp_path: Path) -> None:
    """A strategy should keep nothing in itself. If it does, the figures still do not depend on --jobs."""
    (tmp_path / "keeps.py").write_text(
        dedent("""
            class Keeps:
                def __init__(self):
                    self.rows = {}

                def read(self, site, key):
                    if key not in self.rows:
                        self.rows[key] = site.db.read(key)
                    return self.rows[key]

                def write(self, site, key):
                    self.rows[key] = site.db.write(key)
        """)
    )
    one, two = (
        cli(
            "run",
            "hot_key",
            "--strategy",
            "./keeps.py",
            *SHORT,
            "--seeds",
            "3",
            "--jobs",
            jobs,
            "--format",
            "csv",
            cwd=tmp_path,
        )
        for jobs in ("1", "2")
    )
    columns = ("wrong_ratio", "hits", "db_queries")
    first, second = (
        [[row[name] for name in columns] for row in csv.DictReader(io.StringIO(done.stdout))] for done in (one, two)
    )
    assert len(first) == 3
    assert first == second
