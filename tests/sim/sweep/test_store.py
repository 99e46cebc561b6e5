"""The folder of a sweep: what lands is there as it was, whole or not at all, whenever somebody comes back."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cachewise import Scenario, UserError
from cachewise.sim.experiment import outcome_of, run_all
from cachewise.sim.runner import run
from cachewise.sim.sweep import store as store_module
from cachewise.sim.sweep.schema import Landing, landing_of, row_of
from cachewise.sim.sweep.store import ASIDE, Store, opened
from cachewise.sim.verdict.metrics import MACHINE_METRICS
from cachewise.sim.verdict.result import Run
from cachewise.strategies import TtlOnly, WriteThroughInTransaction

SHORT = Scenario("short", keys=3, reads_per_s=50, writes_per_s=5, duration_s=20, warmup_s=1)
RUN = Run(SHORT, TtlOnly(timeout=2), "shared", 1)


@pytest.fixture(scope="module")
def landing() -> Landing:
    """Return what has come of a real run."""
    (outcome,) = run_all([RUN], 1)
    return Landing(outcome)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Store]:
    """Return an open folder."""
    with opened(tmp_path) as store:
        yield store


def rows(landing: Landing, *keys: str) -> list[dict[str, Any]]:
    """Return the same row under several names."""
    return [row_of(key, "ttl-only", landing) for key in keys]


def names(folder: Path) -> list[str]:
    """Return the names of the cells that pandas sees."""
    frame = pd.read_parquet(folder)
    return sorted(frame["cell"]) if len(frame) else []


@pytest.mark.parametrize(
    "run_of",
    [
        RUN,
        Run(SHORT.with_settings({"rollback_ratio": "0.3"}), WriteThroughInTransaction(timeout=None), "locmem", 2),
        Run(SHORT.with_settings({"reads_per_s": "0", "workers": "2"}), TtlOnly(timeout=2), "file", 3),
    ],
    ids=["outdated reads", "rollbacks", "no reads at all"],
)
def test_an_outcome_comes_back_as_it_was(run_of: Run, place: Store) -> None:
    """Every figure with its kind, every array, every note; the machine's own figures are not in the file."""
    before = outcome_of(run(run_of.scenario, run_of.strategy, backend=run_of.backend, seed=run_of.seed))
    place.land(row_of("a", "it", Landing(before)), 1.25)
    (row,) = place.rows()
    after = landing_of(row, run_of).outcome
    for name, value in before.summary.items():
        if name not in MACHINE_METRICS:
            assert type(after.summary[name]) is type(value), name
            np.testing.assert_equal(after.summary[name], value)
    assert [*after.summary] == [*before.summary]
    for name in ("counts", "notes", "measured_s", "trace_fields", "frames", "run", "label"):
        assert getattr(after, name) == getattr(before, name), name
    for name in ("stale_age_quantiles_s", "db_queries_per_s", "reads_per_s"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert MACHINE_METRICS[0] not in pd.read_parquet(place.cells).columns


def test_a_cell_has_the_same_bytes_however_long_it_took(landing: Landing, tmp_path: Path) -> None:
    """So two machines can be compared file by file."""
    for name, wall_s in (("one", 1.0), ("two", 99.0)):
        with opened(tmp_path / name) as store:
            store.land(rows(landing, "a")[0], wall_s)
    one, two = (tmp_path / name / "cells" / "a.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_second_command_is_refused_in_one_line(place: Store) -> None:
    """It says which process has the folder; when that is gone, the folder is free."""
    code = f"import pathlib, cachewise.sim.sweep.store as s\nwith s.opened(pathlib.Path({str(place.folder)!r})): pass"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "UserError: another command is using" in done.stderr.splitlines()[-1]


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A file of that name is there."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="cannot write to"), opened(tmp_path / "taken"):
        pass


def test_cells_of_another_command_stand_aside(landing: Landing, place: Store) -> None:
    """`cells/` holds what was asked for, no more; what was asked for earlier is taken back, not run again."""
    for row in rows(landing, "a", "b", "c"):
        place.land(row, 1.0)
    assert place.settle(["a", "d"]) == {"a"}
    assert names(place.cells) == ["a"]
    assert place.settle(["b", "c"]) == {"b", "c"}
    assert names(place.cells) == ["b", "c"]


def test_what_failed_lies_outside_until_it_lands(landing: Landing, place: Store) -> None:
    """With its reason; pandas sees only what was finished."""
    place.land(rows(landing, "a")[0], 1.0)
    place.fail("b", "ttl-only", "no room", "Traceback")
    assert place.failures()["b"]["reason"] == "no room"
    assert names(place.cells) == ["a"]
    place.land(rows(landing, "b")[0], 1.0)
    assert place.failures() == {}
    assert not place.failed.exists()


def test_many_cells_are_packed_in_the_order_of_the_grid(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However they came, the same files are there in the end, and none of the small ones."""
    monkeypatch.setattr(store_module, "PACK_ABOVE", 3)
    keys = [*"abcdefgh"]
    contents = []
    for nth, order in enumerate((keys, keys[::-1], [*"gacebdhf"])):
        with opened(tmp_path / str(nth)) as store:
            for row in rows(landing, *order):
                store.land(row, 1.0)
                assert len([*store.cells.iterdir()]) <= 4
                assert len(names(store.cells)) == len(set(names(store.cells)))
            store.pack(keys)
            assert [row["cell"] for path in sorted(store.cells.iterdir()) for row in store_module._rows(path)]
            assert names(store.cells) == keys
            contents.append({path.name: path.read_bytes() for path in store.cells.iterdir()})
    assert contents[0] == contents[1] == contents[2]
    assert len(contents[0]) == 3
    with opened(tmp_path / "0") as store:  # of a pack, a part can be asked for
        assert store.settle(["a", "h"]) == {"a", "h"}
        assert names(store.cells) == ["a", "h"]


@pytest.mark.parametrize("step", range(6))
def test_a_kill_while_cells_are_packed_loses_none(
    step: int, landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of the moves of files: nothing is there twice meanwhile, and the next one to open it has all."""
    monkeypatch.setattr(store_module, "PACK_ABOVE", 3)
    keys = [*"abcd"]
    moves = 0

    class Killed(BaseException):
        """As kill -9 would: nothing that follows is done."""

    def dying(name: str) -> None:
        real = getattr(Path, name)

        def call(self: Path, *args: Any, **kwargs: Any) -> Any:
            nonlocal moves
            if (tmp_path / ASIDE / "swap.json").exists():
                moves += 1
                if moves > step:
                    raise Killed
            return real(self, *args, **kwargs)

        patch.setattr(Path, name, call)

    with opened(tmp_path) as store:
        for row in rows(landing, *keys[:3]):
            store.land(row, 1.0)
        store_module._write_table(store_module.table_of(rows(landing, "d")), store.cells / "d.parquet", tmp_path)
    with opened(tmp_path) as store, pytest.MonkeyPatch.context() as patch:
        dying("unlink")
        dying("replace")
        with pytest.raises(Killed):
            store.pack(keys)
        patch.undo()
        monkeypatch.setattr(store, "close", lambda: None)  # as after kill -9
    found = names(tmp_path / "cells")
    assert len(found) == len(set(found))
    with opened(tmp_path) as store:
        assert names(store.cells) == keys


def test_packs_hold_the_rows_in_the_order_asked_for(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However they had landed and been packed before, to the byte."""
    monkeypatch.setattr(store_module, "PACK_ABOVE", 3)
    packs = []
    for order in ("abcdefgh", "hbgdfcea"):
        with opened(tmp_path / order) as store:
            store.settle("abcdefgh")
            for row in rows(landing, *order):
                store.land(row, 1.0)
            store.pack([*"hgfedcba"])
            packs.append({path.name: path.read_bytes() for path in store.cells.iterdir()})
            assert {row["cell"]: row for row in store.rows()} == {
                row["cell"]: row for row in rows(landing, *"abcdefgh")
            }
    assert packs[0] == packs[1]
    assert len(packs[0]) == 3


def test_what_cannot_be_written_or_read_is_one_line(landing: Landing, tmp_path: Path) -> None:
    """A cell that was cut, as by a copy that ended early; a file where a folder should be."""
    with opened(tmp_path / "cut") as store:
        store.land(*rows(landing, "a"), 1.0)
        cell = store.cells / "a.parquet"
        cell.write_bytes(cell.read_bytes()[:-100])
        with pytest.raises(UserError, match=r"a\.parquet is broken: remove it"):
            [*store.rows()]
    (tmp_path / "cells").touch()
    with pytest.raises(UserError, match=r"cannot write to .*: File exists"), opened(tmp_path):
        pass


def test_a_line_that_was_cut_is_left_out(landing: Landing, tmp_path: Path) -> None:
    """The times are a note: a kill may cut their last line, and the next one begins on its own."""
    for key in "ab":
        with opened(tmp_path) as store:
            store.land(*rows(landing, key), 1.25)
        with (tmp_path / "timing.csv").open("a") as file:
            file.write("c,2.0")
    with opened(tmp_path):
        assert (tmp_path / "timing.csv").read_text() == "cell,wall_s\na,1.250000\nb,1.250000\n"
