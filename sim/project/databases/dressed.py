"""A project's connection in a run: its statements and commits take virtual time and are recorded.

The connection is Django's own wrapper, of the class that the project's ENGINE names. Only methods of this one object
are replaced, and they act differently only in requests: set-up, migrations and fill use the plain connection. It stays
open between the requests of a thread; opening one takes no virtual time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ...contract import RollbackError
from ...engine.scheduler import Task
from ...errors import one_line
from ..watch import ALL_TABLES, Tables
from .latency import Traffic
from .statements import text_of
from .tables import Nature, Schema

Call = Callable[[], Any]


class Dressed:
    """The part that both families of databases share. Locks are handled in the subclasses."""

    def __init__(self, wrapper: Any, traffic: Traffic, schema: Schema) -> None:
        self._wrapper = wrapper
        self._traffic = traffic
        self._engine = traffic.engine
        self._schema = schema
        self._thread: Any = None  # the project's thread whose requests this connection serves
        self._opening = False
        self._wrote = False  # in the open transaction
        self._changed: Tables = frozenset()
        self._schema_changed = False
        self._real_connect, self._real_commit = wrapper.connect, wrapper._commit
        self._real_rollback, self._real_close = wrapper._rollback, wrapper._close
        wrapper.execute_wrappers.insert(0, self._statement)
        wrapper.connect, wrapper._commit = self._connect, self._commit
        wrapper._rollback, wrapper._close = self._rollback, self._close

    # Methods that Django calls.

    def _connect(self) -> None:
        self._opening = True  # statements of a `connection_created` receiver do not count as the request's
        try:
            self._real_connect()
            self._opened()
        finally:
            self._opening = False

    def _statement(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Wrap each statement (this is one of Django's execute wrappers)."""
        call = partial(execute, sql, params, many, context)
        if self._is_plain():
            return call()
        self._require_own()
        text = text_of(sql)
        nature = self._schema.nature(text)
        if nature.kind in ("begin", "commit", "rollback", "free", "whole"):
            return self._steer(nature, call)
        task = self._traffic.begin_statement()
        self._wrapper.validate_no_broken_transaction()
        if nature.real_time and nature.kind != "read":
            self._traffic.real_times.add(f"what {one_line(text, 60)!r} writes")
        writes, began_s = nature.kind != "read", self._engine.time()
        try:
            return self._write(task, nature, call, context["cursor"]) if writes else self._read(task, call)
        except Exception:
            self._freed()  # in PostgreSQL a failed statement ends its transaction
            raise
        finally:
            self._traffic.tell(self._wrapper.alias, writes, nature.tables, began_s)

    def _commit(self) -> None:
        if self._is_plain():
            self._real_commit()
        else:
            self._finish("transaction_tail_s", self._real_commit)

    def _rollback(self) -> None:
        try:
            self._real_rollback()
        finally:
            self._ended()

    def _close(self) -> None:
        try:
            self._real_close()
        finally:
            self._ended()

    # Their work.

    def _read(self, task: Task, call: Call) -> Any:
        nth = task.db_queries
        task.db_queries = nth + 1
        task.db_reads += 1
        self._traffic.pass_by("db_send_s", task, nth)
        result = call()  # takes its snapshot
        self._traffic.pass_by("db_read_s", task, nth)
        return result

    def _write(self, task: Task, nature: Nature, call: Call, cursor: Any) -> Any:
        if not self._wrapper.get_autocommit() or self._transacting():
            return self._written(task, nature, call, cursor)
        with self._transaction_of_its_own():
            result = self._written(task, nature, call, cursor)
            self._finish(None, partial(self._raw, "commit"))
            return result

    def _written(self, task: Task, nature: Nature, call: Call, cursor: Any) -> Any:
        self._lock()
        before = self._rows_changed()
        result = call()  # holds its locks now
        self._wrote = True
        if nature.kind == "schema" or self._has_changed_rows(cursor, before):
            self._changed |= nature.tables or ALL_TABLES
        self._schema_changed |= nature.kind == "schema"
        nth = task.db_writes
        task.db_writes = nth + 1
        self._traffic.pass_by("db_write_s", task, nth)
        return result

    @contextmanager
    def _transaction_of_its_own(self) -> Iterator[None]:
        """Replace autocommit: others see the statement's writes only after its commit has taken its time."""
        self._begin()
        try:
            yield
        except BaseException:
            self._rollback()
            raise

    def _steer(self, nature: Nature, call: Call) -> Any:
        """Run a statement that controls a transaction or the session; it takes no time."""
        if nature.kind == "commit":
            return self._finish(None, call)
        if nature.kind in ("begin", "whole"):
            self._lock()
        try:
            return call()
        finally:
            if nature.kind == "rollback":
                self._ended()
            else:
                self._freed()

    def _finish(self, tail: str | None, commit: Call) -> Any:
        """Commit. If the transaction has written, this takes time; then others see its writes."""
        if not self._wrote:
            result = commit()
            self._ended()
            return result
        engine, task = self._engine, self._engine.current
        engine.settle()
        nth = task.db_commits
        task.db_commits = nth + 1
        if tail is not None:
            self._traffic.pass_by(tail, task, nth)
        if task.rolls_back:
            task.rolls_back = False
            self._wrapper.run_on_commit = []
            self._rollback()
            raise RollbackError("rolled back, as rollback_ratio asks of this request")
        self._traffic.pass_by("db_commit_s", task, nth)
        result, changed = commit(), self._changed
        if changed:
            self._traffic.watch.committed(changed)
        if self._schema_changed:
            self._schema.look_again()
        self._ended()
        return result

    def _ended(self) -> None:
        """Clean up after the end of a transaction."""
        self._wrote, self._changed, self._schema_changed = False, frozenset(), False
        self._freed()

    def _raw(self, method: str, *arguments: Any) -> None:
        """Call a method of the real connection; its errors become Django's errors."""
        with self._wrapper.wrap_database_errors:
            getattr(self._wrapper.connection, method)(*arguments)

    def _is_plain(self) -> bool:
        return self._opening or not self._engine.serves_here()

    def _require_own(self) -> None:
        """Make sure that no other open request uses this connection.

        Raises:
            StrategyError: otherwise; it ends the run even if the project catches it.
        """
        task = self._engine.current
        thread = task if task.thread is None else task.thread
        if self._thread is None:
            self._thread = thread
        elif self._thread is not thread:
            raise self._engine.refused(
                f"two requests at once use one connection to DATABASES[{self._wrapper.alias!r}]: the project keeps a "
                "connection that all its threads share; use django.db.connections within each request"
            )

    def _refusing(self, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return *call*, a cursor method that no wrapper sees; it is allowed at set-up only."""

        def refused(*arguments: Any, **named: Any) -> Any:
            if self._is_plain():
                return call(*arguments, **named)
            raise self._engine.refused(
                f"a request calls {what} of DATABASES[{self._wrapper.alias!r}], so its statements cannot be watched: "
                "use cursor.execute() or bulk_create()"
            )

        return refused

    # Methods that depend on the family.

    def _opened(self) -> None:
        """Prepare the real connection after it was opened."""

    def _begin(self) -> None:
        """Begin a transaction on the real connection."""
        raise NotImplementedError

    def _transacting(self) -> bool:
        """Return whether a transaction is open."""
        raise NotImplementedError

    def _lock(self) -> None:
        """Get the lock that a writer needs before its statement can run."""

    def _freed(self) -> None:
        """Let waiters go on: locks may have become free."""

    def _rows_changed(self) -> int:
        """Return how many rows this connection has changed, if it counts them."""
        return 0

    def _has_changed_rows(self, cursor: Any, before: int) -> bool:
        """Return whether the statement may have changed a row; *before* is the count before it."""
        raise NotImplementedError
