"""`--keep-reads`: a file of judged reads for each run, beside its report."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from cachewise.scenarios import product_list
from cachewise.strategies import TtlOnly
from tests.helpers import cli, cli_each, refused, run

TINY = ("product_list", "--duration", "5", "--set", "warmup_s=1")
OWN = """
from cachewise.strategies import TtlOnly

class Mine(TtlOnly):
    name = "mine"
"""


def test_a_file_for_each_run(tmp_path: Path) -> None:
    """The worker processes write what `run` returns; the report lies beside it, and nothing unfinished."""
    (tmp_path / "mine.py").write_text(OWN)
    typed = ("--strategy", "ttl-only:timeout=3", "--strategy", "./mine.py:Mine:timeout=4", "--seeds", "2")
    done = cli("run", *TINY, *typed, "--out", "out", "--keep-reads", cwd=tmp_path)
    assert done.returncode == 0, done
    found = {path.name: pd.read_parquet(path) for path in (tmp_path / "out" / "reads").iterdir()}
    assert len(found) == 4
    assert sum("mine.py" in name for name in found) == 2
    reads = found["ttl-only,timeout=3-shared-2.parquet"]
    assert (tmp_path / "out" / "report.html").exists()
    expected = run(replace(product_list.SCENARIO, duration_s=5, warmup_s=1), TtlOnly(timeout=3), seed=2).reads
    pd.testing.assert_frame_equal(reads.drop(columns="number"), expected, check_categorical=False)


def test_where_there_is_no_place(tmp_path: Path) -> None:
    """Without --out, or where a folder cannot be made, it is said before anything runs or in one line."""
    (tmp_path / "reads").write_text("mine")
    alone, taken = cli_each(
        ("run", *TINY, "--keep-reads"), ("run", *TINY, "--keep-reads", "--out", str(tmp_path)), cwd=tmp_path
    )
    assert "--keep-reads needs --out FOLDER" in refused(alone)
    assert "reads there is a file, not a folder" in refused(taken)
