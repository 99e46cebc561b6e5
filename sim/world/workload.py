"""The workload: a scenario's requests, synthetic or replayed, in chunks of ascending arrival time."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, file_name, one_line
from ..traces.trace import Trace, load_trace
from .arrivals import Arrivals, rate_shape
from .popularity import KeySampler, key_shares
from .scenario import DEFAULTS, Scenario
from .seeds import streams

CHUNK_REQUESTS = 16_384
Draws = tuple[NDArray[np.float64], NDArray[np.int32]]  # arrival times and key codes


@dataclass(frozen=True)
class Chunk:
    """The requests of one stretch of time, in order of arrival; each array has one entry a request."""

    arrival_s: NDArray[np.float64]
    key_code: NDArray[np.int32]
    worker: NDArray[np.int16]
    is_write: NDArray[np.bool_]


@dataclass
class Workload:
    """All requests of a run, and what is known about the keys.

    `end_s` is when the traffic stops: at the scenario's end, or at the trace's if that comes first. `notes` are
    sentences about the traffic for readers of the results.
    """

    key_names: list[str]
    key_bytes: list[int]
    end_s: float
    total_per_s: float
    reads: "Stream"
    writes: "Stream"
    notes: list[str] = field(default_factory=list)
    trace: Trace | None = None

    def chunks(self) -> Iterator[Chunk]:
        """Yield the requests in order of arrival; this works only once."""
        width_s = CHUNK_REQUESTS / self.total_per_s
        step = 0
        while step * width_s <= self.end_s:
            step += 1
            yield _merged(self.reads.until(step * width_s), self.writes.until(step * width_s))


class Stream:
    """One kind of request: its arrivals, and the key and the worker of each."""

    def __init__(
        self, arrivals: "Arrivals | Replay", keys: "KeySampler | Replay", workers: int, seed: np.random.SeedSequence
    ) -> None:
        self._arrivals = arrivals
        self._keys = keys
        self._workers = workers
        self._rng = np.random.default_rng(seed)

    def surely_from(self, from_s: float) -> int:
        """Return how many requests arrive at *from_s* or later, at least, whatever the seed."""
        return self._arrivals.surely_from(from_s)

    def until(self, limit_s: float) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int16]]:
        """Return (arrival_s, key_code, worker) of the requests before *limit_s* that were not yet handed out."""
        times = self._arrivals.until(limit_s)
        keys = self._keys.draw(len(times))
        if self._workers == 1:
            return times, keys, np.zeros(len(times), np.int16)
        # One uniform draw per request, so that the number of workers does not shift the stream.
        return times, keys, (self._rng.random(len(times)) * self._workers).astype(np.int16)


class Replay:
    """Recorded requests, handed out first by time and then key by key."""

    def __init__(self, times: NDArray[np.float64], keys: NDArray[np.int32]) -> None:
        self._times, self._keys = times, keys
        self._given_times = self._given_keys = 0

    def surely_from(self, from_s: float) -> int:
        """Return how many requests arrive at *from_s* or later."""
        return len(self._times) - int(np.searchsorted(self._times, from_s))

    def until(self, limit_s: float) -> NDArray[np.float64]:
        """Return the arrival times before *limit_s* that were not yet handed out."""
        start, self._given_times = self._given_times, int(np.searchsorted(self._times, limit_s))
        return self._times[start : self._given_times]

    def draw(self, count: int) -> NDArray[np.int32]:
        """Return the next *count* key codes."""
        start, self._given_keys = self._given_keys, self._given_keys + count
        return self._keys[start : self._given_keys]


def build_workload(scenario: Scenario, seed: int) -> Workload:
    """Return the workload of *scenario* under *seed*.

    Raises:
        UserError: for a trace that cannot be replayed.
    """
    if scenario.trace is None:
        found = _synthetic(scenario, seed)
    else:
        found = _replayed(scenario, load_trace(scenario.trace, scenario.trace_columns), seed)
    if scenario.rollback_ratio:
        share = f"{100 * scenario.rollback_ratio:.12g}%"
        found.notes.append(
            f"{share} of the write requests fail where they would commit (`rollback_ratio`): "
            "their changes to the database are rolled back"
        )
    return found


def _synthetic(scenario: Scenario, seed: int) -> Workload:
    seeds = streams(seed)
    shares = key_shares("read_popularity", scenario.read_popularity, scenario.keys)
    sampler = KeySampler(shares, np.random.default_rng(seeds["read_keys"]))
    shape = rate_shape(scenario.arrivals, scenario.warmup_s, scenario.end_s, np.random.default_rng(seeds["rate_shape"]))
    arrivals = Arrivals(scenario.reads_per_s, shape, scenario.end_s, np.random.default_rng(seeds["read_arrivals"]))
    write_arrivals = Arrivals(
        scenario.writes_per_s, shape, scenario.end_s, np.random.default_rng(seeds["write_arrivals"])
    )
    return Workload(
        key_names=[f"key:{code}" for code in range(scenario.keys)],
        key_bytes=[scenario.value_bytes] * scenario.keys,
        end_s=scenario.end_s,
        total_per_s=scenario.reads_per_s + scenario.writes_per_s,
        reads=Stream(arrivals, sampler, scenario.workers or 1, seeds["read_workers"]),
        writes=_write_stream(scenario, shares, write_arrivals, seeds),
    )


def _write_stream(
    scenario: Scenario,
    read_shares: NDArray[np.float64],
    arrivals: Arrivals,
    seeds: dict[str, np.random.SeedSequence],
) -> Stream:
    if scenario.write_popularity == "same":
        shares = read_shares
    else:
        shares = key_shares("write_popularity", scenario.write_popularity, len(read_shares))
        # The keys that are written often are not those that are read often, unless the scenario says "same".
        shares = np.random.default_rng(seeds["write_ranks"]).permutation(shares)
    sampler = KeySampler(shares, np.random.default_rng(seeds["write_keys"]))
    return Stream(arrivals, sampler, scenario.workers or 1, seeds["write_workers"])


def _replayed(scenario: Scenario, trace: Trace, seed: int) -> Workload:
    seeds = streams(seed)
    spread = _spread(trace, seeds["trace_stamps"])
    time_s = spread.time_s / scenario.trace_speed
    end_s, notes = _usable_time(scenario, trace)
    used = time_s < scenario.end_s
    reads, writes = used & ~spread.is_write, used & spread.is_write
    read_replay = Replay(time_s[reads], spread.key_code[reads])
    read_shares = np.bincount(spread.key_code[reads], minlength=len(trace.key_names)).astype(np.float64)
    read_shares /= max(1.0, read_shares.sum())
    writes_per_s = scenario.writes_per_s
    if trace.has_writes:
        _refuse_synthetic_writes(scenario)
        write_replay = Replay(time_s[writes], spread.key_code[writes])
        write_stream = Stream(write_replay, write_replay, scenario.workers or 1, seeds["write_workers"])
        writes_per_s = float(writes.sum()) / end_s
    else:
        shape = rate_shape("poisson", 0, end_s, np.random.default_rng(seeds["rate_shape"]))
        arrivals = Arrivals(writes_per_s, shape, end_s, np.random.default_rng(seeds["write_arrivals"]))
        write_stream = _write_stream(scenario, read_shares, arrivals, seeds)
        notes.append(_synthetic_writes(scenario, float(reads.sum()) / end_s))
    varied = "latencies" if trace.has_writes else "latencies and synthetic writes"
    notes.append(f"seeds vary {varied}, not the recorded traffic: the intervals do not cover the traffic of other days")
    return Workload(
        key_names=trace.key_names,
        key_bytes=[scenario.value_bytes if size < 0 else size for size in trace.size_bytes.tolist()],
        end_s=end_s,
        total_per_s=max(1e-9, float(reads.sum()) / end_s + writes_per_s),
        reads=Stream(read_replay, read_replay, scenario.workers or 1, seeds["read_workers"]),
        writes=write_stream,
        notes=notes,
        trace=trace,
    )


def _refuse_synthetic_writes(scenario: Scenario) -> None:
    for name in ("writes_per_s", "write_popularity"):
        value = getattr(scenario, name)
        if value not in (0, DEFAULTS[name]):
            where = f"Scenario {one_line(scenario.name)!r}: {name}={one_line(value)}"
            raise UserError(f"{where}: the trace has writes of its own; leave it out")


def _synthetic_writes(scenario: Scenario, reads_per_s: float) -> str:
    rate = f"Poisson at {scenario.writes_per_s:g} a second"
    if scenario.writes_per_s:
        rate += f", one for every {reads_per_s / scenario.writes_per_s:,.3g} reads"
    keys = "chosen as the reads are" if scenario.write_popularity == "same" else scenario.write_popularity
    return f"the trace holds no writes: they are synthetic, {rate}, keys {keys}"


def _spread(trace: Trace, seed: np.random.SeedSequence) -> Trace:
    """Return the trace with requests that have whole seconds spread at random within their second."""
    if not trace.whole_seconds:
        return trace
    stamps = trace.time_s + np.random.default_rng(seed).random(len(trace.time_s))
    if trace.in_order:
        # Each request stays in its second. The recorded order within a second, which decides whether a key is read
        # before or after it is written, is kept: after sorting, the fractions of a second are ascending.
        return replace(trace, time_s=np.sort(stamps))
    order = np.argsort(stamps)
    return replace(trace, time_s=stamps[order], key_code=trace.key_code[order], is_write=trace.is_write[order])


def _usable_time(scenario: Scenario, trace: Trace) -> tuple[float, list[str]]:
    """Return when the traffic stops, and the notes about it."""
    trace_end_s = trace.end_s / scenario.trace_speed
    where = f"trace {file_name(trace.path)}"
    if trace_end_s <= scenario.warmup_s:
        mend = "lower warmup_s" if trace_end_s else "it needs at least two different times"
        raise UserError(f"{where} lasts {trace_end_s:g} s, no longer than warmup_s={scenario.warmup_s:g}; {mend}")
    notes = []
    if trace.whole_seconds:
        notes.append("the trace's times are whole seconds: requests are spread at random within their second")
    notes += trace.notes
    if trace_end_s < scenario.end_s:
        notes.append(f"the trace ends at {trace_end_s:g} s: {trace_end_s - scenario.warmup_s:g} s are measured")
    elif trace_end_s > scenario.end_s:
        notes.append(f"of the trace's {trace_end_s:,.0f} s the first {scenario.end_s:,g} s are used")
    return min(trace_end_s, scenario.end_s), notes


def _merged(
    reads: tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int16]],
    writes: tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int16]],
) -> Chunk:
    times = np.concatenate([reads[0], writes[0]])
    order = np.argsort(times, kind="stable")
    is_write = np.zeros(len(times), np.bool_)
    is_write[len(reads[0]) :] = True
    return Chunk(
        arrival_s=times[order],
        key_code=np.concatenate([reads[1], writes[1]])[order],
        worker=np.concatenate([reads[2], writes[2]])[order],
        is_write=is_write[order],
    )
