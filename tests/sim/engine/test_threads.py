"""A thread that a request starts: it may do anything but use the site."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.core.cache import cache

from cachewise import Row, Scenario, Site, StrategyError
from cachewise.sim.engine import threads
from tests.helpers import BACKENDS, Custom, run

SCENARIO = Scenario("threads", keys=2, reads_per_s=5, writes_per_s=5, duration_s=2, warmup_s=0)


def in_a_thread(func: Callable[[], object]) -> None:
    """Call *func* in a thread, wait for its end, and swallow what it raises."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(func).exception()


@pytest.mark.servers
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("held", [False, True])
def test_a_thread_that_uses_the_cache_ends_the_run(backend: str, held: bool) -> None:
    """On every backend, although the thread keeps the error to itself, and wherever it got the cache."""

    def write(site: Site, key: str) -> None:
        site.db.write(key)
        ours = site.cache
        in_a_thread(lambda: (ours if held else site.cache).delete(key))

    line = r"^site\.cache.* in another thread, .*hand the work to site\.spawn\(func, after_s=0\)$"
    with pytest.raises(StrategyError, match=line):
        run(SCENARIO, Custom(lambda site, key: site.cache.get(key) or site.db.read(key), write), backend=backend)


@pytest.mark.servers
@pytest.mark.parametrize("backend", BACKENDS)
def test_so_does_one_that_uses_it_by_djangos_name(backend: str) -> None:
    """`from django.core.cache import cache` is the run's cache in a request, and in a thread that a request starts."""

    def write(site: Site, key: str) -> None:
        site.db.write(key)
        in_a_thread(lambda: cache.delete(key))

    with pytest.raises(StrategyError, match=r"^site\.cache.* in another thread"):
        run(SCENARIO, Custom(writer=write), backend=backend)


def test_a_timer_ends_the_run() -> None:
    """It would wait in real time, when the run is over long since; nothing of it is left."""
    started: list[threading.Timer] = []

    def write(site: Site, key: str) -> None:
        site.db.write(key)
        started.append(threading.Timer(15, site.cache.delete, (key,)))
        with suppress(Exception):
            started[-1].start()

    with pytest.raises(StrategyError, match=r"a threading\.Timer waits 15 s of real time, .*after_s=15\)$"):
        run(SCENARIO, Custom(writer=write))
    assert len(started) == 1
    assert not started[0].is_alive()


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (lambda site: site.db.read("k"), "site.db.read()"),
        (lambda site: site.db.version("k"), "site.db.version()"),
        (lambda site: site.db.write("k"), "site.db.write()"),
        (lambda site: site.db.atomic().__enter__(), "site.db.atomic()"),
        (lambda site: site.db.on_commit(int), "site.db.on_commit()"),
        (lambda site: site.random, "site.random"),
        (lambda site: site.time(), "site.time()"),
        (lambda site: site.sleep(1), "site.sleep()"),
        (lambda site: site.spawn(int), "site.spawn()"),
        (lambda site: site.ideal, "site.ideal"),
    ],
)
def test_whatever_of_the_site_it_uses(use: Callable[[Site], object], named: str) -> None:
    """The error names what was used."""

    def read(site: Site, key: str) -> Row:
        in_a_thread(lambda: use(site))
        return site.db.read(key)

    with pytest.raises(StrategyError) as told:
        run(SCENARIO, Custom(read))
    assert str(told.value).startswith(f"{named} in another thread")


def test_the_thread_is_told_of_where_the_request_fails_because_of_it() -> None:
    """What the request makes of the thread's failure explains nothing: the thread does."""

    def read(site: Site, key: str) -> Row:
        in_a_thread(lambda: site.cache.get(key))
        raise KeyError("the thread did not answer")

    with pytest.raises(StrategyError, match=r"site\.cache\.get\(\) in another thread"):
        run(SCENARIO, Custom(read))


def test_a_thread_that_comes_late(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """One that uses the site when the traffic is over already is waited for; it prints nothing of its own."""
    monkeypatch.setattr(threads, "GRACE_S", 60.0)
    over = threading.Event()

    def late(site: Site) -> None:
        over.wait(60)
        site.cache.clear()

    def read(site: Site, key: str) -> Row:
        if not started:
            started.append(threading.Thread(target=late, args=(site,)))
            started[0].start()
        return site.db.read(key)

    class AtTheEnd(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            over.set()
            super().join(timeout)

    started: list[threading.Thread] = []
    monkeypatch.setattr(threading, "Thread", AtTheEnd)
    with pytest.raises(StrategyError, match=r"site\.cache\.clear\(\) in another thread"):
        run(SCENARIO, Custom(read))
    assert capfd.readouterr().err == ""


def test_a_thread_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for in vain: a note says that it goes on. One that ended is no news."""
    monkeypatch.setattr(threads, "GRACE_S", 0.01)
    end = threading.Event()

    def read(site: Site, key: str) -> Row:
        if not started:
            started.append(threading.Thread(target=end.wait))
            started[0].start()
            in_a_thread(lambda: None)
        return site.db.read(key)

    started: list[threading.Thread] = []
    try:
        (note,) = run(SCENARIO, Custom(read)).notes
    finally:
        end.set()
        started[0].join()
    assert note.startswith("1 thread that requests have started went on after the run")
    assert "site.spawn" in note


def test_threads_are_as_before_after_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own functions are back, also after a run that failed."""
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    before: Any = threading.Thread.start, threading.excepthook

    def read(site: Site, key: str) -> Row:
        assert threading.excepthook is not before[1], site
        raise KeyError(key)

    with pytest.raises(KeyError):
        run(SCENARIO, Custom(read))
    assert (threading.Thread.start, threading.excepthook) == before


def test_many_threads_that_come_too_late_are_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """The first one ends the run; what the others do afterwards is not printed. One that nobody was told of is."""
    over = threading.Event()
    started: list[threading.Thread] = []

    def late(site: Site) -> None:
        over.wait(60)
        site.cache.clear()

    def write(site: Site, key: str) -> None:
        site.db.write(key)
        started.append(threading.Thread(target=late, args=(site,)))
        started[-1].start()
        if len(started) == 3:
            in_a_thread(lambda: site.cache.get(key))

    with pytest.raises(StrategyError, match=r"site\.cache\.get\(\) in another thread"):
        run(SCENARIO, Custom(writer=write))
    over.set()
    for thread in started:
        thread.join()
    assert len(started) == 3
    assert capfd.readouterr().err == ""
