"""The database: rows with versions, transactions as PostgreSQL's READ COMMITTED runs them, and the log of all commits.

A query sees the rows that are committed when it reaches the database. Its answer comes back after its latency. A write
locks its row until commit or rollback, so a key's versions are committed in ascending order. A commit becomes visible
when its latency has passed.
"""

import logging
from _thread import get_ident
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import simpy
from django.db import InternalError, OperationalError
from django.db.transaction import TransactionManagementError

from ..contract import RollbackError, Row
from ..verdict.writes import WriteLog
from ..world.latency import LatencyOf
from .scheduler import Engine, Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseLatencies:
    """How long each step of the database takes; None means no time at all."""

    send: LatencyOf | None
    read: LatencyOf | None
    write: LatencyOf | None
    commit: LatencyOf | None
    render: LatencyOf | None
    tail: LatencyOf | None


@dataclass
class _Transaction:
    """The work of a transaction so far, in order, so that a savepoint can undo its part."""

    writes: list[tuple[Row, int]] = field(default_factory=list)  # the row, and its place in the log
    hooks: list[tuple[Callable[[], object], bool]] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    waits_for: str | None = None
    broken: bool = False  # after an error: only a rollback helps
    aborted: bool = False  # broken, and the server says so (not Django)


@dataclass
class _RowLock:
    owner: _Transaction
    queue: deque[tuple[_Transaction, simpy.Event]] = field(default_factory=deque)


class SimulatedDatabase:
    """The source of truth; implements `cachewise.sim.contract.Database` for whichever request is running."""

    def __init__(
        self,
        engine: Engine,
        latencies: DatabaseLatencies,
        key_codes: dict[str, int],
        payload_of: Callable[[str], bytes],
        connections: int | None = None,
        log: WriteLog | None = None,
    ) -> None:
        self._engine = engine
        self._latencies = latencies
        self.key_codes = key_codes
        self._payload_of = payload_of
        self._pool = simpy.Resource(engine, connections) if connections else None
        self._rows: dict[str, Row] = {}  # as committed; a key not in it is at version 0
        self._issued: dict[str, int] = {}
        self._locks: dict[str, _RowLock] = {}
        self.log = log or WriteLog()
        self.query_started_s = array("d")
        self.in_flight = 0
        self.peak_in_flight = 0
        self.measured_from_s = self.log.measured_from_s

    def read(self, key: str) -> Row:
        """Return *key*'s row as of the query's snapshot, after the rendering time: the value that goes into a cache."""
        task = self._begin_statement("read")
        nth = task.db_reads
        task.db_reads = nth + 1
        row = self._query(task, key)
        if self._latencies.render is not None:
            self._engine.wait(self._latencies.render(task.request, nth))
        return row

    def version(self, key: str) -> int:
        """Return *key*'s version, by a query with the same latency but without rendering."""
        return self._query(self._begin_statement("version"), key).version

    def write(self, key: str) -> Row:
        """Lock the row, give it its next version and, outside `atomic`, commit it at once."""
        task = self._begin_statement("write")
        if task.transaction is not None:
            return self._write(task, task.transaction, key)
        with self._transaction(task, tail=None) as transaction:
            return self._write(task, transaction, key)

    @contextmanager
    def atomic(self, savepoint: bool = True, durable: bool = False) -> Iterator[None]:
        """Open a transaction, or a savepoint inside one; an exception rolls it back and is raised again."""
        task = self._current("atomic")
        if task.transaction is not None:
            if durable:
                raise RuntimeError("A durable atomic block cannot be nested within another atomic block.")
            with self._savepoint(task) if savepoint else _breaking(task.transaction):
                yield
        else:
            with self._transaction(task, self._latencies.tail):
                yield

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Call *func* after the commit, in order; outside `atomic` at once; after a rollback never."""
        if not callable(func):
            raise TypeError("on_commit()'s callback must be a callable.")
        transaction = self._current("on_commit").transaction
        if transaction is None:
            _run_hook(func, robust)
        else:
            transaction.hooks.append((func, robust))

    def release(self, connection: Any) -> None:
        """Give a request's connection back to the pool (as Django's pool does at the request's end)."""
        self._pool.release(connection)  # type: ignore[union-attr]

    def committed(self, key: str) -> Row:
        """Return *key*'s row as committed now. This is for the judge: it is not a query and costs nothing."""
        row = self._rows.get(key)
        return Row(key, 0, self._payload_of(key)) if row is None else row

    def may_commit(self, versions: set[tuple[int, int]]) -> set[tuple[int, int]]:
        """Return those of the uncommitted *versions* (key's code, version) that can still be committed.

        These are versions that no write has been given yet, and those of open transactions, which hold the locks of
        their rows.
        """
        owners = {id(lock.owner): lock.owner for lock in self._locks.values()}
        codes = self.key_codes
        written = {(codes[row.key], row.version) for owner in owners.values() for row, _place in owner.writes}
        issued = {codes[key]: version for key, version in self._issued.items()} if versions else {}
        return {one for one in versions if one in written or one[1] > issued.get(one[0], 0)}

    def written_keys(self) -> list[str]:
        """Return the keys that were ever written; those with a committed write come first."""
        return [*self._rows, *(key for key in self._issued if key not in self._rows)]

    def _current(self, what: str) -> Task:
        """Return the task of the request that calls *what*; refuse a call from another thread."""
        if get_ident() != self._engine.thread:
            raise self._engine.astray(f"site.db.{what}()")
        return self._engine.current

    def _begin_statement(self, what: str) -> Task:
        """Begin a statement: let the request's debt pass, and get the request a connection."""
        engine = self._engine
        self._current(what)
        engine.settle()
        task = engine.current
        if task.transaction is not None and task.transaction.broken:
            raise TransactionManagementError(
                "An error occurred in the current transaction. "
                "You can't execute queries until the end of the 'atomic' block."
            )
        if self._pool is not None and task.connection is None:
            task.connection = self._pool.request()
            engine.wait_for(task.connection)
        return task

    def _query(self, task: Task, key: str) -> Row:
        """Send one query, see *key*'s row and let the latency pass."""
        if task.arrival_s >= self.measured_from_s:
            self.query_started_s.append(self._engine.time())
        nth = task.db_queries
        task.db_queries = nth + 1
        self.in_flight += 1
        if self.in_flight > self.peak_in_flight and self._engine.time() >= self.measured_from_s:
            self.peak_in_flight = self.in_flight
        if self._latencies.send is not None:
            self._engine.wait(self._latencies.send(task.request, nth))
        row = self._visible(task, key)
        if self._latencies.read is not None:
            self._engine.wait(self._latencies.read(task.request, nth))
        self.in_flight -= 1
        return row

    def _visible(self, task: Task, key: str) -> Row:
        transaction: _Transaction | None = task.transaction
        if transaction is not None:
            for row, _place in reversed(transaction.writes):
                if row.key == key:
                    return row
        return self.committed(key)

    def _write(self, task: Task, transaction: _Transaction, key: str) -> Row:
        self._lock(transaction, key)
        nth = task.db_writes
        task.db_writes = nth + 1
        if self._latencies.write is not None:
            self._engine.wait(self._latencies.write(task.request, nth))
        version = self._issued.get(key, 0) + 1
        self._issued[key] = version
        row = Row(key, version, self._payload_of(key))
        code = self.key_codes.setdefault(key, len(self.key_codes))
        place = self.log.append(task.arrival_s, task.start_s, code, task.worker, version)
        transaction.writes.append((row, place))
        return row

    @contextmanager
    def _transaction(self, task: Task, tail: LatencyOf | None) -> Iterator[_Transaction]:
        transaction = task.transaction = _Transaction()
        try:
            yield transaction
            if transaction.broken:
                return
            self._commit(task, transaction, tail)
        finally:
            task.transaction = None
            self._unlock(transaction, keep=0)
        for func, robust in transaction.hooks:
            _run_hook(func, robust)

    def _commit(self, task: Task, transaction: _Transaction, tail: LatencyOf | None) -> None:
        if not transaction.writes:
            return
        engine, nth = self._engine, task.db_commits
        engine.settle()
        task.db_commits = nth + 1
        if tail is not None:
            engine.wait(tail(task.request, nth))
        if task.rolls_back:
            task.rolls_back = False
            raise RollbackError("rolled back, as rollback_ratio asks of this request")
        if self._latencies.commit is not None:
            engine.wait(self._latencies.commit(task.request, nth))
        for row, place in transaction.writes:
            self._rows[row.key] = row
            self.log.commit(place, task.arrival_s, self.key_codes[row.key], row.version, engine.time())

    @contextmanager
    def _savepoint(self, task: Task) -> Iterator[None]:
        transaction: _Transaction = task.transaction
        before = replace(
            transaction, writes=[*transaction.writes], hooks=[*transaction.hooks], locks=[*transaction.locks]
        )
        try:
            yield
            if transaction.aborted and not before.aborted:
                raise InternalError("current transaction is aborted, commands ignored until end of transaction block")
        except BaseException:
            self._roll_back(transaction, before)
            raise
        if transaction.broken and not before.broken:
            self._roll_back(transaction, before)  # without an error, as Django does: an inner block has broken it

    def _roll_back(self, transaction: _Transaction, before: _Transaction) -> None:
        """Put *transaction* back to the state *before*."""
        self._unlock(transaction, keep=len(before.locks))
        transaction.writes, transaction.hooks = before.writes, before.hooks
        transaction.broken, transaction.aborted = before.broken, before.aborted

    def _lock(self, transaction: _Transaction, key: str) -> None:
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = _RowLock(transaction)
        elif lock.owner is transaction:
            return
        else:
            self._refuse_deadlock(transaction, key)
            granted = self._engine.event()
            lock.queue.append((transaction, granted))
            transaction.waits_for = key
            self._engine.wait_for(granted)
        transaction.locks.append(key)

    def _unlock(self, transaction: _Transaction, keep: int) -> None:
        """Release the locks taken after the first *keep*; the longest waiter of each takes over."""
        for key in transaction.locks[keep:]:
            lock = self._locks[key]
            if lock.queue:
                lock.owner, granted = lock.queue.popleft()
                lock.owner.waits_for = None
                granted.succeed()
            else:
                del self._locks[key]
        del transaction.locks[keep:]

    def _refuse_deadlock(self, transaction: _Transaction, key: str) -> None:
        """Raise as PostgreSQL does if the owner of *key*, or a transaction it waits for, waits for *transaction*."""
        wanted: str | None = key
        while wanted is not None:
            owner = self._locks[wanted].owner
            if owner is transaction:
                transaction.broken = transaction.aborted = True
                raise OperationalError(f"deadlock detected: {key!r} is locked by a transaction that waits for this one")
            wanted = owner.waits_for


@contextmanager
def _breaking(transaction: _Transaction) -> Iterator[None]:
    """An inner `atomic` without a savepoint: after an exception the whole transaction must be rolled back."""
    try:
        yield
    except BaseException:
        transaction.broken = True
        raise


def _run_hook(func: Callable[[], object], robust: bool) -> None:
    if not robust:
        func()
        return
    try:
        func()
    except Exception:
        logger.exception("Error calling %r in on_commit()", func)
