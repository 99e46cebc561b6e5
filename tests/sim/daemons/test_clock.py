"""Time on the servers: expiry on virtual time, exactly, and a clock that only goes forward."""

import time
from contextlib import closing
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from pymemcache.client.base import Client
from redis import Redis

from cachewise import Row, Site, UserError, servers
from cachewise.sim.daemons import memcached
from cachewise.sim.daemons.clock import ClockFile
from tests.helpers import Body, Custom, run, script, wait_until, within


def alive(tmp_path: Path, backend: str, set_at_s: float, timeout: float, *look_at_s: float) -> list[bool]:
    """Return whether a key set at *set_at_s* is there at each of the other times."""
    found: list[bool] = []

    def look(site: Site) -> None:
        found.append(site.cache.get("k") is not None)

    looks: list[tuple[float, Body]] = [(at_s, look) for at_s in look_at_s]
    within(tmp_path, backend, (set_at_s, lambda site: site.cache.set("k", 1, timeout)), *looks)
    return found


@pytest.mark.parametrize("backend", ["redis", "django-redis"])
def test_redis_is_exact_to_the_millisecond(tmp_path: Path, backend: str) -> None:
    """An entry set at 0.75 for 300 s is there at 300.75 and gone a millisecond later."""
    assert alive(tmp_path, backend, 0.75, 300, 300.749, 300.75, 300.7509, 300.751) == [True, True, True, False]


@pytest.mark.servers
def test_memcached_is_exact_to_its_second(tmp_path: Path) -> None:
    """An entry lives until its clock, in whole seconds, has moved on by the timeout: set at 0.75, gone at 300.0."""
    assert alive(tmp_path, "memcached", 0.75, 300, 299.0, 299.999, 300.0) == [True, True, False]


@pytest.mark.servers
def test_memcached_keeps_more_than_a_month(tmp_path: Path) -> None:
    """Above 30 days Django sends the instant itself, by the run's clock: a month and a day means just that."""
    month_s, found = 31 * 86_400, []

    def read(site: Site, key: str) -> Row:
        if key == "set":
            site.cache.set("k", 1, month_s)
        else:
            found.append(site.cache.get("k"))
        return Row(key, 0, b"")

    steps = [(0.0, "read", "set"), (month_s - 0.25, "read", "late"), (month_s + 1.0, "read", "too late")]
    run(script(tmp_path, steps, duration_s=1e9), Custom(read), backend="memcached")
    assert found == [1, None]


@pytest.mark.parametrize("backend", ["redis", "memcached"])
def test_years_pass_in_no_time(tmp_path: Path, backend: str) -> None:
    """The clock jumps as far as the next request, and what never expires is still there."""
    found: list[Any] = []
    within(
        tmp_path,
        backend,
        (0.5, lambda site: site.cache.set("k", "v", None)),
        (99_000.25, lambda site: found.append(site.cache.get("k"))),
    )
    assert found == ["v"]


def test_the_clock_file_is_one_stamp(tmp_path: Path) -> None:
    """The file always holds one absolute stamp of the same width; every run begins later than the last one ended."""
    clock = ClockFile(tmp_path / "clock")
    assert clock.path.read_text() == "2000-01-01 00:00:00.0000005\n"
    assert clock.show(3_661.25) - clock.epoch_s == 3_661
    assert clock.path.read_text() == "2000-01-01 01:01:01.2500005\n"
    clock.show(3_661.9999999)  # rounded, not cut: a float falls short of its decimals
    assert clock.path.read_text() == "2000-01-01 01:01:02.0000005\n"
    clock.begin()
    assert clock.path.read_text() == "2000-01-01 01:01:04.0000005\n"
    clock.close()


@pytest.mark.parametrize("backend", ["redis", "memcached"])
def test_all_servers_round_alike(backend: str) -> None:
    """A time that falls short of its second by less than a microsecond is in that second, on every server."""
    with servers() as ours:
        server: Any = ours.start(backend, virtual=True)
        server.begin()
        for time_s, second in ((0.5, 0), (0.9999999, 1), (1.4, 1), (1.999999, 1), (3.0, 3)):
            server.move(time_s)
            shown_s = server._admin.time()[0] if backend == "redis" else server._time_s()
            assert shown_s - server.clock.epoch_s == second


LATE_S = 0.25  # a tick, on a busy machine


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["redis", "memcached"])
def test_a_real_clock_says_when_its_second_began(kind: str) -> None:
    """Without libfaketime: its second is a new one at that instant, and at every whole second after it."""
    with servers() as session:
        server = session.start(kind, virtual=False)
        began_s = server.second_began_s()
        looks = []
        for after_s in (1.25, 1.6, 2.4):  # far from its ticks, which are late on a busy machine
            time.sleep(max(0.0, began_s + after_s - time.monotonic()))
            looks.append((time.monotonic() - began_s, second_of(server), time.monotonic() - began_s))
    firsts = [range(shown - int(after_s), shown - int(before_s - LATE_S) + 1) for before_s, shown, after_s in looks]
    assert set.intersection(*map(set, firsts)), looks


@pytest.mark.servers
def test_a_tick_that_was_slept_through_is_not_taken_for_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still between two looks cannot tell when memcached's second began: the next one counts."""
    stalls = iter((1.5, 0.0, 1.5))  # of the looks, each until so long after the last whole second

    def time_s() -> int:
        time.sleep(max(0.0, next(stalls, 0.0) - time.monotonic() % 1))
        return int(time.monotonic())

    with servers() as session:
        server: Any = session.start("memcached", virtual=False)
        monkeypatch.setattr(server, "_time_s", time_s)
        assert server.second_began_s() % 1 < memcached.TICK_SEEN_WITHIN_S
    assert next(stalls, None) is None


def second_of(server: Any) -> int:
    """Return the whole second that a server says it is."""
    if server.kind == "memcached":
        return int(server._time_s())
    with Redis(unix_socket_path=str(server.socket)) as client:
        return int(client.time()[0])


@pytest.mark.servers
def test_a_clock_that_is_right_is_not_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memcached that shows the second when the patience with it has just ended is as good as before it."""
    with servers() as ours:
        server: Any = ours.start("memcached", virtual=True)
        server.begin()
        knock = server._wake

        def wake_for_long() -> None:
            second = server.clock.epoch_s + 5
            while server._time_s() != second:
                knock()

        monkeypatch.setattr(server, "_wake", wake_for_long)
        monkeypatch.setattr(memcached, "TICK_PATIENCE_S", 0.0)
        server.move(5.0)
        assert server._confirmed_s == server.clock.epoch_s + 5


@pytest.mark.servers
def test_a_crawler_that_still_ends_is_waited_for() -> None:
    """Memcached refuses to start its crawler while the one before has not ended: the next run begins a moment later."""
    with servers() as ours:
        server: Any = ours.start("memcached", virtual=True)
        server._admin.raw_command("lru_crawler enable")
        assert not server._crawls()
        with closing(Client(f"unix:{server.socket}")) as other:
            timer = Timer(0.2, lambda: other.raw_command("lru_crawler disable"))
            timer.start()
            server.begin()
            timer.join()
        wait_until(server._crawls)


def test_a_run_can_begin_at_an_instant_of_its_own(tmp_path: Path) -> None:
    """Any that is later than what the clock has shown."""
    clock = ClockFile(tmp_path / "clock")
    try:
        clock.begin(1_735_689_600)
        assert clock.show(1.5) == 1_735_689_601
        assert clock.path.read_text().startswith("2025-01-01 00:00:01.500000")
        with pytest.raises(
            UserError, match="cannot begin at 2025-01-01 00:00:02 UTC: 2025-01-01 00:00:03 UTC is the earliest"
        ):
            clock.begin(1_735_689_602)
        clock.begin()
        assert clock.epoch_s == 1_735_689_603
    finally:
        clock.close()
