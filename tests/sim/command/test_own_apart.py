"""What strategies of one's own do not share: neighbours, state, and the clock of another time."""

import csv
import io
from pathlib import Path
from textwrap import dedent

import pytest

from tests.helpers import cli
from tests.sim.command.own_files import SHORT, SIDE_BY_SIDE

CLOCKED = """
    import time

    {imported}

    class Soft:
        def read(self, site, key, clock=time.time):
            found = site.cache.get(key)
            if found is not None and clock() - found[0] < TTL_S:
                return found[1]
            row = site.db.read(key)
            site.cache.set(key, (clock(), row), None)
            return row

        def write(self, site, key):
            site.db.write(key)
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_clock_that_was_taken_while_the_file_was_loaded(tmp_path: Path, jobs: str) -> None:
    """A default value is made when the file is loaded; it keeps the run's time, in worker processes, too."""
    (tmp_path / "soft.py").write_text(dedent(CLOCKED).format(imported="TTL_S = 0.2"))
    options = [*SHORT, "--set", "duration_s=20", "--seeds", "2", "--jobs", jobs, "--format", "csv"]
    options.remove("--duration")
    options.remove("2")
    done = cli("run", "hot_key", "--strategy", "./soft.py", *options, cwd=tmp_path)
    ages = [float(row["stale_age_max_s"] or 0) for row in csv.DictReader(io.StringIO(done.stdout))]
    assert 0 < max(ages) < 3, "by the real clock nothing would expire within the 20 s"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_each_file_has_its_own_neighbours(tmp_path: Path, order: tuple[int, int]) -> None:
    """Two files that both import `conf` have each the one beside it, in whichever order they are named."""
    for nth in (1, 2):
        (tmp_path / f"v{nth}").mkdir()
        (tmp_path / f"v{nth}" / "soft.py").write_text(dedent(CLOCKED).format(imported="from conf import TTL_S"))
        (tmp_path / f"v{nth}" / "conf.py").write_text(f"TTL_S = {0.1 if nth == 1 else 1.0}")
    names = [part for nth in order for part in ("--strategy", f"./v{nth}/soft.py")]
    done = cli("run", "hot_key", *names, *SHORT, *SIDE_BY_SIDE, "--format", "csv", cwd=tmp_path)
    saved = {row["strategy"]: float(row["db_queries_saved_ratio"]) for row in csv.DictReader(io.StringIO(done.stdout))}
    assert saved["./v2/soft.py:Soft"] > saved["./v1/soft.py:Soft"] + 0.1


def test_what_a_run_leaves_in_a_strategy_is_gone_for_the_next(tmp_path: Path) -> None:
    """A strategy should keep nothing in itself. If it does, the figures still do not depend on --jobs."""
    (tmp_path / "keeps.py").write_text(
        dedent("""
            class Keeps:
                def __init__(self):
                    self.rows = {}

                def read(self, site, key):
                    if key not in self.rows:
                        self.rows[key] = site.db.read(key)
                    return self.rows[key]

                def write(self, site, key):
                    self.rows[key] = site.db.write(key)
        """)
    )
    one, two = (
        cli(
            "run",
            "hot_key",
            "--strategy",
            "./keeps.py",
            *SHORT,
            "--seeds",
            "3",
            "--jobs",
            jobs,
            "--format",
            "csv",
            cwd=tmp_path,
        )
        for jobs in ("1", "2")
    )
    columns = ("wrong_ratio", "hits", "db_queries")
    first, second = (
        [[row[name] for name in columns] for row in csv.DictReader(io.StringIO(done.stdout))] for done in (one, two)
    )
    assert len(first) == 3
    assert first == second
