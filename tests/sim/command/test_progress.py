"""How far a series has come: a bar that fits any terminal, and plain lines where there is none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading

import pytest

from cachewise.sim.command import progress
from cachewise.sim.command.progress import fractions

SCRIPT = """
import sys
from cachewise.sim.command.progress import fractions
with fractions(140, "a first step that has a long name, told in many words") as show:
    show(70, "last: write-through-in-transaction on a-backend-with-a-long-name")
"""


@pytest.mark.parametrize("width", [40, 60, 200])
def test_the_bar_fits_the_terminal(width: int) -> None:
    """On a real terminal no line is wider than it is, and neither text nor figures are cut."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, stderr=theirs, stdout=theirs, env={**environment, "TERM": "xterm"}) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # the other side has ended
            pass
        assert process.wait() == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "\n", shown.decode()).replace("\r", "\n")
    assert max(len(line) for line in text.splitlines()) <= width
    words = " ".join(text.split())
    assert "last: write-through-in-transaction on a-backend-with-a-long-name" in words
    assert "70/140 0:00:0" in words
    assert "…" not in words


def test_a_line_a_minute_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how many have ended, how long it has taken and how long the others will take."""
    said = threading.Event()
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        said.set()

    monkeypatch.setattr(progress, "say", hear)
    monkeypatch.setattr(progress, "LINE_S", 0.01)
    with fractions(12, "the first run") as show:
        assert said.wait(10)
        show(3, "last: ttl-only on redis")
        while not any(line.startswith("3 of 12 done") for line in lines):
            said.clear()
            assert said.wait(10)
    assert lines[0] == "0 of 12 done, 1 s so far (the first run)"
    assert re.fullmatch(r"3 of 12 done, \d+ s so far, about \d+ s left \(last: ttl-only on redis\)", lines[-1])
    count = len(lines)
    with fractions(12, "the first run", silent=True):
        pass
    assert len(lines) == count
    assert capsys.readouterr().err == ""
