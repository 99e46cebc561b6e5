"""docs/sweeps.md says what is so: its commands run, and its tables name what is there."""

import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cachewise.sim.command.main import main
from cachewise.sim.command.sweep import MOST_CELLS, MOST_SEEDS
from cachewise.sim.sweep.precision import seeds_at_least
from cachewise.sim.sweep.store import PACK_ABOVE
from tests.helpers import ROOT
from tests.test_readme import blocks, code

PAGE = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
QUICK = ["--set", "warmup_s=0", "--set", "duration_s=1", "--jobs", "1"]


def commands() -> list[list[str]]:
    """Return the arguments of each call of cachewise on the page that needs no cluster."""
    lines = [shlex.split(line) for block in blocks(PAGE, "sh") for line in block.splitlines() if line]
    return [line[1:] for line in lines if line[0] == "cachewise" and "--cluster" not in line]


def done(*typed: str) -> None:
    """Run a command, which must end well."""
    with pytest.raises(SystemExit) as end:
        main(typed)
    assert end.value.code == 0, typed


@pytest.mark.proof
def test_every_command_runs_and_the_folder_is_as_the_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep is one of a few strategies here, which is fast; the rest is as it stands there."""
    monkeypatch.chdir(tmp_path)
    few = ["--strategy", "ttl-only", "--strategy", "write-through"]
    for command in commands():
        done(*command, *([*few, *QUICK] if command[0] == "run" else []))
    folder = Path("out/sweep")
    rows = PAGE.split("| in the `--out` folder |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    named = {name.rstrip("/") for row in rows for name in code(row.split("|")[1])}
    assert {path.name for path in folder.iterdir()} - {".lock"} == named - {"failed", "earlier"}
    (example,) = blocks(PAGE, "python")
    exec(example)  # noqa: S102 - it is what the page shows
    assert len(pd.read_parquet(folder / "cells")) == 2 * 3 * 7 * 5
    shutil.rmtree(folder)


def test_numbers_in_the_prose() -> None:
    """They are those of the code."""
    assert f"above {PACK_ABOVE:,} they are packed" in PAGE
    assert f"More than {MOST_CELLS:,} runs need `--yes`" in " ".join(PAGE.split())
    assert f"No point has fewer than {seeds_at_least(1, MOST_SEEDS)} (" in PAGE
