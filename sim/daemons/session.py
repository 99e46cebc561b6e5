"""A session of servers: each is started when it is first asked for; all are stopped when the session ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.daemons.home import Home
from sim.daemons.memcached import MemcachedServer
from sim.daemons.postgres import PostgresServer
from sim.daemons.redis import RedisServer
from sim.daemons.server import Server
from sim.interrupts import interrupts_held, temporary_folder

KINDS: dict[str, type[Server]] = {one.kind: one for one in (RedisServer, MemcachedServer, PostgresServer)}


class Servers:
    """The private servers of a run, or of all the runs in a ``with servers() as s:`` block."""

    def __init__(self) -> None:
        self._home: Home | None = None
        self._running: dict[tuple[str, bool], Server] = {}

    def start(self, kind: str, *, virtual: bool) -> Server:
        """Return the session's server of *kind* ("redis", "memcached", "postgres"), started if it does not run yet.

        Args:
            kind: one of `KINDS`.
            virtual: whether a run moves its clock; otherwise it lives on the real one.

        Raises:
            UserError: if it is not installed or does not start.
        """
        server = self._running.get((kind, virtual))
        if server is None or not server.alive():
            with interrupts_held():  # a server that has been started is known here, whenever Ctrl-C comes
                if server is not None:
                    self._running.pop((kind, virtual)).stop()
                self._home = self._home or Home()
                server = self._running[kind, virtual] = KINDS[kind](self._home, virtual=virtual)
        return server

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Give a private folder that is gone afterwards, if need be (kill -9) through the session's watchdog."""
        with interrupts_held():
            self._home = self._home or Home()
        with temporary_folder("run-", self._home.folder) as folder:
            yield folder

    def close(self) -> None:
        """Stop and reap all servers and remove their folder; harmless to repeat."""
        with interrupts_held():
            for server in self._running.values():
                server.stop()
            self._running = {}
            if self._home is not None:
                self._home.close()
                self._home = None


@contextmanager
def servers() -> Iterator[Servers]:
    """Give a session of servers; whatever it has started is gone afterwards."""
    session = Servers()
    try:
        yield session
    finally:
        session.close()
