"""What determines a cell is in its name: nothing else than the same inputs finds it again."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cachewise import Scenario
from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.sim.sweep import identity
from cachewise.sim.sweep.points import StrategyPoint
from cachewise.strategies import STRATEGIES, DeleteOnWrite, TtlOnly

SCENARIO = Scenario("short", keys=3, reads_per_s=50, duration_s=20)
OWN = """
from dataclasses import dataclass
import neighbour_of_mine

@dataclass(frozen=True)
class Mine:
    timeout: float = 60

    def read(self, site, key):
        return site.db.read(key)

    def write(self, site, key):
        site.db.write(key)
"""


def key(
    scenario: Scenario = SCENARIO, strategy: object = TtlOnly(timeout=2), backend: str = "shared", seed: int = 1
) -> str:
    """Return the name of a cell."""
    return StrategyPoint("it", backend, (), scenario, strategy).key(seed)


@pytest.mark.parametrize(
    "other",
    [
        lambda: key(SCENARIO.with_settings({"writes_per_s": "1.5"})),
        lambda: key(strategy=TtlOnly(timeout=3)),
        lambda: key(strategy=DeleteOnWrite(timeout=2)),
        lambda: key(backend="locmem"),
        lambda: key(seed=2),
    ],
    ids=["a field", "a parameter", "a strategy", "a backend", "a seed"],
)
def test_another_input_is_another_cell(other: Callable[[], str]) -> None:
    """Each of the four that a run is made of."""
    assert other() != key()


@pytest.mark.parametrize("part", ["our_sources", "versions", "servers_of"])
def test_so_are_other_sources_versions_and_servers(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code, what is installed, and the server's release."""
    before = key(backend="redis")
    monkeypatch.setattr(identity, part, lambda *_, **__: ["another"])
    assert key(backend="redis") != before


def test_the_name_is_the_same_in_every_process() -> None:
    """Whatever the order of its sets."""
    code = (
        "from cachewise import Scenario\nfrom cachewise.strategies import TtlOnly\n"
        "from cachewise.sim.sweep.points import StrategyPoint\n"
        "scenario = Scenario('short', keys=3, reads_per_s=50, duration_s=20)\n"
        "print(StrategyPoint('it', 'shared', (), scenario, TtlOnly(timeout=2)).key(1))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert done.stdout.strip() == key()


def test_a_file_of_ones_own_counts_with_what_it_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed line in it, or in a module beside it, is another cell; an untouched copy is the same one."""
    monkeypatch.chdir(tmp_path)
    neighbour, file = tmp_path / "neighbour_of_mine.py", tmp_path / "mine.py"
    neighbour.write_text("BETA = 1\n")
    file.write_text(OWN)
    first = key(strategy=choose_strategy("./mine.py", STRATEGIES))
    assert key(strategy=choose_strategy("./mine.py", STRATEGIES)) == first
    neighbour.write_text("BETA = 2\n")
    second = key(strategy=choose_strategy("./mine.py", STRATEGIES))
    assert second != first
    file.write_text(OWN.replace("60", "61"))
    assert key(strategy=choose_strategy("./mine.py:Mine:timeout=60", STRATEGIES)) not in (first, second)
    sys.modules.pop("neighbour_of_mine", None)


def test_a_trace_counts_with_its_contents(tmp_path: Path) -> None:
    """Not with its name alone."""
    path = tmp_path / "trace.csv"
    path.write_text("time_s,key\n0,a\n1.5,b\n")
    replayed = Scenario("replayed", trace=str(path), warmup_s=0)
    before = key(replayed)
    path.write_text("time_s,key\n0,a\n1.5,a\n")
    assert key(replayed) != before


def test_a_servers_release_is_its_own_word() -> None:
    """Asked of the program that a run would start."""
    assert any("Redis server v=" in line for line in identity.servers_of("redis"))
