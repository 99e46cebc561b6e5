"""Records a run: the cost and result of each read, the calls of each call site, the first failure of each function."""

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from ..engine.scheduler import Engine
from ..judge.compare import ADDRESS, Shown
from ..judge.judge import Judge
from ..judge.question import Question, Read
from ..project.watch import CacheCall, Statement, Tables
from .call_sites import CallSites

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Note:
    """What a request, or a step of a journey, has done so far."""

    function: str
    author: int | None  # the index of the user, who should see their own edits
    lookups: int = 0
    lookup_hits: int = 0
    statements: int = 0
    db_s: float = 0.0
    hits: list[tuple[int, float]] = field(default_factory=list)  # call site, birth of the copy
    stores: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    failed: str = ""  # why, with the traceback if something was raised


class Span(NamedTuple):
    """When a read arrived, began and ended; `first` and `last` are the newest database states at its begin and end."""

    arrival_s: float
    start_s: float
    end_s: float
    first: int
    last: int


class ReadRow(NamedTuple):
    """One read that arrived after the warm-up, as it was served; its verdict comes later, if it is `judged`."""

    number: int
    function: str
    span: Span
    status: int | None
    digest: bytes
    note: Note
    judged: bool


class Recorder:
    """Is called for everything that happens in a run (a `cachewise.sim.project.watch.Watch`)."""

    def __init__(self, engine: Engine, judge: Judge, measured_from_s: float) -> None:
        self._engine = engine
        self._judge = judge
        self._measured_from_s = measured_from_s
        self.requests = 0  # that arrived after the warm-up
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

    @property
    def measures(self) -> bool:
        """Whether the current request arrived after the warm-up."""
        return self._engine.current.arrival_s >= self._measured_from_s

    def arrived(self, at_s: float) -> None:
        """Count a request."""
        self.requests += at_s >= self._measured_from_s

    def read(self, question: Question, found: Shown | None, span: Span, note: Note) -> None:
        """Record a read of the current request, and have it judged, unless it has failed."""
        if not self.measures:
            return
        status, digest = (None, b"") if found is None else (found.status, found.digest)
        judged = found is not None and not note.failed
        number = len(self.rows)
        self.rows.append(ReadRow(number, question.name, span, status, digest, note, judged))
        if judged:
            self._judge.ask(Read(number, question, span.start_s, span.first, span.last, digest, note.stores))

    def statement(self, statement: Statement) -> None:
        """Count a statement, at its end."""
        note: Note | None = self._engine.current.note
        if note is not None:
            note.statements += 1
            note.db_s += statement.seconds
        if self.measures:
            self.statement_s.append(self._engine.time())

    def committed(self, tables: Tables) -> None:
        """Pin the new state of the database; no other request has run since the commit."""
        now_s = self._engine.time()
        self.commit_s.append(now_s)
        note: Note | None = self._engine.current.note
        self.authors.append(None if note is None else note.author)
        self._judge.pin(now_s, tables)
        self.pinned()

    def cache_call(self, call: CacheCall) -> None:
        """Count a call of a cache at its site."""
        note: Note | None = self._engine.current.note
        if note is None or call.store:
            return
        note.lookups += call.hits + call.misses
        note.lookup_hits += call.hits
        site = self.sites.number(call)
        if call.hits and call.oldest_s < inf:
            note.hits.append((site, call.oldest_s))
        if self.measures:
            self.sites.count(site, call)

    def store_read(self, alias: str, key: str, value: bytes | None) -> None:
        """Remember the first answer of a store to the current request; the judge's repetition gets the same."""
        note: Note | None = self._engine.current.note
        if note is not None:
            note.stores.setdefault((alias, key), value)

    def stores_lost(self, count: int) -> None:
        """Count the entries of stores that a call has thrown away."""
        self.logouts_s.extend([self._engine.time()] * count)

    def failed(self, note: Note, frames: str) -> None:
        """Note that the current request failed: count it, and keep the first traceback of its function."""
        note.failed = frames
        if self.measures:
            self.failures[note.function] += 1
            self.first_failure.setdefault(note.function, ADDRESS.sub("0x", frames))  # addresses differ between runs
