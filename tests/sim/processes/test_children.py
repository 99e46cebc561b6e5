"""What can be sent to another process, and that none imports the script that started it."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from cachewise.sim.processes.children import can_travel, script_left_alone
from cachewise.strategies import TtlOnly
from tests.sim.wall.tools import Plain


def test_what_can_travel() -> None:
    """Instances of what a module defines; neither what has no name, nor what the script defines, at any depth."""

    class Local(Plain):
        pass

    assert can_travel([TtlOnly(), Plain(), "text", 3, None])
    assert not can_travel([TtlOnly(), Local()])
    assert not can_travel(lambda: None)
    scripted = type("Scripted", (Plain,), {"__module__": "__main__"})
    sys.modules["__main__"].Scripted = scripted  # type: ignore[attr-defined]
    try:
        assert not can_travel({"deep": [scripted()]})
        assert not can_travel(scripted)
    finally:
        del sys.modules["__main__"].Scripted  # type: ignore[attr-defined]


def test_the_script_is_back_afterwards() -> None:
    """Whatever happens meanwhile."""
    script = sys.modules["__main__"]
    try:
        with script_left_alone():
            assert sys.modules["__main__"] is not script
            raise LookupError
    except LookupError:
        assert sys.modules["__main__"] is script


def test_a_process_does_not_import_the_script(tmp_path: Path) -> None:
    """One that is started the usual way does: so the script's lines are printed twice there, and once here."""
    (tmp_path / "script.py").write_text(
        dedent(
            """
            import multiprocessing
            from contextlib import nullcontext
            from cachewise.sim.processes.children import script_left_alone

            print("begins", flush=True)

            def start(alone):
                process = multiprocessing.get_context("spawn").Process(target=print, args=["ends"])
                with alone:
                    process.start()
                process.join()

            if __name__ == "__main__":
                start(script_left_alone())
                start(nullcontext())
            """
        )
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["begins", "ends", "begins", "ends"]
