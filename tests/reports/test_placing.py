"""What may be in the folder of `--out`: a report replaces an earlier one as a whole, and nothing that is not ours."""

import json
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cachewise import UserError
from cachewise.reports import check_writable, folder_aside, manifest, write_report
from cachewise.reports.placing import ASIDE, FILES, PAGE, Kind, place
from cachewise.sim.experiment import Outcome
from cachewise.sim.sweep.store import opened

COMMAND = "cachewise run"


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files below *folder*, but for the list of those that are ours."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if path.name != manifest.NAME}


def report(out: Path, *charts: str, kind: Kind = "run", told: str = "ours") -> None:
    """Put a report of a few words in *out*, with these charts or other files."""

    def build(aside: Path) -> None:
        for name in (*FILES[kind], *charts):
            (aside / name).parent.mkdir(exist_ok=True)
            (aside / name).write_text(f"{told} {name}")

    place(out, kind, build)


def test_a_report_replaces_an_earlier_one_as_a_whole(tmp_path: Path) -> None:
    """Charts and reads of the earlier report are gone; files of the user's stay, in the same folders, too."""
    report(tmp_path, "charts/b-price.png", "charts/a-price.png", "reads/one.parquet")
    mine = {"notes.txt": b"mine", "charts/mine.png": b"mine", "verify.csv": b"mine"}
    for name, content in mine.items():
        (tmp_path / name).write_bytes(content)
    check_writable(tmp_path)
    report(tmp_path, "charts/b-price.png", told="new")
    new = {name: f"new {name}".encode() for name in (*FILES["run"], "charts/b-price.png")}
    assert files_in(tmp_path) == {**mine, **new}
    assert not (tmp_path / "reads").exists()


def test_reads_become_part_of_the_report(quiet: list[Outcome], tmp_path: Path) -> None:
    """They are made aside, in the same folder."""
    with folder_aside(tmp_path) as aside:
        (aside / "reads").mkdir()
        (aside / "reads" / "one.parquet").write_text("reads")
        page = write_report(quiet, tmp_path, COMMAND, set(), aside / "reads")
    assert files_in(tmp_path)["reads/one.parquet"] == b"reads"
    assert page.exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(ASIDE)]


FOREIGN = {
    "report.html": "no record of writing",
    "summary.csv": "no record of writing",
    "charts/quiet-on-locmem-price.png": "no record of writing",
    "reads/one.parquet": "no record of writing",
    "summary.parquet/mine": "is a folder",
    "charts": "is a file",
    "reads": "is a file",
    manifest.NAME: "not a list that cachewise wrote",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_not_ours_is_refused_and_stays(tmp_path: Path, name: str) -> None:
    """It is said before anything runs, in one line that names the file; writing all the same changes nothing."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=FOREIGN[name]) as refusal:
        check_writable(tmp_path, reads=["one.parquet"])
    assert re.search(rf"\b{name.removesuffix('/mine').removeprefix('.')} (in it is|there is|that )", str(refusal.value))
    with pytest.raises(UserError):
        report(tmp_path, "charts/quiet-on-locmem-price.png", "reads/one.parquet")
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / name: "mine"}


def test_a_file_that_was_edited_is_the_users(tmp_path: Path) -> None:
    """A page of ours with a word added is refused; without it, the next report is written."""
    report(tmp_path)
    page = tmp_path / PAGE
    page.write_text(f"{page.read_text()} mine")
    with pytest.raises(UserError, match=r"report\.html there was changed since cachewise wrote it; move it away"):
        check_writable(tmp_path)
    page.unlink()
    check_writable(tmp_path)
    report(tmp_path)
    assert page.exists()


def test_after_a_kill_in_the_middle_both_reports_are_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each of the moves at which a report can be cut off, the next one finds all to be its own."""
    replace_file = Path.replace
    left = 0

    def until_killed(self: Path, to: Path) -> Path:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(5, "killed")
        return replace_file(self, to)

    cut = 0
    for moves in range(10):
        report(tmp_path, "charts/old-price.png")
        with monkeypatch.context() as patched:
            left = moves
            patched.setattr(Path, "replace", until_killed)
            with suppress(UserError):
                report(tmp_path, "charts/new-price.png", told="new")
        cut += left < 0
        report(tmp_path, "charts/last-price.png", told="last")
        names = (*FILES["run"], "charts/last-price.png")
        assert files_in(tmp_path) == {name: f"last {name}".encode() for name in names}
    assert cut == 6  # two lists of files, three files, a chart


def test_what_a_killed_command_left_is_removed(tmp_path: Path) -> None:
    """Only once nobody is at work in it: a folder of a command that lives stays."""
    (tmp_path / f"{ASIDE}dead").mkdir()
    with folder_aside(tmp_path) as lives:
        with folder_aside(tmp_path):
            assert lives.exists()
        assert [path.name for path in tmp_path.iterdir()] == [lives.name]
    assert list(tmp_path.iterdir()) == []


def test_a_check_waits_while_another_report_is_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of one report and half of another are nobody's change."""
    report(tmp_path)
    refusals: list[UserError] = []

    def check() -> None:
        try:
            check_writable(tmp_path)
        except UserError as error:
            refusals.append(error)

    checks: list[threading.Thread] = []
    replace_file = Path.replace

    def moved(self: Path, to: Path) -> Path:
        found = replace_file(self, to)
        if to.name == PAGE:
            to.with_name("summary.csv").unlink()
            to.with_name("summary.csv").write_text("as if it were on its way")
            checks.append(threading.Thread(target=check))
            checks[0].start()
            checks[0].join(0.3)  # one that does not wait ends now
            to.with_name("summary.csv").write_text("new summary.csv")
        return found

    monkeypatch.setattr(Path, "replace", moved)
    report(tmp_path, told="new")
    checks[0].join()
    assert refusals == []


def test_a_check_does_not_make_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be removed again, perhaps just when another command begins to use it."""
    made: list[Path] = []
    make = Path.mkdir

    def noted(self: Path, *args: Any, **kwargs: Any) -> None:
        made.append(self)
        make(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", noted)
    check_writable(tmp_path / "a" / ".." / "b" / "c")
    assert made
    assert not {tmp_path / "a", tmp_path / "b"} & {*made}
    assert list(tmp_path.iterdir()) == []


def test_a_users_folder_of_unfinished_things_stays(tmp_path: Path) -> None:
    """Neither a report nor a sweep takes it for what a killed command of ours has left."""
    mine = [tmp_path / name / "mine" for name in (".unfinished", ".unfinished-notes")]
    for path in mine:
        path.parent.mkdir()
        path.write_text("mine")
    report(tmp_path)
    with opened(tmp_path):
        pass
    assert all(path.read_text() == "mine" for path in mine)


def test_a_list_that_is_a_link_is_not_ours(tmp_path: Path) -> None:
    """It is refused and stays, whether or not it leads anywhere."""
    (tmp_path / manifest.NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="not a list that cachewise wrote"):
        report(tmp_path)
    (tmp_path / "elsewhere").write_text(manifest.Manifest(tmp_path, {}).text())
    with pytest.raises(UserError, match="not a list that cachewise wrote"):
        report(tmp_path)
    assert (tmp_path / manifest.NAME).is_symlink()


@pytest.mark.parametrize("name", ["../mine", "/mine", "charts/../../mine"])
def test_a_list_from_elsewhere_reaches_nothing_outside(tmp_path: Path, name: str) -> None:
    """A folder that came from somebody else may have a list that names the user's own files."""
    (tmp_path / "mine").write_text("mine")
    name = name.replace("/mine", f"{tmp_path}/mine") if name.startswith("/") else name
    out = tmp_path / "out"
    (out / "charts").mkdir(parents=True)
    hashes = [manifest.hash_of(tmp_path / "mine")]
    (out / manifest.NAME).write_text(json.dumps({"sweep": False, "files": {name: hashes}}))
    report(out)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_sweep_and_a_run_do_not_share_a_folder(tmp_path: Path) -> None:
    """Either is refused where the other is; nothing of what it would do is begun."""
    plan = {"arguments": [], "folder": "/"}
    (tmp_path / "sweep.json").write_text(json.dumps(plan))
    kinds: tuple[Kind, ...] = ("run", "app", "verify")
    for kind in kinds:
        with pytest.raises(UserError, match="a sweep is in it"):
            check_writable(tmp_path, kind)
    check_writable(tmp_path, "sweep")
    report(tmp_path / "run")
    with pytest.raises(UserError, match="the report of a run is in it"):
        check_writable(tmp_path / "run", "sweep")


@pytest.mark.parametrize("name", ["sweep.json", "cells/mine.parquet", "failed", "timing.csv"])
def test_a_sweep_takes_no_files_of_others_for_its_own(tmp_path: Path, name: str) -> None:
    """It would move cells to another folder, and write on in a file that is not its own."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=f"cachewise did not make the {name.partition('/')[0]} there"):
        check_writable(tmp_path, "sweep")


def _refusals(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("gone")
    return {
        "a file": tmp_path / "file",
        "below a file": tmp_path / "file" / "out",
        "no such device": Path("/proc/nothing/out"),
        "name too long": tmp_path / ("x" * 300),
        "zero byte": tmp_path / "a\0b",
        "a broken link": tmp_path / "link",
        "below a broken link": tmp_path / "link" / "out",
    }


REFUSALS = {
    "a file": "it is a file, not a folder",
    "below a file": "file is a file, not a folder",
    "no such device": "No such file or directory",
    "name too long": "File name too long",
    "zero byte": "null byte",
    "a broken link": "it is a link to gone, which is no folder",
    "below a broken link": "link is a link to gone, which is no folder",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    """Before anything runs, a folder that cannot take the report is refused with one line, and stays as it was."""
    out = _refusals(tmp_path)[name]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError) as refusal:
        check_writable(out)
    assert "cannot write the report to" in str(refusal.value)
    assert REFUSALS[name] in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_without_permission(tmp_path: Path) -> None:
    """It says so in words; root, who may do everything, becomes somebody else for it."""
    (tmp_path / "theirs").mkdir(mode=0o555)
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        with pytest.raises(UserError, match="you have no permission to write there"):
            check_writable(tmp_path / "theirs" / "out")
    finally:
        os.seteuid(user)


def test_from_python_it_is_refused_alike(quiet: list[Outcome], tmp_path: Path) -> None:
    """`write_report` does not need the check before it."""
    for out in _refusals(tmp_path).values():
        with pytest.raises(UserError, match="cannot write the report to"):
            write_report(quiet, out, COMMAND, set())


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    """A folder that could be made is not made by asking, and an existing one is left as it is."""
    check_writable(tmp_path / "a" / "b")
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
