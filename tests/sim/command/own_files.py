"""Files with strategies of one's own, and what the command makes of them."""

from pathlib import Path
from textwrap import dedent

import pytest

from cachewise import Scenario, UserError
from cachewise.sim.command.choose_strategy import choose_strategy
from cachewise.strategies import STRATEGIES

SHORT = ["--set", "warmup_s=0", "--duration", "2", "--set", "reads_per_s=100", "--set", "writes_per_s=5"]
SHORT += ["--set", "keys=5"]
SIDE_BY_SIDE = ["--seeds", "2", "--jobs", "2"]
TINY = Scenario("tiny", keys=5, reads_per_s=100, writes_per_s=5, duration_s=2, warmup_s=0)
PLAIN = """
    from cachewise import Row, Site


    class DeleteTwice:
        \"\"\"Delete before and after.\"\"\"

        def read(self, site: Site, key: str) -> Row:
            row = site.cache.get(key)
            if row is None:
                row = site.db.read(key)
                site.cache.set(key, row, 300)
            return row

        def write(self, site: Site, key: str) -> None:
            site.cache.delete(key)
            with site.db.atomic():
                site.db.write(key)
                site.db.on_commit(lambda: site.cache.delete(key))
"""
SEVERAL = """
    from dataclasses import dataclass

    from cachewise import FromFunctions
    from cachewise.strategies import TtlOnly


    def load(site, key):
        return site.db.read(key)


    def save(site, key):
        site.db.write(key)


    @dataclass(frozen=True)
    class Tuned:
        \"\"\"Take parameters of every kind.\"\"\"

        ttl_s: float
        prefix: str = "p"
        on: bool = True
        odd: tuple = (1, 2)

        def read(self, site, key):
            assert isinstance(self.prefix, str) and isinstance(self.on, bool)
            return site.cache.get_or_set(self.prefix + key, lambda: site.db.read(key), self.ttl_s)

        def write(self, site, key):
            save(site, key)


    WITHOUT_A_CACHE = FromFunctions(load, save)
    IN_A_LINE = FromFunctions(lambda site, key: load(site, key), lambda site, key: save(site, key))
"""


def write(path: Path, text: str) -> Path:
    """Write a file of Python, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def problem(typed: str) -> str:
    """Return what is said about a strategy that cannot be chosen."""
    with pytest.raises(UserError) as refusal:
        choose_strategy(typed, STRATEGIES)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)
