"""A worker that was told to end does no more, whatever becomes of what told it."""

import subprocess
import sys
from textwrap import dedent

import pytest

LOST = """
    import multiprocessing, os, signal
    from cachewise.sim.processes.duty import begin, do
    from cachewise.sim.processes.losses import WorkerKilledError

    def lose(task):
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:
            {then}

    reader, writer = multiprocessing.Pipe(duplex=False)
    begin(os.getppid(), reader, 60)
    for func in (lose, print):
        try:
            do(func, 0, "a task")
        except WorkerKilledError as error:
            print(error)
"""


@pytest.mark.parametrize("then", ["raise", "raise ValueError", "return 'an answer'"])
def test_a_worker_that_was_told_to_end_does(then: str) -> None:
    """Whatever becomes of the signal's exception, the task has no answer, and the next one is not begun."""
    ended = subprocess.run(
        [sys.executable, "-c", dedent(LOST).format(then=then)], capture_output=True, text=True, check=False, timeout=30
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, 2 * "told to end by signal 15\n", "")


LIFELINE = """
    import multiprocessing, os, time
    from cachewise.sim.processes.duty import begin, do
    from cachewise.sim.processes.losses import WorkerKilledError

    reader, writer = multiprocessing.Pipe(duplex=False)
    begin({parent}, reader, 60)
    writer.close()
    try:
        do(time.sleep, 0, 60)
    except WorkerKilledError:
        {then}
"""


@pytest.mark.parametrize(
    ("parent", "then", "code"),
    [("os.getppid()", "print('unwound')", 0), ("-1", "print('unwound', flush=True); time.sleep(60)", -9)],
    ids=["no more work", "no parent"],
)
def test_a_closed_lifeline_unwinds_what_is_under_way(parent: str, then: str, code: int) -> None:
    """Without a parent the process itself ends soon after, by force; where the kernel does that, it is looked away."""
    script = dedent(LIFELINE).format(parent=parent, then=then)
    script = script.replace("begin(", "from cachewise.sim.processes import duty; duty.die_with_parent = id; begin(")
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "unwound\n", "")
