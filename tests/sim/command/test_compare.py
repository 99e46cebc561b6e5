"""`compare()`: what `cachewise run` does, from Python: the same figures, words and page, in scripts and notebooks."""

import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cachewise
from cachewise import Scenario, UserError, compare
from cachewise.sim.verdict.metrics import MACHINE_METRICS
from cachewise.strategies import STRATEGIES, DeleteOnWrite, TtlOnly
from tests.helpers import cli
from tests.sim.wall.tools import Plain

SHORT = Scenario("a <b>short</b> one", keys=3, reads_per_s=30, writes_per_s=2, duration_s=8, warmup_s=1)


def test_it_does_what_the_command_line_does(tmp_path: Path) -> None:
    """The same frame, text and page for the same words; strategies can be instances as well, and all is in order."""
    (tmp_path / "mine.py").write_text(
        "from cachewise import Scenario\n"
        "SCENARIO = Scenario('mine', keys=3, reads_per_s=30, writes_per_s=2, duration_s=8, warmup_s=1)\nTIMEOUT = 4\n"
    )
    target = tmp_path / "mine.py"
    found = compare(target, ["ttl-only:timeout=2", DeleteOnWrite(timeout=4)], ["shared", "locmem"], seeds=2, jobs=1)
    words = ["run", str(target), "--strategy", "ttl-only:timeout=2", "--strategy", "delete-on-write"]
    done = cli(*words, "--backend", "shared", "--backend", "locmem", "--seeds", "2", "--out", str(tmp_path / "theirs"))
    assert done.returncode == 0, done
    printed = done.stdout
    assert printed.rstrip() == str(found)
    assert all(answer in printed for answer in found.answer.split("\n\n"))
    assert "mine on shared:" in found.answer
    page = found.write_page(tmp_path / "ours")
    assert page == tmp_path / "ours" / "report.html"
    theirs = pd.read_csv(tmp_path / "theirs" / "summary.csv").drop(columns=[*MACHINE_METRICS])
    ours = pd.read_csv(tmp_path / "ours" / "summary.csv").drop(columns=[*MACHINE_METRICS])
    pd.testing.assert_frame_equal(ours, theirs)
    assert list(found.frame.columns) == list(pd.read_csv(tmp_path / "ours" / "summary.csv").columns)
    assert [tuple(row) for row in found.frame[["backend", "strategy", "seed"]].to_numpy()] == list(
        product(["shared", "locmem"], ["ttl-only:timeout=2", "delete-on-write:timeout=4"], [1, 2])
    )
    assert "compare(&#x27;" in page.read_text()  # what to write in Python for the same page


def test_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Without strategies all run that the cache can; the seed is the command line's; nothing is printed."""
    found = compare(SHORT)
    assert {spec.partition(":")[0] for spec in found.frame["strategy"]} == {*STRATEGIES} - {"delete-pattern"}
    assert set(found.frame["seed"]) == {1}
    assert set(found.frame["backend"]) == {"shared"}
    assert found.left_out == [
        "left out on shared: delete-pattern, which needs cache.delete_pattern(): backend django-redis has it"
    ]
    assert found.left_out[0] in str(found)
    assert found.left_out[0] in found._repr_html_()
    assert capsys.readouterr() == ("", "")


def test_the_default_seed_is_one_everywhere() -> None:
    """`run()`, `compare()` and the command line take the same seed where none is named."""
    alone = cachewise.run(SHORT, TtlOnly())
    assert alone.run.seed == 1
    (seed,) = compare(SHORT, TtlOnly()).frame["seed"]
    typed = cli("run", "product_list", "--strategy", "oracle", "--duration", "5", "--format", "json")
    assert seed == 1
    assert '"seed": 1,' in typed.stdout


def test_how_it_shows_itself() -> None:
    """One line for `repr`; in a notebook the table and the answer, escaped, with no script, self-contained."""
    found = compare(SHORT, [TtlOnly(timeout=2), "delete-on-write"], seeds=[4, 7], jobs=1)
    assert repr(found) == (
        "<Comparison on a <b>short</b> one: ttl-only:timeout=2, delete-on-write; backend shared; seed 4, 7>"
    )
    html = found._repr_html_()
    assert "&lt;b&gt;short&lt;/b&gt;" in html
    assert not any(word in html for word in ("<b>", "<script", "src=", "http", "onclick"))
    assert "outdated reads</th>" in html
    assert "<p><strong>" in html  # the choice


@dataclass(frozen=True)
class Mine(Plain):
    """A strategy of this module's, which worker processes can import."""


BAD: list[tuple[dict[str, Any], str]] = [
    ({"scenario": 3}, "compare() takes a cachewise.Scenario first, or the name or the file of one, not int"),
    ({"scenario": "product_lst"}, "unknown scenario 'product_lst'; did you mean 'product_list'?"),
    ({"strategies": TtlOnly}, "compare() takes instances of strategies: write TtlOnly(), not TtlOnly"),
    ({"strategies": [Mine]}, "compare() takes instances of strategies: write Mine(), not Mine"),
    (
        {"strategies": int},
        "compare() takes strategies such as TtlOnly(timeout=60) or 'ttl-only:timeout=60', not <",
    ),
    ({"strategies": ["ttl-olny"]}, "unknown strategy 'ttl-olny'; did you mean 'ttl-only'?"),
    ({"strategies": 3}, "compare() takes strategies such as TtlOnly(timeout=60) or 'ttl-only:timeout=60', not 3"),
    ({"strategies": []}, "strategies=[] is empty; leave it out for all strategies that can run"),
    ({"strategies": TtlOnly(timeout=-1)}, "TtlOnly: timeout=-1 must be seconds"),
    ({"strategies": "delete-pattern"}, "delete-pattern needs cache.delete_pattern(), which backend 'shared' lacks"),
    ({"strategies": [Mine(), Plain()]}, "two different strategies are called plain: give each a name of its own"),
    ({"backends": "redsi"}, "unknown backend 'redsi'; did you mean 'redis'?"),
    ({"backends": []}, "backends=[] must be a name such as 'shared', or a list of names"),
    ({"backends": 3}, "backends=3 must be a name"),
    ({"seeds": 0}, "seeds=0 must be K for the seeds 1 to K, or a list of whole numbers"),
    ({"seeds": []}, "seeds=[] must be K"),
    ({"seeds": [1, -1]}, "seeds=[1, -1] must be K"),
    ({"seeds": True}, "seeds=True must be K"),
    ({"seeds": 2.5}, "seeds=2.5 must be K"),
    ({"seeds": ["1"]}, "seeds=['1'] must be K"),
    ({"seeds": np.array([0.5])}, "seeds=array([0.5]) must be K"),
    ({"jobs": -1}, "jobs=-1 must be a whole number, 0 or more"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_is_one_line(given: dict[str, Any], message: str) -> None:
    """It is a UserError that says what is wrong, before anything runs."""
    with pytest.raises(UserError) as error:
        compare(**{"scenario": SHORT, "strategies": "ttl-only", **given})
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("seeds", [np.arange(2), [np.int64(0), np.int32(1)], range(2)], ids=repr)
def test_seeds_of_numpy(seeds: Any) -> None:
    """Its whole numbers are as good as Python's; they come back as Python's."""
    found = compare(SHORT, "ttl-only", seeds=seeds, jobs=1)
    assert [repr(one.run.seed) for one in found.outcomes] == ["0", "1"]
    assert compare(SHORT, "ttl-only", seeds=np.int64(1), jobs=1).outcomes[0].run.seed == 1


SCRIPT = """
    import os
    from cachewise import Scenario, compare
    {imported}
    print("the script begins")
    scenario = Scenario("s", keys=3, reads_per_s=30, writes_per_s=2, duration_s=8, warmup_s=1)
    {defined}
    found = compare(scenario, [{strategy}], seeds=3, jobs=2)
    print(len(found.frame), "runs")
"""

OWN = """
class Mine(DeleteOnWrite):
    name = "mine"

    def read(self, site, key):
        with open("pids", "a") as log:
            print(os.getpid(), file=log)
        return super().read(site, key)
"""


def _script(folder: Path, **parts: str) -> "subprocess.CompletedProcess[str]":
    path = folder / "script.py"
    path.write_text(dedent(SCRIPT).format(**{"imported": "", "defined": "", **parts}))
    return subprocess.run([sys.executable, path.name], capture_output=True, text=True, check=False, cwd=folder)


@pytest.mark.parametrize("strategy", ["'ttl-only'", "DeleteOnWrite()"], ids=["by name", "an instance"])
def test_a_script_without_a_guard(tmp_path: Path, strategy: str) -> None:
    """It runs once, though its runs are in processes of their own; nothing hangs, and nothing is said."""
    done = _script(tmp_path, imported="from cachewise.strategies import DeleteOnWrite", strategy=strategy)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "the script begins\n3 runs\n")


def test_a_strategy_that_the_script_defines(tmp_path: Path) -> None:
    """No other process could import it, so its runs are in the script's own; one from a module beside it goes out."""
    start = "from cachewise.strategies import DeleteOnWrite\n"
    done = _script(tmp_path, imported=start.strip(), defined=OWN, strategy="Mine()")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "the script begins\n3 runs\n")
    assert len(set((tmp_path / "pids").read_text().split())) == 1
    (tmp_path / "pids").unlink()
    (tmp_path / "beside.py").write_text(f"import os\n{start}\n{OWN}\n")
    done = _script(tmp_path, imported="from beside import Mine", strategy="Mine()")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "the script begins\n3 runs\n")
    assert len(set((tmp_path / "pids").read_text().split())) == 2


def test_a_strategy_that_another_process_can_import() -> None:
    """Runs of a strategy out of a module go side by side, and give the figures that they give alone."""
    aside, here = (compare(SHORT, Mine(), seeds=3, jobs=jobs).frame.drop(columns=[*MACHINE_METRICS]) for jobs in (2, 1))
    pd.testing.assert_frame_equal(aside, here)
