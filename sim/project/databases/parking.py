"""Statements that wait for a lock of PostgreSQL: their requests wait in virtual time, in the server's own order.

The server sends a notice that a statement waits, after it has looked for a deadlock (`cluster.SETTINGS`). So a request
is parked because of that notice, not because of elapsed time: the same run always parks the same requests.

Several requests that wait for one row would race for its next version when the lock becomes free. So the server process
of a parked request is stopped, and goes on when its turn comes: only one moves at a time.

Locks from outside the run, such as those of the judge's queries, are waited for in real time.
"""

import os
import select
import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
import simpy
from psycopg.waiting import Ready, Wait

from ...engine.scheduler import Engine
from .cluster import connect

SILENCE_S = 0.5  # then the server is asked, in case a project has turned its notices off
_BLOCKED = "SELECT pid FROM unnest(%s::int[]) AS pid WHERE pg_blocking_pids(pid) && %s::int[]"


class Parking:
    """The waiting statements of one server, in all its databases."""

    def __init__(self, engine: Engine, place: Mapping[str, Any]) -> None:
        self._engine = engine
        self._place = place
        self._asking: psycopg.Connection[Any] | None = None
        self._ours: set[int] = set()  # the server processes of the run's connections
        self._parked: list[_Underway] = []

    def dress(self, raw: Any) -> None:
        """Make the statements of *raw* wait in virtual time."""
        told: list[bool] = []  # filled when the running statement waits

        def hear(notice: psycopg.errors.Diagnostic) -> None:
            if "still waiting for" in (notice.message_primary or ""):
                told.append(True)

        self._ours.add(raw.pgconn.backend_pid)
        raw.add_notice_handler(hear)
        raw.wait = partial(self._wait, raw, told, raw.wait)

    def look(self) -> None:
        """Let every parked statement go on as far as possible, in the order in which they came.

        Call this when a lock may have become free. The request of a finished statement goes on at this instant.
        """
        while self._parked:
            blocked = self.blocked(*(one.pid for one in self._parked))
            moving = [one for one in self._parked if one.pid not in blocked]
            if not moving:
                return
            for one in moving:
                if one.drive():
                    self._parked.remove(one)
                    one.ended.succeed()

    def blocked(self, *pids: int) -> set[int]:
        """Return which of the server processes *pids* wait for a lock that the run holds."""
        if self._asking is None:
            self._asking = connect(self._place, "postgres")
        return {pid for (pid,) in self._asking.execute(_BLOCKED, (list(pids), list(self._ours)))}

    def close(self) -> None:
        """Let the server's processes go on, and close the connection that asks the server."""
        for one in self._parked:
            one.signal(signal.SIGCONT)
        if self._asking is not None:
            self._asking.close()

    def _wait(
        self,
        raw: Any,
        told: list[bool],
        plain: Callable[..., Any],
        generator: Generator[Any, Any, Any],
        *how: Any,
        **more: Any,
    ) -> Any:
        """Replace `psycopg.Connection.wait`: run *generator*, which talks to the server, to its end."""
        if more.get("timeout") is not None or not self._engine.serves_here():
            return plain(generator, *how, **more)
        statement = _Underway(self, raw.pgconn, generator, told)
        if not statement.drive():
            statement.ended = self._engine.event()
            self._parked.append(statement)
            try:
                self._engine.wait_for(statement.ended)
            except BaseException:  # the run is over
                self._parked.remove(statement)
                statement.signal(signal.SIGCONT)
                raise
        return statement.outcome()


class _Underway:
    """A running statement. While its request is parked, the request that releases a lock lets it go on."""

    ended: simpy.Event

    def __init__(self, parking: Parking, pgconn: Any, generator: Generator[Any, Any, Any], told: list[bool]) -> None:
        self.pid: int = pgconn.backend_pid
        self._parking = parking
        self._socket = pgconn.socket
        self._generator = generator
        self._told = told
        self._wanted: Wait | None = None  # event of the socket; None before the first step
        self._value: Any = None
        self._error: BaseException | None = None

    def drive(self) -> bool:
        """Go on until the statement has ended or waits for a lock; return whether it has ended."""
        if self._wanted is not None:
            self.signal(signal.SIGCONT)
        self._told.clear()
        try:
            self._go_on()
        except StopIteration as end:
            self._value = end.value
        except Exception as error:  # noqa: BLE001 - the request's own, raised in `outcome`
            self._error = error
        else:
            self.signal(signal.SIGSTOP)  # it sleeps, and holds nothing but locks that others need
            return False
        return True

    def signal(self, number: int) -> None:
        """Send a signal to the server's process, to stop it or let it go on."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _go_on(self) -> None:
        if self._wanted is None:
            self._wanted = next(self._generator)
        while True:
            ready = None if self._told else _polled(self._socket, self._wanted)
            if ready:
                self._wanted = self._generator.send(ready)
            elif self._parking.blocked(self.pid):
                return
            else:
                self._told.clear()

    def outcome(self) -> Any:
        """Return the statement's result, or raise its exception."""
        if self._error is not None:
            raise self._error
        return self._value


def _polled(socket: int, wanted: Wait, silence_s: float = SILENCE_S) -> Ready | None:
    """Return what the socket is ready for, or None if it stays silent."""
    poll = select.poll()
    poll.register(socket, (select.POLLIN if wanted & Wait.R else 0) | (select.POLLOUT if wanted & Wait.W else 0))
    for _socket, event in poll.poll(silence_s * 1000):
        readable = Ready.R if event & ~select.POLLOUT else 0
        writable = Ready.W if event & select.POLLOUT else 0
        return Ready(readable | writable)
    return None
