"""The database in a real run: `cachewise.sim.contract.Database` over Django's transactions and a model.

A query's snapshot is taken at an unknown instant of its execution; the middle is used for it. A commit is stamped just
before COMMIT is sent and by the first `on_commit` hook after it. Row locks (with SQLite: one writer at a time) make a
key's versions commit in ascending order. A version that was rolled back is never given out again; otherwise a read of
it could be mistaken for a read of the next version.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import nan
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from ..contract import RollbackError, Row
from ..world.latency import LatencyOf
from .issued import Issued
from .ledger import Ledger, Request, Written
from .model import Stored

Pauses = Mapping[str, LatencyOf | None]  # the scenario's latencies that are slept on top of the real ones


class DjangoDatabase:
    """The database as the current thread's request sees it."""

    def __init__(self, ledger: Ledger, pauses: Pauses, issued: Issued) -> None:
        self._ledger = ledger
        self._pauses = pauses
        self._issued = issued

    def read(self, key: str) -> Row:
        """Return *key*'s row as of the query's snapshot, after the rendering time: the value that goes into a cache."""
        request = self._ledger.request
        nth, request.db_reads = request.db_reads, request.db_reads + 1
        version, payload = self._query(request, key, "version", "payload")
        self._step("render_s", request, nth)
        return Row(key, version, bytes(payload))

    def version(self, key: str) -> int:
        """Return *key*'s version, by a query that loads nothing else."""
        (version,) = self._query(self._ledger.request, key, "version")
        return int(version)

    def write(self, key: str) -> Row:
        """Lock the row, give it its next version and, outside `atomic`, commit it at once."""
        if connection.in_atomic_block:
            return self._write(key)
        with self._transaction(tail=False):
            return self._write(key)

    @contextmanager
    def atomic(self, savepoint: bool = True, durable: bool = False) -> Iterator[None]:
        """Open a transaction, or a savepoint inside one; an exception rolls it back and is raised again."""
        if not connection.in_atomic_block:
            with self._transaction(tail=True):
                yield
            return
        request = self._ledger.request
        kept = len(request.writes)
        try:
            with transaction.atomic(savepoint=savepoint, durable=durable):
                yield
                doomed = connection.needs_rollback  # by an inner block: Django rolls back without an error
        except BaseException:
            self._ledger.wrote(request, nan, since=kept)
            raise
        if doomed:
            self._ledger.wrote(request, nan, since=kept)

    def on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        """Call *func* after the commit; outside `atomic` at once; after a rollback never."""
        transaction.on_commit(func, robust=robust)

    def _query(self, request: Request, key: str, *columns: str) -> tuple[Any, ...]:
        nth, request.db_queries = request.db_queries, request.db_queries + 1
        began_s = self._ledger.now()
        slept_s = self._pause("db_send_s", request, nth)
        with connection.execute_wrapper(self._ledger.executed):
            found: tuple[Any, ...] = Stored.objects.values_list(*columns).get(key=key)
        self._ledger.took("db_send_s", began_s, slept_s, request.snapshot_s)
        slept_s = self._pause("db_read_s", request, nth)
        self._ledger.took("db_read_s", request.snapshot_s, slept_s)
        self._ledger.queried(began_s)
        return found

    def _write(self, key: str) -> Row:
        # The UPDATE locks the row until the transaction ends, so the SELECT sees this transaction's own version.
        request = self._ledger.request
        nth, request.db_writes = request.db_writes, request.db_writes + 1
        asked_s = self._ledger.now()
        stored = Stored.objects.filter(key=key)
        stored.update(version=F("version") + 1)
        version, payload = stored.values_list("version", "payload").get()
        if version <= self._issued[key]:
            version = self._issued[key] + 1
            stored.update(version=version)
        self._issued[key] = version
        row = Row(key, version, bytes(payload))
        request.writes.append(Written(row, asked_s, self._ledger.now()))
        self._pause("db_write_s", request, nth)
        return row

    @contextmanager
    def _transaction(self, *, tail: bool) -> Iterator[None]:
        request = self._ledger.request
        try:
            with transaction.atomic():
                transaction.on_commit(lambda: self._committed(request))  # the first hook: it runs right after COMMIT
                yield
                self._before_commit(request, tail=tail)
        finally:
            self._ledger.wrote(request, nan)  # the remaining writes were rolled back

    def _before_commit(self, request: Request, *, tail: bool) -> None:
        if not request.writes or connection.needs_rollback:
            return
        nth, request.db_commits = request.db_commits, request.db_commits + 1
        if tail:
            self._step("transaction_tail_s", request, nth)
        if request.rolls_back:
            request.rolls_back = False
            raise RollbackError("rolled back, as rollback_ratio asks of this request")
        began_s = self._ledger.now()
        request.slept_s = self._pause("db_commit_s", request, nth)
        request.commit_began_s, request.before_s = began_s, self._ledger.now()

    def _committed(self, request: Request) -> None:
        if request.writes:
            self._ledger.took("db_commit_s", request.commit_began_s, request.slept_s)
        self._ledger.wrote(request, self._ledger.now())

    def _step(self, name: str, request: Request, nth: int) -> None:
        began_s = self._ledger.now()
        slept_s = self._pause(name, request, nth)
        self._ledger.took(name, began_s, slept_s)

    def _pause(self, name: str, request: Request, nth: int) -> float:
        """Sleep for the scenario's latency *name*, if it is one that is slept; return the seconds slept."""
        latency = self._pauses.get(name)
        if latency is None or request.hurried:
            return 0.0
        slept_s = latency(request.number, nth)
        time.sleep(slept_s)
        return slept_s
