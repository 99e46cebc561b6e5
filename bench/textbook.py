"""The same model as a SimPy user would write it: one generator process a request, waiting with `yield env.timeout()`.

Traffic, latencies, the read log and everything after the last request (judging, summary, frame) are the project's own.
So the two differ only in how requests run. As in SimPy's own examples, a process waits for each leg of a round trip,
and ends when its request does. Where there is a choice, the textbook takes the faster way: a request is one flat
generator, and costs are counted from the columns at the end.
"""

from array import array
from collections.abc import Generator
from types import SimpleNamespace
from typing import Any

import simpy
from django.core.cache.backends.locmem import LocMemCache

from bench.case import BACKEND, SEED, STRATEGY
from bench.replay import clocks, private_cache
from cachewise import Result, Row, Scenario
from cachewise.sim.backends import Limits, backend_named, params_of
from cachewise.sim.verdict.records import ReadLog, Totals, as_array
from cachewise.sim.verdict.result import Evidence, Leftovers, Run
from cachewise.sim.verdict.writes import WriteLog
from cachewise.sim.world.latency import LatencyOf, latency_of
from cachewise.sim.world.seeds import streams
from cachewise.sim.world.workload import Workload, build_workload

Process = Generator[simpy.Event, Any, None]


class Shop:
    """Delete-on-write over one shared cache, with row locks and unlimited workers and connections."""

    def __init__(self, scenario: Scenario, workload: Workload, cache: LocMemCache, env: simpy.Environment) -> None:
        self.env = env
        self.cache = cache
        self.workload = workload
        self.timeout = STRATEGY.timeout
        self.rtt = self._latency("cache_rtt_s", backend_named(BACKEND).rtt_s(scenario.cache_rtt_s))
        self.db_read = self._latency("db_read_s", scenario.db_read_s)
        self.db_commit = self._latency("db_commit_s", scenario.db_commit_s)
        self.payload = bytes(scenario.value_bytes)
        self.reads = ReadLog(scenario.warmup_s)
        self.log = WriteLog()
        self.key_codes = {name: code for code, name in enumerate(workload.key_names)}
        self.rows: dict[str, Row] = {}
        self.locks: dict[str, simpy.Resource] = {}
        self.query_started_s = array("d")
        self.in_flight = self.peak_in_flight = 0

    def source(self) -> Process:
        """Start a process for every request of the workload when it arrives."""
        env, names = self.env, self.workload.key_names
        read_number = write_number = 0
        for chunk in self.workload.chunks():
            reads = ~chunk.is_write
            rows = iter(self.reads.extend(chunk.arrival_s[reads], chunk.key_code[reads], chunk.worker[reads]).tolist())
            columns = (chunk.arrival_s, chunk.key_code, chunk.is_write)
            for arrival_s, code, is_write in zip(*(column.tolist() for column in columns), strict=True):
                yield env.timeout(arrival_s - env.now)
                if is_write:
                    write_number += 1
                    env.process(self.write(-write_number, names[code]))
                else:
                    env.process(self.read(read_number, names[code], next(rows)))
                    read_number += 1

    def read(self, number: int, key: str, place: int) -> Process:
        """Serve one read."""
        env, log = self.env, self.reads
        log.start_s[place] = env.now
        half_s = self.rtt(number, 0) / 2
        yield env.timeout(half_s)
        row = self.cache.get(key)
        if row is None:
            yield env.timeout(half_s)
            self.query_started_s.append(env.now)
            row = self.committed(key)
            self.in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
            yield env.timeout(self.db_read(number, 0))
            self.in_flight -= 1
            half_s = self.rtt(number, 1) / 2
            yield env.timeout(half_s)
            self.cache.set(key, row, self.timeout)
            log.hit[place] = False
        yield env.timeout(half_s)
        log.version[place] = row.version
        log.end_s[place] = env.now

    def write(self, number: int, key: str) -> Process:
        """Serve one write: lock, change, commit, delete."""
        env, start_s = self.env, self.env.now
        lock = self.locks.setdefault(key, simpy.Resource(env))
        with lock.request() as granted:
            yield granted
            row = Row(key, self.committed(key).version + 1, self.payload)
            place = self.log.append(start_s, start_s, self.key_codes[key], 0, row.version)
            yield env.timeout(self.db_commit(number, 0))
            self.rows[key] = row
            self.log.commit(place, start_s, self.key_codes[key], row.version, env.now)
        half_s = self.rtt(number, 0) / 2
        yield env.timeout(half_s)
        self.cache.delete(key)
        yield env.timeout(half_s)

    def committed(self, key: str) -> Row:
        """Return the row as committed now."""
        return self.rows.get(key) or Row(key, 0, self.payload)

    def keys_left_wrong(self) -> int:
        """Count the keys whose cached row is outdated: here nothing is rolled back."""
        cached = ((self.cache.get(key), row) for key, row in self.rows.items())
        return sum(found is not None and found.version < row.version for found, row in cached)

    def _latency(self, name: str, spec: float | str) -> LatencyOf:
        latency = latency_of(name, spec, streams(SEED)[name])
        if latency is None:
            raise ValueError(f"the textbook version waits for {name}: it must not be 0")
        return latency


def run_textbook(scenario: Scenario) -> Result:
    """Run *scenario* and return the same `Result` as `cachewise.run`."""
    env = simpy.Environment()
    workload = build_workload(scenario, SEED)
    params = params_of(backend_named(BACKEND), Limits(scenario.max_entries, scenario.cull_frequency))
    with clocks(SimpleNamespace(time=lambda: env.now)), private_cache(params) as cache:
        shop = Shop(scenario, workload, cache, env)
        env.process(shop.source())
        env.run()
        leftovers = Leftovers(len(cache._cache), shop.keys_left_wrong())
    columns = shop.reads.take_columns()
    reads, hits, writes = len(columns["hit"]), int(columns["hit"].sum()), len(shop.log.version)
    loads = reads - hits
    costs = Totals(requests=reads + writes, cache_calls=reads + loads + writes, db_reads=loads, db_queries=loads)
    evidence = Evidence(
        reads=columns,
        writes=shop.log.columns(),
        key_names=list(shop.key_codes),
        query_started_s=as_array(shop.query_started_s),
        peak_in_flight=shop.peak_in_flight,
        costs=costs,
        leftovers=leftovers,
    )
    return Result(Run(scenario, STRATEGY, BACKEND, SEED), workload, evidence)
