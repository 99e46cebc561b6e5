"""What can be sent to another process."""

import sys

from cachewise.sim.processes.children import can_travel
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
