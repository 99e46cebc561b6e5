"""Locks of requests over virtual waits: who wants one that is held waits in virtual time, first come, first served."""

import pytest

from tests.sim.project.processes import script


@pytest.mark.parametrize("kind", ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition"])
def test_who_holds_it_lets_the_others_wait(kind: str) -> None:
    """Each holds it for a second of virtual time, in the order in which they came."""
    told = script(f"""
        lock = threading.{kind}()
        def hold(name):
            def holding():
                with lock:
                    note(name)
                    time.sleep(1)
            return holding
        play(hold("a"), hold("b"), hold("c"), after_s=[0, 0.25, 0.125])
    """)
    assert told == [["a", 0.0], ["c", 1.0], ["b", 2.0]]


def test_a_lock_that_is_free_costs_nothing() -> None:
    """Neither time nor a turn; taken again by its holder, an RLock is held."""
    told = script("""
        lock, again = threading.Lock(), threading.RLock()
        def a():
            with lock:
                pass
            with again:
                with again:
                    note(lock.locked())
                    time.sleep(1)
                time.sleep(1)
        def b():
            with again:
                note("b")
        play(a, b)
    """)
    assert told == [[False, 0.0], ["b", 2.0]]


def test_timeouts_pass_in_virtual_time() -> None:
    """Whoever gives up has lost its turn; without blocking, nobody waits."""
    told = script("""
        lock, again, seats = threading.Lock(), threading.RLock(), threading.Semaphore(1)
        def holder():
            with lock, again, seats:
                time.sleep(10)
        def impatient():
            note(lock.acquire(blocking=False), lock.acquire(timeout=0))
            note(lock.acquire(timeout=1.5))
            note(again.acquire(timeout=1))
            note(seats.acquire(timeout=1))
        def patient():
            note("patient", lock.acquire(timeout=20))
        play(holder, impatient, patient)
    """)
    assert told == [[False, False, 0.0], [False, 1.5], [False, 2.5], [False, 3.5], ["patient", True, 10.0]]


def test_signals() -> None:
    """An event, a condition, a queue and a barrier wake requests at the instant of the signal, or at their timeout."""
    told = script("""
        import queue
        event, condition, jobs = threading.Event(), threading.Condition(), queue.Queue(1)
        quick, barrier = queue.SimpleQueue(), threading.Barrier(2)
        def waits():
            note("event", event.wait(0.5))
            note("event", event.wait())
            with condition:
                note("condition", condition.wait(0.5))
                note("condition", condition.wait_for(lambda: len(told) > 99, timeout=0.5))
                note("condition", condition.wait())
            note("queue", jobs.get(timeout=9), quick.get())
            barrier.wait()
            note("barrier")
        def signals():
            time.sleep(1)
            event.set()
            time.sleep(2)
            with condition:
                condition.notify_all()
            time.sleep(1)
            jobs.put(1)
            jobs.put(2)
            note("put")
            quick.put("quick")
            time.sleep(1)
            note("waiting", barrier.n_waiting)
            barrier.wait()
        play(waits, signals)
    """)
    assert told == [
        ["event", False, 0.5],
        ["event", True, 1.0],
        ["condition", False, 1.5],
        ["condition", False, 2.0],
        ["condition", True, 3.0],
        ["put", 4.0],
        ["queue", 1, "quick", 4.0],
        ["waiting", 1, 5.0],
        ["barrier", 5.0],
    ]


def test_what_is_on_its_way_counts() -> None:
    """A lock is free when the way back of its holder's last call has passed, and not before."""
    told = script("""
        lock = threading.Lock()
        def holder():
            with lock:
                time.sleep(1)
                engine.current.debt_s = 0.5
            engine.settle()
        def waiting():
            time.sleep(0.5)
            with lock:
                note("waiting")
        def late():
            note(lock.acquire(blocking=False), lock.acquire(timeout=0.0625))
            with lock:
                note("late")
        def later():
            with lock:
                note("later")
        play(holder, waiting, holder, late, later, after_s=[0, 0, 10.0, 11.25, 12])
    """)
    assert told == [["waiting", 1.5], [False, False, 11.3125], ["late", 11.5], ["later", 12.0]]


def test_a_deadlock_ends_the_run() -> None:
    """In one line, and the clean-up of both requests is done."""
    told = script("""
        first, second = threading.Lock(), threading.Lock()
        def takes(one, other):
            def taking():
                try:
                    with one:
                        time.sleep(1)
                        with other:
                            note("never")
                finally:
                    told.append("cleaned up")
            return taking
        try:
            play(takes(first, second), takes(second, first))
        except Exception as error:
            told.append(str(error))
    """)
    assert told == ["cleaned up", "cleaned up", "2 request(s) wait for something that never happens"]


def test_a_lock_behaves_like_pythons_own() -> None:
    """So do its mistakes, within a request and outside."""
    told = script("""
        def tries(call):
            try:
                call()
            except Exception as error:
                told.append(type(error).__name__)
        def misused():
            lock = threading.Lock()
            tries(lock.release)
            tries(lambda: lock.acquire(False, 1))
            tries(lambda: lock.acquire(True, -2))
            tries(threading.RLock().release)
            told.append(repr(lock).partition(" object")[0])
            with lock:
                told.append(repr(lock).partition(" object")[0])
        misused()
        play(misused)
    """)
    kinds = ["RuntimeError", "ValueError", "ValueError", "RuntimeError"]
    assert told == [*kinds, "<unlocked threading.Lock", "<locked threading.Lock"] * 2
