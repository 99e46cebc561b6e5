"""Interrupts that wait: nothing that must be whole is cut in two by Ctrl-C."""

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest

from cachewise import Row, Scenario, Site
from cachewise.sim.processes import interrupts
from cachewise.sim.processes.interrupts import (
    AGAIN_S,
    finish,
    give_up_if_interrupted,
    interrupts_first,
    interrupts_held,
    nothing_swallowed,
    temporary_folder,
)
from tests.helpers import Custom, run

FILES = 3000


def press_ctrl_c() -> None:
    """Send SIGINT to the main thread itself: another might take the process's only much later."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


def press_ctrl_c_once(condition: Callable[[], bool]) -> threading.Thread:
    """Send this process a SIGINT as soon as *condition* holds."""

    def watch() -> None:
        deadline_s = time.monotonic() + 30
        while not condition() and time.monotonic() < deadline_s:
            time.sleep(0)
        press_ctrl_c()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def shrinks(folder: Path) -> bool:
    """Return whether the removal of a folder of `FILES` files has begun."""
    try:
        return len(list(folder.iterdir())) < FILES
    except FileNotFoundError:
        return True


def use_temporary_folder(parent: Path) -> None:
    """Fill a temporary folder, and press Ctrl-C once its removal has begun."""
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder("some-", parent))
        for number in range(FILES):
            (folder / str(number)).touch()
        watcher = press_ctrl_c_once(lambda: shrinks(folder))
        stack.close()
        watcher.join()  # however late the interrupt comes, it is raised here


def press_and_go_on(steps: list[str]) -> None:
    """Press Ctrl-C twice where it is held, and do something."""
    with interrupts_held():
        press_ctrl_c()
        press_ctrl_c()
        steps.append("after the interrupt")


def test_a_temporary_folder_goes_though_ctrl_c_comes_while_it_is_removed(tmp_path: Path) -> None:
    """The removal is finished first, then the interrupt is raised."""
    with pytest.raises(KeyboardInterrupt):
        use_temporary_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    """What stands in the block happens to the end; then the interrupt is raised, once, and handlers are as before."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    steps: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        press_and_go_on(steps)
    assert steps == ["after the interrupt"]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_must_be_finished_is_though_an_interrupt_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the instant before it is held: all the same the end is what it should be, and then it is raised."""
    held, done = interrupts_held, []
    first = iter([True])

    @contextmanager
    def just_before() -> Iterator[None]:
        if next(first, False):
            raise KeyboardInterrupt
        with held():
            yield

    monkeypatch.setattr(interrupts, "interrupts_held", just_before)
    with pytest.raises(KeyboardInterrupt):
        finish(lambda: done.append("whole"))
    assert done == ["whole"]


def test_a_process_started_in_the_block_does_not_hear_ctrl_c() -> None:
    """A terminal sends Ctrl-C to all processes; workers that still import leave the answer to their parent."""
    code = "import signal; signal.raise_signal(signal.SIGINT); print('went on')"
    with interrupts_held():
        with interrupts_held():
            pass
        held = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (held.returncode, held.stdout, held.stderr) == (0, "went on\n", "")


def test_who_has_blocked_ctrl_c_keeps_it_blocked() -> None:
    """The thread's signal mask is as before."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with interrupts_held():
            pass
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def raise_out_of_a_block() -> None:
    """Leave a block in which two signals have come, one of them blocked until its end."""
    with interrupts_held():
        press_ctrl_c()
        signal.raise_signal(signal.SIGTERM)


def test_all_handlers_are_put_back_though_one_raises() -> None:
    """Ctrl-C while the handlers are put back, SIGTERM held beside it: both handlers are as before."""

    def end(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for _ in range(50):
            with pytest.raises(KeyboardInterrupt):
                raise_out_of_a_block()
            assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM) is end
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_other_threads_are_left_alone() -> None:
    """Python hands signals to the main thread: elsewhere there is nothing to hold, and nothing breaks."""
    done = []

    def work() -> None:
        with interrupts_held():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


def stumble_over(first: BaseException) -> None:
    """Raise *first*, and another exception while it is handled."""
    with interrupts_first():
        try:
            raise first
        finally:
            Path("/no/such/file").unlink()


def test_ctrl_c_comes_first() -> None:
    """What an interrupted `finally` stumbles over does not hide the Ctrl-C; any other error stays what it is."""
    with pytest.raises(KeyboardInterrupt):
        stumble_over(KeyboardInterrupt())
    for other in (ValueError(), SystemExit(3)):
        with pytest.raises(FileNotFoundError):
            stumble_over(other)


SWALLOWED = """
    import signal, time, weakref
    from cachewise.sim.processes.interrupts import interrupts_held
    {prepared}

    class Referred:
        pass

    referred = Referred()
    reference = weakref.ref(referred, lambda _: signal.raise_signal(signal.{name}))
    del referred
    {meanwhile}
    time.sleep(10)
    print("went on")
"""
COMMAND = "from cachewise.sim.processes.interrupts import raise_on_signals; raise_on_signals()"
WORKER = (
    "import multiprocessing, os; from cachewise.sim.processes import duty; ends = multiprocessing.Pipe(duplex=False);"
    "duty.begin(os.getppid(), ends[0], 60); duty._under_way.append('a run')"
)
BLOCK = "with interrupts_held(): signal.raise_signal(signal.SIGALRM); print('whole')"
NO_ALARM = "signal.setitimer = lambda *_: None"  # it comes when the block says so, however slow this machine is


@pytest.mark.parametrize(("meanwhile", "output"), [("", ""), (BLOCK, "whole\n")], ids=["", "held"])
@pytest.mark.parametrize(
    ("prepared", "name", "code", "last"),
    [(COMMAND, "SIGINT", 1, "Interrupted"), (COMMAND, "SIGTERM", 143, ""), (WORKER, "SIGTERM", 143, "")],
    ids=["ctrl-c", "sigterm", "sigterm in a worker"],
)
def test_what_python_swallows_is_raised_again(
    prepared: str, name: str, code: int, last: str, meanwhile: str, output: str
) -> None:
    """A signal that comes in the callback of a weak reference, of which every import has one, is heard."""
    prepared = f"{prepared}; {NO_ALARM}" if meanwhile else prepared
    script = textwrap.dedent(SWALLOWED).format(prepared=prepared, name=name, meanwhile=meanwhile)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout) == (code, output)
    assert ended.stderr.strip().rpartition(".")[2] == last


SLOW = """
    timer, stalls = signal.setitimer, iter([0.1])
    signal.setitimer = lambda *when: (timer(*when), time.sleep(next(stalls, 0)))
"""


def test_what_python_swallows_is_raised_again_however_slow_the_machine() -> None:
    """The alarm that brings it back may ring before the swallowing is over: then it rings again."""
    prepared = f"{COMMAND}\n{SLOW}"
    script = textwrap.dedent(SWALLOWED.format(prepared=prepared, name="SIGINT", meanwhile=""))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith("cachewise.sim.processes.interrupts.Interrupted\n")


def press_in_del() -> None:
    """Press Ctrl-C where Python swallows it."""

    class Pressing:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    Pressing()


def press_in_a_run() -> None:
    """Press Ctrl-C once, where it is swallowed, in the middle of a run that would take a minute."""
    reads = count()

    def read(site: Site, key: str) -> Row:
        if next(reads) == 100:
            press_in_del()
        return site.db.read(key)

    run(Scenario("long", keys=1, reads_per_s=1000, writes_per_s=0, duration_s=10_000, warmup_s=0), Custom(read))


def test_a_run_ends_with_the_first_ctrl_c_wherever_it_comes() -> None:
    """A run that is called from Python leaves nothing changed behind: neither hook nor alarm."""
    before = sys.unraisablehook, signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt):
        press_in_a_run()
    assert (sys.unraisablehook, signal.getsignal(signal.SIGALRM)) == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_other_code_keeps_its_swallowed_ctrl_c() -> None:
    """Only in a block that asks for it is anything raised again."""
    with nothing_swallowed():
        pass
    press_in_del()
    time.sleep(5 * AGAIN_S)


@pytest.fixture
def rung() -> Iterator[list[int]]:
    """Somebody's own alarm clock: each ring is noted."""
    rings: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _frame: rings.append(number))
    yield rings
    signal.signal(signal.SIGALRM, before)


def test_somebodys_alarm_is_left_alone(rung: list[int]) -> None:
    """A program's own alarm clock rings within a held block, and is no reason to give up what is under way there."""
    with interrupts_held():
        signal.raise_signal(signal.SIGALRM)
        assert rung
        give_up_if_interrupted()


def test_somebodys_alarm_rings_after_what_was_swallowed(rung: list[int]) -> None:
    """The alarm is borrowed until the swallowed Ctrl-C has come out again, however often one was swallowed."""
    with pytest.raises(KeyboardInterrupt):
        press_twice_and_wait()
    signal.raise_signal(signal.SIGALRM)
    assert len(rung) == 1


def press_twice_and_wait() -> None:
    """Press Ctrl-C twice where it is swallowed, and wait for it to come out."""
    with nothing_swallowed():
        press_in_del()
        press_in_del()
        time.sleep(10)
