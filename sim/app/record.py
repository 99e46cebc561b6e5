"""What a run writes down: of each read what it cost and saw, of each call site its calls, of each failure the first."""

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from ..engine.scheduler import Engine
from ..judge.judge import Judge
from ..project.watch import CacheCall, Statement, Tables
from .call_sites import CallSites

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Note:
    """What a request, or a step of a journey, has done so far."""

    function: str
    author: int | None  # the user's place, whose own edits he should see
    lookups: int = 0
    lookup_hits: int = 0
    statements: int = 0
    db_s: float = 0.0
    hits: list[tuple[int, float]] = field(default_factory=list)  # call site, birth of the copy
    stores: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    failed: str = ""  # the traceback, if something was raised


@dataclass(frozen=True)
class ReadRow:
    """One read that arrived after the warm-up, as it was served; its verdict comes later."""

    number: int
    function: str
    arrival_s: float
    start_s: float
    end_s: float
    status: int | None
    size_bytes: int
    digest: bytes
    note: Note
    first: int
    judged: bool


class Recorder:
    """Hears of everything that happens in a run (`cachewise.sim.project.watch.Watch`)."""

    def __init__(self, engine: Engine, judge: Judge, measured_from_s: float) -> None:
        self._engine = engine
        self._judge = judge
        self._measured_from_s = measured_from_s
        self.rows: list[ReadRow] = []
        self.sites = CallSites()
        self.commit_s: list[float] = [0.0]  # of each state
        self.authors: list[int | None] = [None]
        self.statement_s: list[float] = []  # when each measured statement ended
        self.failures: Counter[str] = Counter()
        self.first_failure: dict[str, str] = {}
        self.events: list[tuple[float, str]] = []
        self.logouts_s: list[float] = []
        self.notes: list[str] = []
        self.pinned: Callable[[], None] = lambda: None

    @property
    def state(self) -> int:
        """The index of the newest state of the database."""
        return len(self.commit_s) - 1

    def statement(self, statement: Statement) -> None:
        """Hear of a statement, at its end."""
        note: Note | None = self._engine.current.note
        if note is not None:
            note.statements += 1
            note.db_s += statement.seconds
        if self._engine.current.arrival_s >= self._measured_from_s:
            self.statement_s.append(self._engine.time())

    def committed(self, tables: Tables) -> None:
        """Pin the new state: nobody has gone on since the commit."""
        now_s = self._engine.time()
        self.commit_s.append(now_s)
        note: Note | None = self._engine.current.note
        self.authors.append(None if note is None else note.author)
        self._judge.pin(now_s, tables)
        self.pinned()

    def cache_call(self, call: CacheCall) -> None:
        """Count a call of a cache at its site."""
        task = self._engine.current
        note: Note | None = task.note
        if note is None or call.store:
            return
        note.lookups += call.hits + call.misses
        note.lookup_hits += call.hits
        site = self.sites.number(call)
        if call.hits and call.oldest_s < inf:
            note.hits.append((site, call.oldest_s))
        if task.arrival_s >= self._measured_from_s:
            self.sites.count(site, call)

    def store_read(self, alias: str, key: str, value: bytes | None) -> None:
        """Remember what a store has told the current request first: its evaluation is told the same."""
        note: Note | None = self._engine.current.note
        if note is not None:
            note.stores.setdefault((alias, key), value)

    def stores_lost(self, count: int) -> None:
        """Count the entries of stores that a call has thrown away."""
        self.logouts_s.extend([self._engine.time()] * count)

    def failed(self, function: str, frames: str) -> None:
        """Count a request that failed, and keep the first traceback of its function."""
        self.failures[function] += 1
        self.first_failure.setdefault(function, frames)
