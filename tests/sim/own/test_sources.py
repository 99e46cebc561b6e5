"""Files of one's own as modules: their names, their text, and what they take to other processes."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from cachewise import Scenario, UserError
from cachewise.sim.own.sources import load, source_at, source_of
from cachewise.sim.verdict.result import Run

TEXT = "from cachewise.strategies import TtlOnly\n\n\nclass Mine(TtlOnly):\n    pass\n"


def test_a_modules_name_depends_on_the_file_alone(tmp_path: Path) -> None:
    """Objects of it can be in a cache, which counts bytes: not on the folders above. Others of its name stay apart."""
    found = []
    for folder in ("a", "a/much/longer/one", "c"):
        path = tmp_path / folder / "my idea.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEXT if folder != "c" else TEXT + "\n")
        source = source_at(str(path))
        assert load(source) is load(source_at(str(path)))
        assert source_of(source.module) is source
        found.append(source)
    first, second, changed = found
    assert first.module == f"my_idea_{first.sha256[:8]}"
    assert second.module == f"{first.module}_2"
    assert changed.module == f"my_idea_{changed.sha256[:8]}"
    assert load(first) is not load(second)


def test_a_changed_file_is_another_one(tmp_path: Path) -> None:
    """In a notebook a file is edited and loaded again; objects of the old one stay what they were."""
    path = tmp_path / "idea.py"
    path.write_text("class A:\n    x = 1\n")
    before = load(source_at(str(path)))
    path.write_text("class A:\n    x = 2\n")
    after = load(source_at(str(path)))
    assert (before.A.x, after.A.x) == (1, 2)
    assert pickle.loads(pickle.dumps(before.A)) is before.A


def test_a_file_that_fails_leaves_no_module(tmp_path: Path) -> None:
    """What it raises comes out, each time it is asked for."""
    path = tmp_path / "idea.py"
    path.write_text("raise LookupError('no')\n")
    source = source_at(str(path))
    for _ in range(2):
        with pytest.raises(LookupError):
            load(source)
        assert source.module not in sys.modules
    with pytest.raises(UserError, match=r"nowhere\.py: it cannot be read: No such file"):
        source_at(str(tmp_path / "nowhere.py"))


def test_a_run_takes_the_text_along(tmp_path: Path) -> None:
    """In another process it is what it was here, though the file has changed; its folder's modules are found."""
    path = tmp_path / "idea.py"
    (tmp_path / "beside_the_idea.py").write_text("SECONDS = 7\n")
    path.write_text(f"from beside_the_idea import SECONDS\n{TEXT}")
    module = load(source_at(str(path)))
    sent = pickle.dumps(Run(Scenario("s"), module.Mine(module.SECONDS), "shared", 1))
    path.write_text("raise LookupError('changed')\n")
    code = f"import pickle; run = pickle.loads({sent!r}); print(run.strategy, run.seed)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=False)
    assert (done.stdout, done.stderr) == ("Mine(timeout=7) 1\n", "")
