"""docs/sweeps.md says what is so: its commands run, and its tables name what is there."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from cachewise.sim.command.sweep import MOST_CELLS, MOST_SEEDS
from cachewise.sim.sweep.precision import seeds_at_least
from cachewise.sim.sweep.store import PACK_ABOVE
from tests.docs.pages import PAGES, blocks, code, commands, succeed

PAGE = PAGES["docs/sweeps.md"]
TIMEOUTS = "out/timeouts"  # the command that has a picture and an answer on the page
QUICK = ["--set", "warmup_s=0", "--set", "duration_s=1", "--jobs", "1"]


@pytest.mark.proof
def test_every_command_runs_and_the_folder_is_as_the_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep is one of a few strategies here, which is fast; the rest is as it stands there.

    The command with the picture runs at full length below.
    """
    monkeypatch.chdir(tmp_path)
    few = ["--strategy", "ttl-only", "--strategy", "write-through"]
    for command in commands(PAGE):
        if not {"--cluster", TIMEOUTS} & {*command}:
            succeed(*command, *([*few, *QUICK] if command[0] == "run" else []))
    folder = Path("out/sweep")
    rows = PAGE.split("| in the `--out` folder |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    named = {name.rstrip("/") for row in rows for name in code(row.split("|")[1])}
    assert {path.name for path in folder.iterdir()} - {".lock"} == named - {"failed", "earlier"}
    (example,) = blocks(PAGE, "python")
    exec(example)  # noqa: S102 - it is what the page shows
    assert len(pd.read_parquet(folder / "cells")) == 2 * 3 * 7 * 5
    shutil.rmtree(folder)


@pytest.mark.proof
def test_the_answer_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command above the picture, run at its full length, prints the limits that the page shows."""
    monkeypatch.chdir(tmp_path)
    (excerpt,) = blocks(PAGE, "text")
    succeed(*next(one for one in commands(PAGE) if TIMEOUTS in one))
    assert " ".join(excerpt.split()) in " ".join(capsys.readouterr().out.split())


def test_numbers_in_the_prose() -> None:
    """They are those of the code."""
    assert f"above {PACK_ABOVE:,} they are packed" in PAGE
    assert f"More than {MOST_CELLS:,} runs need `--yes`" in " ".join(PAGE.split())
    assert f"No point has fewer than {seeds_at_least(1, MOST_SEEDS)} (" in PAGE
