"""Python's and Django's own clocks within a request: virtual there, real everywhere else."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic as by_name_monotonic
from time import sleep as by_name_sleep
from time import time as by_name_time
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.cache import CacheMiddleware
from django.utils import timezone
from django.utils.timezone import now as by_name_now

from cachewise import Row, Scenario, Site, StrategyError, UserError
from cachewise.sim.experiment import run_all
from cachewise.sim.verdict.result import Run
from tests.helpers import Custom, run, script, within

CLOCKS = ("time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns", "sleep")
REAL = {name: getattr(time, name) for name in CLOCKS}
VIRTUAL_S = 1e6  # the runs here are over long before; the real time since 1970 is later


def told() -> dict[str, float]:
    """Ask every clock, however its name was come by; in seconds."""
    from time import monotonic

    return {
        "time": time.time(),
        "monotonic": time.monotonic(),
        "perf_counter": time.perf_counter(),
        "time_ns": time.time_ns() / 1e9,
        "monotonic_ns": time.monotonic_ns() / 1e9,
        "perf_counter_ns": time.perf_counter_ns() / 1e9,
        "time, by name": by_name_time(),
        "monotonic, by name": by_name_monotonic(),
        "monotonic, by name within": monotonic(),
        "timezone.now": timezone.now().timestamp(),
        "timezone.now, by name": by_name_now().timestamp(),
    }


@pytest.mark.parametrize("backend", ["shared", "locmem", "db"])
def test_the_clocks_tell_the_requests_time(tmp_path: Path, backend: str) -> None:
    """All of them keep the time of `site.time()`, the debt of the last call included; they all began at 0."""
    seen: list[tuple[float, dict[str, float]]] = []

    def body(site: Site) -> None:
        site.cache.get("k")
        seen.append((site.time(), told()))
        time.sleep(2)
        by_name_sleep(0.5)
        seen.append((site.time(), told()))

    within(tmp_path, backend, (0.5, body), cache_rtt_s=0.25)
    for at_s, clocks in seen:
        assert clocks == pytest.approx(dict.fromkeys(clocks, at_s), abs=1e-6)
    assert [at_s for at_s, _clocks in seen] == [0.75, 3.25]


def test_now_is_as_django_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With USE_TZ it is aware, and UTC; without it is naive, and local."""
    seen: list[datetime] = []
    for use_tz in (True, False):
        monkeypatch.setattr(settings, "USE_TZ", use_tz, raising=False)
        within(tmp_path, "shared", (0.5, lambda _site: seen.append(timezone.now())))
    assert seen == [datetime.fromtimestamp(0.5, UTC), datetime.fromtimestamp(0.5)]  # noqa: DTZ006 - as Django does


def test_background_work_and_hooks_see_it_too(tmp_path: Path) -> None:
    """What a request hands to `site.spawn` or `on_commit` is its code, even where it is Python's own function."""
    seen: list[float] = []

    def body(site: Site) -> None:
        site.spawn(partial(time.sleep, 2))
        site.spawn(lambda: (time.sleep(3), seen.append(time.time())))
        with site.db.atomic():
            site.db.on_commit(partial(time.sleep, 1))
        seen.append(time.time())

    within(tmp_path, "shared", (0.5, body))
    assert seen == [1.5, 3.5]


def test_a_sleep_of_nonsense_is_pythons_own(tmp_path: Path) -> None:
    """A sleep that Python refuses is refused in a run, too, with the same kind of error."""
    refused: list[tuple[Any, type]] = []

    def body(_site: Site) -> None:
        for seconds in (-1, "1", None, 1e300, float("nan")):
            with pytest.raises((ValueError, TypeError, OverflowError)) as error:
                time.sleep(seconds)
            refused.append((seconds, error.type))

    within(tmp_path, "shared", (0.5, body))
    really = []
    for seconds, _kind in refused:
        with pytest.raises((ValueError, TypeError, OverflowError)) as error:
            REAL["sleep"](seconds)
        really.append(error.type)
    assert [kind for _seconds, kind in refused] == really


SHORT = Scenario("short", keys=2, reads_per_s=20, writes_per_s=2, duration_s=2, warmup_s=0)


def test_elsewhere_time_is_real() -> None:
    """Callbacks of the harness, other threads, and Python's own modules within a request see the real time."""
    real: dict[str, float] = {}
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger("real-time").addHandler(handler)

    def in_a_thread(func: Callable[[], object]) -> None:
        thread = threading.Thread(target=func)
        thread.start()
        thread.join()

    def read(site: Site, key: str) -> Row:
        assert time.time() < VIRTUAL_S
        in_a_thread(lambda: real.setdefault("thread", by_name_time()))
        logging.getLogger("real-time").warning("written")
        return site.db.read(key)

    began_s = REAL["time"]()
    run(SHORT, Custom(read), progress=lambda _count: real.update(progress=by_name_time(), module=time.time()))
    real["logging"] = records[-1].created
    assert set(real) == {"thread", "progress", "module", "logging"}
    for at_s in real.values():
        assert began_s <= at_s <= REAL["time"]()


def test_after_a_run_python_is_as_before() -> None:
    """Its functions are back, also after a run that failed; whoever imported them by name has the real time."""
    inside: list[bool] = []

    def read(site: Site, key: str) -> Row:
        inside.append(time.sleep is not REAL["sleep"])
        if len(inside) > 3:
            raise KeyError(key)
        return site.db.read(key)

    with pytest.raises(KeyError):
        run(SHORT, Custom(read))
    assert inside == [True] * 4
    assert {name: getattr(time, name) for name in CLOCKS} == REAL
    before_s = REAL["time"]()
    assert before_s <= by_name_time() <= REAL["time"]()
    assert before_s - 1e-6 <= by_name_now().timestamp()


def test_two_runs_side_by_side() -> None:
    """The first of two runs in two threads ends, and the other still sees its own time."""
    first_is_over, second_is_under_way = threading.Event(), threading.Event()
    seen: list[float] = []

    def second(site: Site, key: str) -> Row:
        second_is_under_way.set()
        assert first_is_over.wait(60)
        seen.append(time.time())
        return site.db.read(key)

    other = threading.Thread(target=lambda: run(SHORT, Custom(second)))
    other.start()
    assert second_is_under_way.wait(60)
    run(SHORT, Custom(lambda site, key: site.db.read(key)))
    first_is_over.set()
    other.join()
    assert len(seen) > 10
    assert max(seen) < 10


FILE = """
from time import sleep

class Sleeper:
    def read(self, site, key):
        sleep(5)
        seen.append(site.time())
        return site.db.read(key)

    def write(self, site, key):
        site.db.write(key)
"""


def test_a_file_that_never_was_a_module(tmp_path: Path) -> None:
    """A strategy's names are looked through, too: a scenario's file is run, not imported."""
    names: dict[str, Any] = {"__name__": "run_only", "seen": []}
    exec(FILE, names)  # noqa: S102 - as `runpy` does
    assert names["sleep"] is REAL["sleep"]
    run(script(tmp_path, [(0.0, "read", "k"), (1.5, "read", "k")]), names["Sleeper"]())
    assert names["seen"] == [5.0, 6.5]


def test_the_age_of_a_cached_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's cache middleware sees the run's time: a page that was cached 30 s ago has `Age: 30`."""
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["test"], raising=False)
    ages: list[str | None] = []

    def body(_site: Site) -> None:
        request = HttpRequest()
        request.method, request.path = "GET", "/page/"
        request.META.update(SERVER_NAME="test", SERVER_PORT="80")
        response = CacheMiddleware(lambda _request: HttpResponse("page"), cache_timeout=60)(request)
        ages.append(response.get("Age"))

    times = (0.5, 30.5, 59.5, 61.5)
    within(tmp_path, "shared", *((at_s, body) for at_s in times))
    assert ages == [None, "30", "59", None]


@pytest.mark.servers
class TestLock:
    """`cache.lock()` of django-redis, whose Lock polls with `time.sleep` and `time.monotonic`."""

    def test_it_waits_in_virtual_time(self, tmp_path: Path) -> None:
        """The second request gets the lock at its first look after the first has let go."""
        taken: list[tuple[str, float, float]] = []

        def holder(site: Site) -> None:
            with site.cache.lock("lock", timeout=60, sleep=0.1):
                taken.append(("first", site.time(), 0.5))
                site.sleep(3.05)

        def waiter(site: Site) -> None:
            with site.cache.lock("lock", timeout=60, sleep=0.1):
                taken.append(("second", site.time(), 1.0))

        within(tmp_path, "django-redis", (0.5, holder), (1.0, waiter))
        assert taken == [("first", 0.5, 0.5), ("second", pytest.approx(3.6), 1.0)]

    def test_who_gives_up(self, tmp_path: Path) -> None:
        """`blocking_timeout` passes in virtual time; a lock whose holder never lets go expires in it."""
        taken: list[tuple[bool, float]] = []

        def holder(site: Site) -> None:
            assert site.cache.lock("lock", timeout=10).acquire()

        def waiter(site: Site) -> None:
            lock = site.cache.lock("lock", timeout=10, sleep=0.5, blocking_timeout=4)
            taken.append((lock.acquire(), site.time()))

        within(tmp_path, "django-redis", (0.5, holder), (1.0, waiter), (8.25, waiter))
        assert taken == [(False, 5.0), (True, 10.75)]

    def test_no_instants_for_the_server(self, tmp_path: Path) -> None:
        """Its clock is another one than the request's: an entry would be gone at once, or stay."""
        with pytest.raises(
            StrategyError, match=r"^P?EXPIREAT gives an instant to the server, .* use expire\(key, seconds\)"
        ):
            within(tmp_path, "django-redis", (0.5, lambda site: site.cache.expire_at("k", timezone.now())))

    def test_who_has_locks(self) -> None:
        """A strategy that needs them says so, and is refused where there are none."""

        class Locking(Custom):
            needs = ("cache.lock",)

        assert run_all([Run(SHORT, Custom(), "django-redis", 1)], 1)
        run(SHORT, Locking(), backend="django-redis")
        with pytest.raises(UserError, match=r"needs cache\.lock\(\), which backend 'redis' lacks; .*django-redis"):
            run(SHORT, Locking(), backend="redis")
