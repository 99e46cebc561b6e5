"""The proofs of the judge have teeth: each defect, put into cachewise in the run's process, makes them fail."""

from dataclasses import replace
from pathlib import Path

import pytest

from cachewise.sim.errors import CodeError
from tests.sim.app.test_annotations import SCENARIO, compared, played
from tests.sim.app.test_closed_forms import INSTANT, assert_theory, timeouts

SEEDS = (1, 2)
SHORT = replace(INSTANT, duration_s=100)

# Each state of the database is read from the snapshot that was pinned one commit before it.
PINNED_ONE_COMMIT_EARLY = """

    from cachewise.sim.judge.sqlite import SqliteSnapshots

    pin, before = SqliteSnapshots.pin, []


    def pin_early(self):
        before.append(pin(self))
        return before.pop(0) if len(before) > 1 else pin(self)


    SqliteSnapshots.pin = pin_early
"""

# And from the one that was pinned one commit after it.
PINNED_ONE_COMMIT_LATE = """

    from cachewise.sim.judge.sqlite import SqliteSnapshots

    pin, before = SqliteSnapshots.pin, []


    def pin_late(self):
        before.append(pin(self))
        if len(before) > 1:
            before.pop(0).update(pin(self))
        return before[-1]


    SqliteSnapshots.pin = pin_late
"""

# An evaluation finds the run's own cache, and what is in it.
CACHE_NOT_REPLACED = """

    from types import SimpleNamespace
    from cachewise.sim.app import evaluate, run

    open_caches, live = run.open_caches, []


    class Remembering:
        def __init__(self, *args, **named):
            self.real = open_caches(*args, **named)

        def __enter__(self):
            live.append(self.real.__enter__())
            return live[-1]

        def __exit__(self, *how):
            return self.real.__exit__(*how)


    run.open_caches = Remembering
    evaluate.Blanks = lambda *_args: SimpleNamespace(with_stores=lambda _values: live[-1].of_worker[0])
"""

# All threads find the same connection; Django itself would notice, and is told to let them.
ONE_CONNECTION = """

    from types import SimpleNamespace
    from django.db import connections
    from django.db.backends.base.base import BaseDatabaseWrapper

    connections._connections = SimpleNamespace()
    BaseDatabaseWrapper.validate_thread_sharing = lambda self: None
"""
UNGUARDED = """
    from cachewise.sim.project.databases.dressed import Dressed

    Dressed._require_own = lambda self: None
"""


@pytest.mark.proof
@pytest.mark.servers
@pytest.mark.parametrize(
    ("defect", "backend"),
    [
        pytest.param(PINNED_ONE_COMMIT_EARLY, "shared", id="pinned one commit early"),
        pytest.param(PINNED_ONE_COMMIT_LATE, "shared", id="pinned one commit late"),
        pytest.param(CACHE_NOT_REPLACED, "redis", id="cache not replaced"),
    ],
)
def test_a_defect_of_the_judge_is_caught(defect: str, backend: str) -> None:
    """A read that has loaded its row can only be right; with the defect the closed forms find some that are not."""
    with pytest.raises(AssertionError, match="what was just loaded is wrong"):
        assert_theory(SHORT, timeouts(), backend=backend, more=defect, seeds=SEEDS)


@pytest.mark.proof
def test_two_requests_on_one_connection_are_refused() -> None:
    """A guard ends the run."""
    with pytest.raises(CodeError, match="two requests at once use one connection"):
        assert_theory(replace(SHORT, db_read_s=0.1), timeouts(), more=ONE_CONNECTION, seeds=[1])


@pytest.mark.proof
def test_two_requests_on_one_connection_give_other_verdicts(tmp_path: Path) -> None:
    """Without the guard they mix their transactions, and what is judged by content is not what versions say."""
    more = ONE_CONNECTION + UNGUARDED
    with pytest.raises(AssertionError):
        compared(played(tmp_path, "sqlite", SCENARIO, seeds=[1], more=more))
