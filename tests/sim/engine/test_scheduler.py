"""The engine: SimPy's events, errors that reach the caller, one OS thread, and runs that do not meet."""

import decimal
import gc
import re
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import simpy

from cachewise import Row, Scenario, Site, StrategyError, run
from cachewise.sim.engine.scheduler import Engine
from cachewise.strategies import DeleteOnWrite, NoCache, Versioning
from tests.helpers import Custom, play, script

BUSY = Scenario("busy", keys=20, reads_per_s=200, writes_per_s=20, duration_s=20, warmup_s=2, workers=2, threads=3)


def test_waits_end_in_order_of_time_then_of_entry() -> None:
    """Requests go on at the time they asked for; at one instant, first come, first served."""
    engine, log = Engine(), []

    def request(name: str, delay_s: float) -> None:
        engine.wait(delay_s)
        log.append((engine.time(), name))

    play(
        lambda: request("c", 2.0),
        lambda: request("a", 1.0),
        lambda: request("b", 1.0),
        lambda: request("now", 0.0),
        engine=engine,
    )
    assert log == [(0.0, "now"), (1.0, "a"), (1.0, "b"), (2.0, "c")]


def test_thousands_of_requests_wait_at_once() -> None:
    """However many are under way, each starts with the whole stack before it."""
    scenario = Scenario("slow", reads_per_s=1000, writes_per_s=0, duration_s=5, warmup_s=0, db_read_s=4)
    result = run(scenario, NoCache())
    assert result.summary["db_peak_in_flight"] > 3000
    assert result.reads["end_s"].notna().all()


def test_a_timeout_is_waited_for() -> None:
    """SimPy's timeout has its value from the start; waiting for it takes its time all the same."""
    engine, log = Engine(), []

    def request() -> None:
        timeout = engine.timeout(3.0, "done")
        log.append((engine.wait_for(timeout), engine.time()))
        log.append((engine.wait_for(timeout), engine.time()))  # it has happened: no second wait

    play(request, engine=engine)
    assert log == [("done", 3.0), ("done", 3.0)]


def test_a_request_keeps_its_context_variables_to_itself() -> None:
    """Requests under way at once do not see each other's, as threads do not (time zones, decimal contexts)."""
    precision: list[tuple[str, int]] = []

    def read(site: Site, key: str) -> Row:
        with decimal.localcontext() as context:
            context.prec = int(key.partition(":")[2]) + 10
            row = site.db.read(key)
            precision.append((key, decimal.getcontext().prec))
        return row

    scenario = Scenario("both", keys=5, reads_per_s=50, writes_per_s=0, duration_s=2, warmup_s=0, db_read_s=0.5)
    run(scenario, Custom(read))
    assert len(precision) > 50
    assert [int(key.partition(":")[2]) + 10 for key, _ in precision] == [prec for _, prec in precision]
    assert decimal.getcontext().prec == 28


def test_a_transaction_left_open_is_an_error() -> None:
    """It would swallow what later requests write."""
    kept = []

    def write(site: Site, key: str) -> None:
        kept.append(site.db.atomic())
        kept[-1].__enter__()
        site.db.write(key)

    with pytest.raises(StrategyError, match=r"^Custom\.write\(\) left a transaction open"):
        run(BUSY, Custom(writer=write))


def test_the_row_of_another_key_is_an_error() -> None:
    """The commonest bug of a new strategy is a wrong cache key; versions of two keys cannot be compared."""
    with pytest.raises(StrategyError, match=r"^Custom\.read\(\) returned the row of 'key:0' for 'key:"):
        run(BUSY, Custom(lambda site, _key: site.db.read("key:0")))


def test_an_error_says_in_which_request_it_was_raised() -> None:
    """The exception comes out as it is, with a note of the call, the worker and the virtual time."""

    def read(_site: Site, _key: str) -> Row:
        raise KeyError("nope")

    with pytest.raises(KeyError) as caught:
        run(BUSY, Custom(read))
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"in Custom\.read\(site, 'key:\d+'\) on worker [01], \d+\.\d{6} s into the run", note)


def test_all_who_wait_for_an_event_go_on_at_its_instant() -> None:
    """Several requests waiting for one event all continue when it happens, in order, whatever else is due."""
    engine, log = Engine(), []
    event = engine.event()

    def waiter(name: str) -> None:
        engine.wait_for(event)
        log.append((engine.time(), name))
        engine.wait(1.0)

    def bystander() -> None:
        for _ in range(20):
            engine.wait(0.3)

    engine.call_at(1.0, event.succeed)
    play(lambda: waiter("a"), lambda: waiter("b"), lambda: waiter("c"), bystander, engine=engine)
    assert log == [(1.0, "a"), (1.0, "b"), (1.0, "c")]


def test_simpy_processes_and_resources() -> None:
    """A request waits for a process and shares a resource with one: both are SimPy's own."""
    engine, log = Engine(), []
    resource = simpy.Resource(engine, 1)

    def process() -> Iterator[Any]:
        with resource.request() as turn:
            yield turn
            yield engine.timeout(2.0)
            log.append((engine.time(), "process"))
        return "result"

    def request(running: simpy.Process) -> None:
        turn = resource.request()
        engine.wait_for(turn)
        log.append((engine.time(), "request"))
        resource.release(turn)
        log.append((engine.time(), engine.wait_for(running)))

    running = engine.process(process())
    engine.call_at(0.5, lambda: request(running))
    play(engine=engine)
    assert log == [(2.0, "process"), (2.0, "request"), (2.0, "result")]


def test_a_failed_event_raises_in_every_request_that_waits_for_it() -> None:
    """What a SimPy process raises comes out where it is waited for, and the run goes on."""
    engine, log = Engine(), []

    def process() -> Iterator[Any]:
        yield engine.timeout(1.0)
        raise KeyError("broken")

    running = engine.process(process())

    def request(name: str) -> None:
        try:
            engine.wait_for(running)
        except KeyError as error:
            log.append((engine.time(), name, str(error)))

    play(lambda: request("a"), lambda: request("b"), engine=engine)
    assert log == [(1.0, "a", "'broken'"), (1.0, "b", "'broken'")]


def test_a_process_nobody_waits_for_fails_the_run() -> None:
    """An exception in a SimPy process reaches the caller as it is."""
    engine = Engine()

    def process() -> Iterator[Any]:
        yield engine.timeout(1.0)
        raise KeyError("alone")

    engine.process(process())
    with pytest.raises(KeyError, match="alone"):
        play(engine=engine)


def test_waiting_for_ever_is_one_clear_error() -> None:
    """A request whose event never happens ends the run with a line, not with a hang; the others run to their end."""
    engine, log = Engine(), []
    never = engine.event()

    def other() -> None:
        engine.wait(5.0)
        log.append(engine.time())

    with pytest.raises(StrategyError, match=r"^1 request\(s\) wait for something that never happens$"):
        play(lambda: engine.wait_for(never), other, engine=engine)
    assert log == [5.0]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_reaches_the_caller_and_unwinds_the_rest(tmp_path: Path, error: type[BaseException]) -> None:
    """Whatever a request raises comes out of run(); every request under way runs its finally blocks, once."""
    unwound = []

    def read(site: Site, key: str) -> Row:
        if key == "bad":
            raise error("this one")
        try:
            return site.db.read(key)
        finally:
            unwound.append(key)

    steps = [(0.0, "read", "a"), (0.1, "read", "b"), (0.2, "read", "c"), (0.3, "read", "bad"), (0.4, "read", "late")]
    with pytest.raises(error, match="this one"):
        run(script(tmp_path, steps, db_read_s=1.0), Custom(read))
    assert sorted(unwound) == ["a", "b", "c"]


def test_a_clean_up_that_waits_or_raises_does_not_hide_the_error(tmp_path: Path) -> None:
    """While the rest is unwound no virtual time passes, and what a finally block stumbles over stays unheard."""
    reached = []

    def read(site: Site, key: str) -> Row:
        if key == "bad":
            raise KeyError("the first error")
        try:
            return site.db.read(key)
        finally:
            reached.append(key)
            if key == "a":
                site.db.read(key)  # a wait
            raise RuntimeError("clean-up")

    steps = [(0.0, "read", "a"), (0.1, "read", "b"), (0.3, "read", "bad")]
    with pytest.raises(KeyError, match="the first error"):
        run(script(tmp_path, steps, db_read_s=1.0), Custom(read))
    assert sorted(reached) == ["a", "b"]


def test_a_request_that_swallows_its_end_serves_no_other(tmp_path: Path) -> None:
    """Catching everything does not keep a run alive after an error: no further request is taken."""
    begun = []

    def read(site: Site, key: str) -> Row:
        begun.append(key)
        if key == "bad":
            raise KeyError("the error")
        try:
            return site.db.read(key)
        except BaseException:  # noqa: BLE001
            return Row(key, 0, b"")

    steps = [(0.0, "read", "a"), (0.3, "read", "bad"), (0.4, "read", "late"), (0.5, "read", "later")]
    with pytest.raises(KeyError, match="the error"):
        run(script(tmp_path, steps, db_read_s=1.0), Custom(read))
    assert begun == ["a", "bad"]


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_left_as_it_was(enabled: bool) -> None:
    """Automatic collection is off during a run only, after success as after an error."""
    seen = []

    def read(_site: Site, key: str) -> Row:
        seen.append(gc.isenabled())
        raise KeyError(key)

    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(KeyError):
            run(BUSY, Custom(read))
        after_error = gc.isenabled()
        run(BUSY, NoCache())
        assert (after_error, gc.isenabled(), seen) == (enabled, enabled, [False])
    finally:
        (gc.enable if before else gc.disable)()


def test_a_run_leaves_nothing_of_its_world_behind() -> None:
    """When it has ended, what it was made of is gone at once: hundreds of runs are no more in memory than one."""
    caches = []

    def read(site: Site, key: str) -> Row:
        caches.append(weakref.ref(site.cache))
        return site.db.read(key)

    run(BUSY, Custom(read))
    assert {cache() for cache in caches} == {None}


def test_runs_that_overlap_leave_nothing_behind() -> None:
    """A run in another thread, begun in this one and ended after it, keeps neither world in memory."""
    caches: dict[str, Any] = {}
    begun, over = threading.Event(), threading.Event()

    def read_beside(site: Site, key: str) -> Row:
        caches["beside"] = weakref.ref(site.cache)
        begun.set()
        over.wait(30)
        return site.db.read(key)

    beside = threading.Thread(target=run, args=(BUSY, Custom(read_beside)))

    def read(site: Site, key: str) -> Row:
        caches["here"] = weakref.ref(site.cache)
        if not begun.is_set():
            beside.start()
            begun.wait(30)
        return site.db.read(key)

    run(BUSY, Custom(read))
    assert caches["here"]() is None
    over.set()
    beside.join()
    assert caches["beside"]() is None


def test_what_others_have_frozen_stays_frozen() -> None:
    """An application that has frozen its objects before it forks keeps them so."""
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        run(BUSY, NoCache())
        assert gc.get_freeze_count() > 0.9 * before > 0  # some have died since
    finally:
        gc.unfreeze()
    run(BUSY, NoCache())
    assert gc.get_freeze_count() == 0


def test_a_run_stays_on_one_thread() -> None:
    """All requests run on the caller's thread, and none is started."""
    threads = set()

    def read(site: Site, key: str) -> Row:
        threads.add((threading.get_ident(), threading.active_count()))
        return site.db.read(key)

    before = threading.active_count()
    run(BUSY, Custom(read))
    assert threads == {(threading.get_ident(), before)}


@pytest.mark.parametrize("backend", ["shared", "locmem", "file", "db"])
def test_two_runs_in_two_threads_do_not_meet(backend: str) -> None:
    """Two different runs side by side in one process give the bytes that each gives alone."""
    short = BUSY.with_settings({"duration_s": "4"})
    plans = [(short, Versioning(timeout=3), 1), (short.with_settings({"keys": "7"}), DeleteOnWrite(timeout=2), 2)]
    alone = [_bytes(scenario, strategy, backend, seed) for scenario, strategy, seed in plans]
    found: dict[int, bytes] = {}
    barrier = threading.Barrier(len(plans))

    def side_by_side(place: int) -> None:
        scenario, strategy, seed = plans[place]
        barrier.wait()
        found[place] = _bytes(scenario, strategy, backend, seed)

    threads = [threading.Thread(target=side_by_side, args=(place,)) for place in range(len(plans))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[place] for place in range(len(plans))] == alone


def test_a_run_inside_a_run(tmp_path: Path) -> None:
    """A strategy may start a run of its own; neither changes the other."""
    alone = _bytes(BUSY, DeleteOnWrite(), "shared", 3)
    inner = []

    def read(site: Site, key: str) -> Row:
        if key == "run":
            inner.append(_bytes(BUSY, DeleteOnWrite(), "shared", 3))
        return site.db.read(key)

    outer = run(script(tmp_path, [(0.0, "read", "a"), (0.5, "read", "run"), (0.7, "read", "b")]), Custom(read))
    assert inner == [alone]
    assert outer.reads["end_s"].tolist() == [0.0, 0.5, 0.7]


def _bytes(scenario: Scenario, strategy: Any, backend: str, seed: int) -> bytes:
    return run(scenario, strategy, backend=backend, seed=seed).reads.to_csv().encode()
