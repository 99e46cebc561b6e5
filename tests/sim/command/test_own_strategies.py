"""Strategies of one's own, as a person uses them: files, modules and packages in real processes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cachewise import UserError
from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.sim.command.starter import write_strategy
from cachewise.sim.experiment import strategy_spec
from cachewise.strategies import STRATEGIES
from tests.helpers import ROOT, cli, refused
from tests.sim.command.own_files import PLAIN, SEVERAL, SHORT, SIDE_BY_SIDE, problem, write


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
        "./many.py:Tuned:ttl_s=x": "ttl_s: 'x' is not a duration; write seconds, or such as 250ms, 10m or 2h, or none",
        "./many.py:Tuned:ttl_s=1,on=2": "on=2: write true or false",
        "./many.py:Tuned:ttl=1": "unknown parameter 'ttl'; did you mean 'ttl_s'?",
        "./many.py:Tuned:ttl_s=1,odd=3": "odd is a tuple: only numbers, texts, true and false can be typed",
        "./many.py:IN_A_LINE:ttl_s=1": "./many.py:IN_A_LINE takes no parameters",
        "./many.py": "which one? write ./many.py:Tuned or ./many.py:WITHOUT_A_CACHE or ./many.py:IN_A_LINE",
    }
    for text, reason in says.items():
        assert reason in problem(text)


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
        assert f"</svg>{label}</th>" in page


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
    listed = cli("list", "strategies", env={**env, "COLUMNS": "0"})
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
    both = "is offered by acme_caching 1.2 and by other 3: write acme:DeleteTwice"
    assert problem("both").endswith(both)
    assert "did you mean 'two-deletes'?" in problem("two-delete")
    everything = cli("run", "product_list", *SHORT, "--format", "csv", env=env)
    assert everything.returncode == 0
    assert "two-deletes" not in everything.stdout, "without --strategy only cachewise's own run"


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
    assert bench in (ROOT / "docs" / "own-strategy.md").read_text(), "both say the same"
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
