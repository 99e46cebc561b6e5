"""A Ctrl-C while a report's libraries are imported."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, sys
from cachewise import reports

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "matplotlib.figure" and not pressed:
            pressed.append(name)
            os.kill(os.getpid(), signal.SIGINT)

pressed = []
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, CtrlC())
try:
    {call}
except KeyboardInterrupt:
    print(*pressed, "cachewise.reports.figures" in sys.modules)
"""


@pytest.mark.parametrize("call", ["write_report([], 'out', '')", "write_verification(None, 'out')"])
def test_it_waits_until_they_are_whole(call: str, tmp_path: Path) -> None:
    """Cut in two, matplotlib's import has crashed Python at its end, or printed a warning: nothing of it is cut."""
    script = SCRIPT.format(call=f"reports.{call}")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "matplotlib.figure True\n", "")
    assert list(tmp_path.iterdir()) == []
