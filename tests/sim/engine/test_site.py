"""The site around a request: background work, and chance of its own."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cachewise import Row, Scenario, Site, StrategyError
from tests.helpers import BACKENDS, Custom, calls, run, within


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


@pytest.mark.parametrize("backend", ["shared", "locmem", "db"])
def test_a_cache_call_in_another_thread_is_refused(backend: str) -> None:
    """A thread of its own cannot wait in virtual time, and would see real time: the strategy is told so."""
    refused: list[str] = []

    def read(site: Site, key: str) -> Row:
        with ThreadPoolExecutor(1) as pool:
            error = pool.submit(site.cache.get, key).exception()
        assert isinstance(error, StrategyError)
        refused.append(str(error))
        return site.db.read(key)

    scenario = Scenario("threads", keys=1, reads_per_s=5, writes_per_s=0, duration_s=1, warmup_s=0)
    run(scenario, Custom(read), backend=backend)
    assert refused
    assert all("() in another thread" in text for text in refused)
