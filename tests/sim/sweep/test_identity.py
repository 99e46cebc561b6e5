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
from cachewise.sim.verdict.result import Run
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


def test_so_does_what_is_imported_later_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in another folder, imported only in the midst of a read, through a package; a standard one does not."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "shelf"):
        (tmp_path / name).mkdir()
    lazy = OWN.replace("import neighbour_of_mine", "import json").replace(
        "return site.db", "from shelf.rules import KEEP_S\n        return site.db"
    )
    (tmp_path / "mine" / "file.py").write_text(lazy)
    (tmp_path / "shelf" / "__init__.py").touch()
    (tmp_path / "shelf" / "rules.py").write_text("from . import far\nKEEP_S = far.KEEP_S\n")
    far = tmp_path / "shelf" / "far.py"
    far.write_text("KEEP_S = 5\n")
    strategy = choose_strategy("./mine/file.py", STRATEGIES)
    files = identity.files_of(Run(SCENARIO, strategy, "shared", 1))
    assert {Path(path).name for path in files} == {"__init__.py", "rules.py", "far.py"}
    before = key(strategy=strategy)
    far.write_text("KEEP_S = 500\n")
    assert key(strategy=strategy) != before


def test_an_entry_of_caches_counts_with_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class and the functions that it names; where a function lies in memory does not."""
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "caches_of_mine.py"
    code.write_text(
        "from django.core.cache.backends.locmem import LocMemCache\n\n\nclass Mine(LocMemCache):\n    pass\n\n\n"
        "def name(key, prefix, version):\n    return key\n"
    )
    (tmp_path / "settings_of_mine.py").write_text(
        "import caches_of_mine\nCACHES = {'default': {'BACKEND': 'caches_of_mine.Mine', "
        "'KEY_FUNCTION': caches_of_mine.name}}\n"
    )
    (tmp_path / "mine.toml").write_text('BACKEND = "caches_of_mine.Mine"\n')
    backends = ("settings:settings_of_mine", "mine.toml")
    before = [key(backend=one) for one in backends]
    settings = sys.modules["settings_of_mine"]
    entry = settings.CACHES["default"]
    entry["KEY_FUNCTION"] = type(entry["KEY_FUNCTION"])(entry["KEY_FUNCTION"].__code__, vars(settings), "name")
    assert [key(backend=one) for one in backends] == before
    code.write_text(code.read_text().replace("pass", "closed = True"))
    assert not {key(backend=one) for one in backends} & {*before}
    for name in ("settings_of_mine", "caches_of_mine"):
        sys.modules.pop(name, None)


def test_a_row_says_whose_it_is_so_that_counts() -> None:
    """A cell holds its contender's name: under another it would be another file."""
    named = (
        StrategyPoint(name, "shared", (), SCENARIO, TtlOnly(timeout=2)) for name in ("ttl-only", "ttl-only:timeout=2")
    )
    assert len({point.key(1) for point in named}) == 2


def test_a_trace_counts_with_its_contents(tmp_path: Path) -> None:
    """Not with its name alone."""
    path = tmp_path / "trace.csv"
    path.write_text("time_s,key\n0,a\n1.5,b\n")
    replayed = Scenario("replayed", trace=str(path), warmup_s=0)
    before = key(replayed)
    path.write_text("time_s,key\n0,a\n1.5,a\n")
    assert key(replayed) != before


def test_what_the_columns_of_a_trace_are_counts(tmp_path: Path) -> None:
    """The same file read in another way is other traffic, but not where only the way of writing differs."""
    path = tmp_path / "trace.csv"
    path.write_text("time_s,key,page\n0,a,b\n1.5,b,b\n")
    ways = (None, "key=page,time=time_s", "time = time_s, key = page")
    replayed = [Scenario("replayed", trace=str(path), trace_columns=one, warmup_s=0) for one in ways]
    first, second, third = (key(one) for one in replayed)
    assert first != second == third


def test_a_servers_release_is_its_own_word() -> None:
    """Asked of the program that a run would start."""
    assert any("Redis server v=" in line for line in identity.servers_of("redis"))
