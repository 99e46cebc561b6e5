"""The ledger: one worker process's records about its requests, on a clock that all processes share.

`time.monotonic()` is CLOCK_MONOTONIC, one clock for the whole machine, so times of different processes can be compared.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any, NamedTuple

from ..contract import Row, child_number
from ..errors import ForbiddenError
from ..own.blame import code_error, place_of

# Each is timed at once. The time of a write's own statements (db_write_s) is known only at the end: see outcome.py.
STEPS = ("cache_rtt_s", "db_send_s", "db_read_s", "db_commit_s", "render_s", "transaction_tail_s")
CLOCK = "clock_gettime(CLOCK_MONOTONIC)"  # as Python names it


class Read(NamedTuple):
    """A read that has ended."""

    arrival_s: float
    start_s: float
    end_s: float
    key: str
    hit: bool
    version: int


class Written(NamedTuple):
    """A row written by the open transaction; its statements lasted from `asked_s` to `done_s`."""

    row: Row
    asked_s: float
    done_s: float


class Write(NamedTuple):
    """A write; its commit happened between `before_s` and `after_s` (NaN: it was rolled back)."""

    arrival_s: float
    start_s: float
    asked_s: float
    done_s: float
    before_s: float
    after_s: float
    key: str
    version: int


class Cost(NamedTuple):
    """The costs of a measured request, or of its background work."""

    background: bool
    cache_calls: int
    db_reads: int
    db_queries: int
    entries_culled: float


@dataclass
class Request:
    """The request that a thread is serving. Its counters give its costs, and which of its latencies comes next."""

    number: int = 0
    arrival_s: float = nan
    start_s: float = nan
    measured: bool = False
    background: bool = False
    hurried: bool = True  # without added latencies: the check after the traffic
    in_cache: bool = False  # inside a call that reaches the store
    owed_s: float = 0.0  # added latency that this call must still sleep
    cache_calls: int = 0
    db_reads: int = 0
    db_queries: int = 0
    db_writes: int = 0
    db_commits: int = 0
    entries_culled: float = 0.0
    spawned: int = 0
    rolls_back: bool = False  # its first transaction with writes fails instead of committing
    chance: random.Random | None = None
    writes: list[Written] = field(default_factory=list)  # of the open transaction
    commit_began_s: float = nan
    slept_s: float = 0.0  # between that and `before_s`
    before_s: float = nan  # just before COMMIT is sent
    snapshot_s: float = nan  # of the last statement: it sees no later commit

    def child(self) -> "Request":
        """Return the next background work of this request, numbered as in the simulation."""
        self.spawned += 1
        number = child_number(self.number, self.spawned)
        return Request(number, self.arrival_s, self.start_s, self.measured, background=True, hurried=self.hurried)


@dataclass
class Records:
    """All records of a worker; times are seconds from the run's start."""

    reads: list[Read] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    queries: list[tuple[float, float]] = field(default_factory=list)  # start and end
    costs: list[Cost] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)  # from the intended to the real start, if a thread was free
    # Errors that ended a request or its background work: the kind and, in a user's file, the place.
    errors: list[str] = field(default_factory=list)
    background_errors: list[str] = field(default_factory=list)
    frames: dict[str, str] = field(default_factory=dict)  # by error: the first traceback, in the user's files
    unanswered: list[int] = field(default_factory=list)  # the measured requests that failed
    # The time of each step without its sleep, by the name of its latency.
    steps: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STEPS})


class Ledger:
    """The records, and which request each thread is serving. Appending to a list is atomic: no lock is needed."""

    def __init__(self) -> None:
        self.records = Records()
        self._began_s = 0.0
        self._local = threading.local()
        self.refused: list[ForbiddenError] = []
        self.request = Request()  # of this thread: for the check after the traffic

    def begin(self, began_s: float) -> None:
        """Count seconds from *began_s* on the monotonic clock."""
        self._began_s = began_s

    def now(self) -> float:
        """Return the seconds since the run's start."""
        return time.monotonic() - self._began_s

    @property
    def request(self) -> Request:
        """The request that this thread is serving; before its first, a request that is not counted.

        Raises:
            ForbiddenError: in a thread that a request has started, as in the simulation; it is remembered.
        """
        found: Request | None = getattr(self._local, "request", None)
        if found is None:
            told = "the strategy used the site in its own thread: hand the work to site.spawn(func, after_s=0)"
            self.refused.append(ForbiddenError(told))
            raise self.refused[-1]
        return found

    @request.setter
    def request(self, request: Request) -> None:
        self._local.request = request

    def took(self, step: str, since_s: float, slept_s: float, until_s: float | None = None) -> None:
        """Record the time of a step of the current request, without its sleep; it ends now or at *until_s*."""
        if self.request.measured:
            self.records.steps[step].append((self.now() if until_s is None else until_s) - since_s - slept_s)

    def called(self, since_s: float, slept_s: float, trips: int) -> None:
        """Record a call of the cache with *trips* round trips, which count as equally long."""
        if self.request.measured and trips:
            self.records.steps["cache_rtt_s"].extend([(self.now() - since_s - slept_s) / trips] * trips)

    def executed(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Execute a statement; the middle of its execution counts as the instant of its snapshot."""
        sent_s = self.now()
        found = execute(*statement)
        self.request.snapshot_s = (sent_s + self.now()) / 2
        return found

    def queried(self, since_s: float) -> None:
        """Record a query that began at *since_s*."""
        if self.request.measured:
            self.records.queries.append((since_s, self.now()))

    def wrote(self, request: Request, after_s: float, since: int = 0) -> None:
        """Record writes of a transaction, from number *since* on: committed before *after_s*, or rolled back (NaN)."""
        before_s = nan if isnan(after_s) else request.before_s
        for row, asked_s, done_s in request.writes[since:]:
            stamps = (request.arrival_s, request.start_s, asked_s, done_s, before_s, after_s)
            self.records.writes.append(Write(*stamps, row.key, row.version))
        del request.writes[since:]

    def failed(self, request: Request, error: BaseException) -> None:
        """Record that *error* ended a request (also in the warm-up) or its background work."""
        records, place = self.records, place_of(error)
        what = f"{type(error).__name__} at {place}" if place else type(error).__name__
        (records.background_errors if request.background else records.errors).append(what)
        if what not in records.frames:
            told = code_error(error)
            records.frames[what] = told.frames if told else ""
        if request.measured and not request.background:
            records.unanswered.append(request.number)

    def rolled_back(self, request: Request) -> None:
        """Record a request that failed because of `rollback_ratio`: it is no error, but has no answer."""
        if request.measured:
            self.records.unanswered.append(request.number)

    def finish(self, request: Request) -> None:
        """Record the costs of a request."""
        if request.measured:
            cost = (request.cache_calls, request.db_reads, request.db_queries, request.entries_culled)
            self.records.costs.append(Cost(request.background, *cost))
