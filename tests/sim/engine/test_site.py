"""The site around a request: background work, and chance of its own."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import pytest

from cachewise import Bound, Costs, Row, Scenario, Site, StrategyError
from cachewise.sim.engine import fleet, scheduler
from tests.helpers import BACKENDS, Body, Custom, calls, run, script, within


def test_background_work(tmp_path: Path) -> None:
    """`spawn` starts when its request's answer would be sent, runs beside it, and keeps it from nothing."""
    log: list[tuple[float, str]] = []

    def body(site: Site) -> None:
        def background() -> None:
            log.append((site.time(), "begins"))
            site.db.read("x")
            site.cache.set("k", 1)
            log.append((site.time(), "ends"))

        site.cache.get("k")
        site.spawn(background)
        log.append((site.time(), "request goes on"))
        site.db.read("x")
        log.append((site.time(), "request ends"))

    found = within(tmp_path, "shared", (0.5, body), cache_rtt_s=0.5, db_read_s=2.0)
    assert sorted(log) == [(1.0, "begins"), (1.0, "request goes on"), (3.0, "request ends"), (3.5, "ends")]
    assert calls(found) == [(0.75, "get", "k"), (3.25, "set", "k")]


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_in_background_work_reaches_the_caller(backend: str) -> None:
    """What background work raises ends the run like what a request raises."""

    def read(site: Site, key: str) -> Row:
        row = site.db.read(key)
        site.spawn(lambda: 1 // 0)
        return row

    with pytest.raises(ZeroDivisionError):
        run(Scenario("short", keys=2, reads_per_s=50, duration_s=1), Custom(read), backend=backend)


def test_chance_belongs_to_the_request() -> None:
    """`site.random` depends on the seed and the request alone: not on the strategy, the backend, or other draws."""

    def draws(seed: int, backend: str, extra: int) -> dict[float, list[float]]:
        found: dict[float, list[float]] = {}

        def read(site: Site, key: str) -> Row:
            began_s = site.time()
            for _ in range(extra):
                site.cache.get(key)
            found[began_s] = [site.random.random(), site.random.random()]
            site.spawn(lambda: found.setdefault(-began_s - 1, [site.random.random()]))
            return site.db.read(key)

        run(
            Scenario("chance", keys=3, reads_per_s=30, writes_per_s=0, duration_s=3, warmup_s=0),
            Custom(read),
            backend=backend,
            seed=seed,
        )
        return found

    first = draws(1, "shared", 0)
    assert draws(1, "locmem", 3) == first
    assert next(iter(draws(2, "shared", 0).values())) != next(iter(first.values()))
    values = [value for mine in first.values() for value in mine]
    assert len(set(values)) == len(values)


def test_sleep_and_late_work(tmp_path: Path) -> None:
    """`sleep` and `spawn(after_s=...)` pass virtual time, what the request still owes for its last call included."""
    log: list[tuple[float, str]] = []

    def body(site: Site) -> None:
        site.cache.get("k")
        site.spawn(lambda: log.append((site.time(), "late")), after_s=7)
        site.sleep(2)
        log.append((site.time(), "slept"))
        site.cache.get("k")
        site.sleep(0)
        log.append((site.time(), "slept again"))

    found = within(tmp_path, "shared", (0.5, body), cache_rtt_s=0.5)
    assert sorted(log) == [(3.0, "slept"), (3.5, "slept again"), (8.0, "late")]
    assert calls(found) == [(0.75, "get", "k"), (3.25, "get", "k")]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e10])
def test_a_delay_that_nobody_can_wait_for(tmp_path: Path, seconds: float) -> None:
    """Refused with the value and what it may be, in both calls."""
    told: list[str] = []

    def body(site: Site) -> None:
        for call in (lambda: site.sleep(seconds), lambda: site.spawn(int, after_s=seconds)):
            with pytest.raises(ValueError, match=r"must be seconds, 0 to 1e\+09") as refused:
                call()
            told.append(str(refused.value))
        with pytest.raises(TypeError, match=r"site.sleep: '1' must be seconds"):
            site.sleep("1")  # type: ignore[arg-type]

    within(tmp_path, "shared", (0.5, body))
    assert [line.partition(":")[0] for line in told] == ["site.sleep", "site.spawn"]


@dataclass(frozen=True)
class DeleteTwice:
    """Delete on commit, and once more some time later: what a slow reader has stored meanwhile goes, too."""

    again_after_s: float | None
    asleep: bool = False
    name: ClassVar[str] = "delete-twice"
    costs: ClassVar[Costs] = Costs(1, 1, 2)
    stale_at_most: ClassVar[Bound] = "timeout"

    def read(self, site: Site, key: str) -> Row:
        """Return the cached row, or load and cache it."""
        return cast("Row", site.cache.get_or_set(key, lambda: site.db.read(key), 1000))

    def write(self, site: Site, key: str) -> None:
        """Change the row, and delete the key twice."""
        site.db.write(key)
        site.cache.delete(key)
        if self.again_after_s is not None and self.asleep:
            time.sleep(self.again_after_s)
            site.cache.delete(key)
        elif self.again_after_s is not None:
            site.spawn(lambda: site.cache.delete(key), after_s=self.again_after_s)


@pytest.mark.parametrize("asleep", [False, True])
def test_a_delayed_second_delete(tmp_path: Path, asleep: bool) -> None:
    """A load overtaken by a write stores what is outdated. A second delete mends it, if it comes late enough."""
    steps = [(0.0, "write", "other"), (1.0, "read", "k"), (2.0, "write", "k"), (4.5, "read", "k"), (9.0, "read", "k")]
    scenario = script(tmp_path, steps, db_read_s=3)  # from 1 to 4: the write at 2 is not in it

    def stale(strategy: DeleteTwice) -> list[bool]:
        return list(run(scenario, strategy).reads["stale"])

    assert stale(DeleteTwice(None)) == [False, True, True]
    assert stale(DeleteTwice(0.5, asleep)) == [False, True, True]  # at 2.5, before the load is back
    assert stale(DeleteTwice(4, asleep)) == [False, True, False]


def test_a_request_that_sleeps_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polling for what never happens ends the run, and does not hang it: in a request and in the look at its end."""
    monkeypatch.setattr(scheduler, "MOST_SLEEPS", 1000)  # in earnest a million

    def poll(site: Site) -> None:
        while not site.cache.add("lock", 1, None):
            site.sleep(0.001)

    def body(site: Site) -> None:
        poll(site)
        poll(site)

    with pytest.raises(StrategyError, match="has waited 1,000 times, for something that never happens"):
        within(tmp_path, "shared", (0.5, body))

    def look(site: Site, key: str) -> Row:
        if site.time() > 50:
            poll(site)
            poll(site)
        return site.db.read(key)

    steps = [(0.0, "write", "k"), (60.5, "read", "k")]
    with pytest.raises(StrategyError, match="has waited 1,000 times"):
        run(script(tmp_path, steps), Custom(look))


def test_nobody_sleeps_for_ever_by_swallowing_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is raised once; who goes on sleeping ends the run."""
    monkeypatch.setattr(scheduler, "MOST_SLEEPS", 1000)

    def body(site: Site) -> None:
        while True:
            with suppress(Exception):
                site.sleep(0.001)

    with pytest.raises(StrategyError, match="has waited 1,000 times"):
        within(tmp_path, "shared", (0.5, body))


def test_polling_by_calls_alone_ends_in_the_last_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No time passes there: a loop around a call of the cache would go on for ever."""
    monkeypatch.setattr(scheduler, "MOST_SLEEPS", 1000)

    def read(site: Site, key: str) -> Row:
        while site.time() > 1.4 and not site.cache.add("lock", 1, None):
            pass
        return site.db.read(key)

    steps = [(0.0, "write", "k"), (1.0, "write", "j"), (1.5, "read", "k")]
    with pytest.raises(StrategyError, match="has waited 1,000 times"):
        run(script(tmp_path, steps, cache_rtt_s=1), Custom(read))


def test_background_work_that_spawns_its_own_successor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh that goes on for a while is fine, its numbers included; one without an end ends the run."""
    monkeypatch.setattr(fleet, "MOST_LATE", 2000)
    drawn: list[float] = []

    def refreshing(times: float) -> Body:
        def again(site: Site) -> None:
            drawn.append(site.random.random())
            if len(drawn) < times:
                site.spawn(lambda: again(site), after_s=1)

        return again

    within(tmp_path, "shared", (0.5, refreshing(1500)))
    assert len(set(drawn)) == 1500
    drawn.clear()
    with pytest.raises(StrategyError, match=r"of Custom goes on for ever: 2,000 times site\.spawn\(\) since the last"):
        run(
            script(tmp_path, [(0.0, "read", "k"), (1.5, "read", "k")]),
            Custom(lambda site, key: (refreshing(float("inf"))(site), site.db.read(key))[1]),
        )


def test_background_work_ends_its_transactions(tmp_path: Path) -> None:
    """As a request does."""
    opened: list[object] = []

    def leave(site: Site) -> None:
        opened.append(site.db.atomic())
        opened[-1].__enter__()  # type: ignore[attr-defined]
        site.db.write("k")

    with pytest.raises(StrategyError, match="background work of Custom left a transaction open"):
        within(tmp_path, "shared", (0.5, lambda site: site.spawn(lambda: leave(site))))


def test_a_lock_left_behind_expires_in_the_last_look(tmp_path: Path) -> None:
    """The look at what a run leaves behind lets time pass for whoever sleeps: a lock with a timeout runs out."""
    taken: list[float] = []

    def read(site: Site, key: str) -> Row:
        while not site.cache.add("lock", 1, 10):
            site.sleep(1)
        taken.append(site.time())
        return site.db.read(key)

    run(script(tmp_path, [(0.0, "set", "k"), (1.0, "set", "j"), (2.5, "get", "k")]), Custom(read))
    assert taken == [2.5, 12.5, 22.5]
