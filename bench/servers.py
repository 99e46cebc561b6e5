"""The cost of real servers: `python -m bench.servers` compares a run with the same bare calls, on the real clock.

The bare side is an ordinary Django cache on a private server without libfaketime. Nothing expires on either side, so
both make the same calls. Real time is measured, as half of the work is the server's.
"""

import argparse
import gc
import sys
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.case import SEED, scenario_at
from bench.replay import Operation, replay
from cachewise import Scenario, run
from cachewise.sim.backends import Call, backend_named
from cachewise.sim.daemons import Servers, servers
from cachewise.strategies import DeleteOnWrite

STRATEGY = DeleteOnWrite(timeout=10_000_000)
RATES_PER_S = {"redis": (10.0, 100.0, 1_000.0), "memcached": (10.0, 100.0, 1_000.0)}
MOST_RUN_OVER_BARE = 1.5
FROM_PER_S = {"redis": 0.0, "memcached": 100.0}  # below it, memcached must confirm each new second of the clock
LEAST_ROUNDS = 7
MISSED = "missed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code, 1 if the limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m bench.servers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds, at least 7 (default %(default)s)")
    parser.add_argument("--requests", type=int, default=10_000, help="requests a run (default %(default)s)")
    options = parser.parse_args(arguments)
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds must be at least {LEAST_ROUNDS}")
    missed = False
    table = Table("backend", "requests a virtual s", "bare us", "run us", "run / bare", "all rounds", "at most 1.5")
    with servers() as ours:
        for backend, rates in RATES_PER_S.items():
            for rate_per_s in rates:
                row = _row(backend, rate_per_s, options.rounds, options.requests, ours)
                missed |= row[-1] == MISSED
                table.add_row(*row)
    Console().print(table)
    return int(missed)


def _row(backend: str, rate_per_s: float, rounds: int, requests: int, ours: Servers) -> list[str]:
    scenario = scenario_at(rate_per_s, requests)
    calls = recorded(scenario, backend, ours)
    bare_s, run_s = [], []
    for number in range(rounds):
        sides = [(bare_s, lambda: _bare_s(backend, calls, ours)), (run_s, lambda: _run_s(backend, scenario, ours))]
        for seconds, measure in sides if number % 2 else reversed(sides):
            seconds.append(measure())
    ratios = [a / b for a, b in zip(run_s, bare_s, strict=True)]
    verdict = "met" if median(ratios) <= MOST_RUN_OVER_BARE else MISSED
    times = (f"{median(seconds) / len(calls) * 1e6:.1f}" for seconds in (bare_s, run_s))
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    asked = verdict if rate_per_s >= FROM_PER_S[backend] else "not asked"
    return [backend, f"{rate_per_s:,g}", *times, f"{median(ratios):.2f}", spread, asked]


def recorded(scenario: Scenario, backend: str, ours: Servers) -> list[Call]:
    """Return the calls of the cache's methods in a run on *backend*, which are the same as on `shared`."""
    log: list[Call] = []
    expected = run(scenario, STRATEGY, seed=SEED, log=log).reads
    if not run(scenario, STRATEGY, backend=backend, seed=SEED, servers=ours).reads.equals(expected):
        raise RuntimeError(f"{backend} and shared differ: their calls would, too")
    return log


def _bare_s(backend: str, calls: Sequence[Call], ours: Servers) -> float:
    known = backend_named(backend)
    with known.open(ours, virtual=False) as place:
        if place.server is None:
            raise RuntimeError(f"{backend} has no server")
        place.server.flush()
        make: Any = known.load()
        cache = make(place.location, dict(known.params))  # not a simulated cache: the same one as on a site
        operations: list[Operation] = [(getattr(cache, call.method), call.args) for call in calls]
        cache.get("warm")  # this makes the connection
        return _timed(lambda: replay(operations))


def _run_s(backend: str, scenario: Scenario, ours: Servers) -> float:
    return _timed(lambda: run(scenario, STRATEGY, backend=backend, seed=SEED, servers=ours).summary)


def _timed(func: object) -> float:
    gc.collect()
    began_s = perf_counter()
    func()  # type: ignore[operator]
    return perf_counter() - began_s


if __name__ == "__main__":
    sys.exit(main())
