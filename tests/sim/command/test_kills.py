"""Kills at any moment of a run's life: Ctrl-C leaves nothing behind, and no kill leaves a file half-written."""

import io
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers import CLI, group_lives, wait_until

pytestmark = pytest.mark.proof

MOMENTS = 20
LINE = "cachewise: interrupted; nothing was written"
COMMAND = [
    *(*CLI, "run", "transactional", "--seeds", "2", "--backend", "file", "--backend", "db"),
    *("--strategy", "ttl-only", "--strategy", "delete-on-write", "--set", "duration_s=1", "--set", "warmup_s=0.5"),
]
Files = dict[str, bytes]

# What Python itself says in a worker that it had started, but had not told yet what to do.
CUT_OFF = re.compile(r"Traceback .*\n(?:  .*\n)+?(?:  .*, in spawn_main\n)(?:  .*\n)+EOFError: Ran out of input\n")


@dataclass(frozen=True)
class Killed:
    """How a command ended after a signal, and the files that its folder then holds.

    *began*: it had reached its own code; until then the interpreter answers a signal by itself.
    """

    began: bool
    lasted_s: float
    exit_code: int
    said: str
    files: Files


@dataclass(frozen=True)
class Place:
    """Where a command writes: its report, and its temporary files."""

    out: Path
    temporary: Path

    def start(self, jobs: int) -> subprocess.Popen[str]:
        """Start the command as the leader of a process group of its own, as a terminal does."""
        return subprocess.Popen(
            [*COMMAND, "--jobs", str(jobs), "--out", str(self.out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            start_new_session=True,
        )

    def lasts_s(self, jobs: int) -> float:
        """Return how long the command takes if nobody disturbs it."""
        began_s = time.monotonic()
        process = self.start(jobs)
        _, said = process.communicate()
        assert process.returncode == 0, said
        return time.monotonic() - began_s

    def killed(self, jobs: int, after_s: float, number: signal.Signals, *, group: bool = True) -> Killed:
        """Start the command, send a signal to its group (or to the leader alone), and wait for all to be gone."""
        began_s = time.monotonic()
        process = self.start(jobs)
        time.sleep(after_s)
        began = True
        if process.poll() is None:
            began = answers(process.pid, signal.SIGTERM) or process.poll() is not None
            (os.killpg if group else os.kill)(process.pid, number)
        _, said = process.communicate(timeout=60)
        lasted_s = time.monotonic() - began_s
        wait_until(lambda: not group_lives(process.pid))  # zombies are reaped late
        return Killed(began, lasted_s, process.returncode, said, files_in(self.out))

    def leftovers(self) -> list[Path]:
        """Return what a command that cleans up must not leave behind."""
        return [*self.temporary.glob("cachewise-*"), *self.out.glob(".cachewise-unfinished-*")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty place."""
    (tmp_path / "tmp").mkdir()
    return Place(tmp_path / "out", tmp_path / "tmp")


def files_in(folder: Path) -> Files:
    """Return the visible files of *folder* by their names."""
    found = (path for path in folder.rglob("*") if path.is_file())
    inside = ((path.relative_to(folder), path) for path in found)
    return {str(name): path.read_bytes() for name, path in inside if not name.parts[0].startswith(".")}


def answers(process: int, number: signal.Signals) -> bool:
    """Return whether *process* handles a signal in its own way, or (as at its end) ignores it."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return bool((int(lines["SigCgt"], 16) | int(lines["SigIgn"], 16)) >> (number - 1) & 1)


def shares(count: int = MOMENTS) -> Iterator[float]:
    """Yield moments spread over the whole life of a command, and a little beyond, as shares of it."""
    yield from ((number + 0.5) / count * 1.05 for number in range(count))


def assert_whole(files: Files) -> None:
    """Assert that every file is complete in its own format."""
    for name, content in files.items():
        if name == "summary.csv":
            assert len(pd.read_csv(io.BytesIO(content))) == 8, "two backends, two strategies, two seeds"
            assert content.endswith(b"\n")
        elif name == "summary.parquet":
            assert len(pd.read_parquet(io.BytesIO(content))) == 8
        elif name == "report.html":
            assert content.rstrip().endswith(b"</html>")
        else:
            assert name.startswith("charts/")
            assert content.startswith(b"\x89PNG")
            assert content.endswith(b"IEND\xaeB`\x82")


def is_report(files: Files) -> bool:
    """Return whether the report is complete."""
    return {"summary.csv", "summary.parquet", "report.html"} < set(files) and any(name[-4:] == ".png" for name in files)


@pytest.mark.parametrize("older_report", [False, True], ids=["nothing there", "older report"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_at_any_moment(jobs: int, older_report: bool, place: Place) -> None:
    """Ctrl-C either comes too late or leaves all as it was: one line, exit code 130, no file, no process."""
    lasts_s = place.lasts_s(jobs)
    older = files_in(place.out)
    ends = []
    for share in shares():
        if not older_report:
            shutil.rmtree(place.out, ignore_errors=True)
            older = {}
        after_s = share * lasts_s
        end = place.killed(jobs, after_s, signal.SIGINT)
        assert place.leftovers() == []
        assert_whole(end.files)
        if not end.began:
            assert end.files == older
            continue
        ends.append(end.exit_code)
        if end.exit_code == 0:
            lasts_s = min(lasts_s, end.lasted_s)  # this machine may have become faster
            assert is_report(end.files)
            assert end.said == f"page: {place.out / 'report.html'}\n"
            older = end.files
        else:
            assert (end.exit_code, end.said.splitlines()) == (130, [LINE]), f"after {after_s:.2f} s: {end.said}"
            assert end.files == older
            assert older_report or not place.out.exists()
    assert ends.count(130) >= MOMENTS / 2, ends


@pytest.mark.parametrize("jobs", [1, 2])
def test_sigterm_at_any_moment(jobs: int, place: Place) -> None:
    """SIGTERM to the command alone (as supervisors send it) ends its workers too, without a word or a leftover."""
    lasts_s = place.lasts_s(jobs)
    older = files_in(place.out)
    ends = []
    for share in shares(MOMENTS // 2):
        after_s = share * lasts_s
        end = place.killed(jobs, after_s, signal.SIGTERM, group=False)
        assert place.leftovers() == []
        assert_whole(end.files)
        assert end.exit_code in {0, 143, -signal.SIGTERM}
        if end.exit_code:
            assert end.said == "", f"after {after_s:.2f} s"
            assert end.files == older
        else:
            lasts_s = min(lasts_s, end.lasted_s)
        older = end.files
        ends.append(end.exit_code)
    assert ends.count(143) >= MOMENTS / 4, ends


@pytest.mark.parametrize(
    ("jobs", "group"), [(1, True), (2, True), (2, False)], ids=["one process", "all processes", "the command alone"]
)
def test_sigkill_at_any_moment(jobs: int, group: bool, place: Place) -> None:
    """SIGKILL cannot be answered: what the folder shows is whole all the same, and workers follow their parent."""
    lasts_s = place.lasts_s(jobs)
    assert is_report(files_in(place.out))
    for share in shares(MOMENTS // 2):
        end = place.killed(jobs, share * lasts_s, signal.SIGKILL, group=group)
        assert end.exit_code in {0, -signal.SIGKILL}
        assert_whole(end.files)
        assert is_report(end.files)
        assert "Traceback" not in CUT_OFF.sub("", end.said)
