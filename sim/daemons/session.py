"""A session of servers: each is started when it is first needed; all are stopped when the session ends."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from threading import RLock

from ..errors import UserError
from ..processes.interrupts import finish, interrupts_held, temporary_folder
from .home import Home
from .memcached import MemcachedServer
from .postgres import PostgresServer
from .redis import RedisServer
from .server import Server, first_dead

KINDS: dict[str, type[Server]] = {one.kind: one for one in (RedisServer, MemcachedServer, PostgresServer)}


class Servers:
    """The private servers of a run, or of all runs in a ``with servers() as s:`` block."""

    def __init__(self) -> None:
        self._home: Home | None = None
        self._over = False
        self._running: dict[tuple[str, bool], Server] = {}
        self._lock = RLock()  # two threads may ask for the same server

    def start(self, kind: str, *, virtual: bool) -> Server:
        """Return the session's server of *kind* ("redis", "memcached", "postgres"), started if it does not run yet.

        Args:
            kind: one of `KINDS`.
            virtual: whether a run moves its clock; otherwise it uses the real one.

        Raises:
            UserError: if it is not installed or does not start, or the session is over.
        """
        with self._lock, interrupts_held():  # whenever Ctrl-C comes, a started server is registered here
            server = self._running.get((kind, virtual))
            if server is None or not server.alive() or server.worn_out:
                if server is not None:
                    self._running.pop((kind, virtual)).stop()
                server = self._running[kind, virtual] = KINDS[kind](self._at_home(), virtual=virtual)
        return server

    @contextmanager
    def taken(self, kind: str, *, virtual: bool) -> Iterator[Server]:
        """Give the session's server of *kind* to one run alone.

        Raises:
            UserError: if another run has it, if it dies meanwhile, or as for `start`.
        """
        with self._lock:
            server = self.start(kind, virtual=virtual)
            if server.in_use:
                raise UserError(
                    f"this session's {kind} server is in a run already; side by side, each run needs its own"
                )
            server.in_use = True
        try:
            with server.dying():
                yield server
            if not server.alive():  # its clients may not have raised an error
                raise server.died()
        finally:
            server.in_use = False

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Give a private folder that is removed afterwards; after kill -9, the session's watchdog removes it."""
        with self._lock, interrupts_held():
            home = self._at_home()
        with temporary_folder("run-", home.folder) as folder:
            yield folder

    def require_alive(self) -> None:
        """Make sure that no server of the session has died.

        Raises:
            UserError: with the name of the dead server, and how it died.
        """
        for server in self._running.values():
            if not server.alive():
                raise server.died()

    @contextmanager
    def dying(self) -> Iterator[None]:
        """If an exception is raised in the block and one of the servers is dead, say that instead."""
        try:
            yield
        except Exception as error:
            dead = first_dead(self._running.values())
            if dead is not None:
                raise dead.died() from error
            raise

    def owns(self, socket_path: str) -> bool:
        """Return whether a socket belongs to the session: all its sockets are in its home."""
        return self._home is not None and Path(socket_path).is_relative_to(self._home.folder)

    def close(self) -> None:
        """Stop and reap all servers and remove their folder; harmless to repeat."""
        self._over = True
        with self._lock, interrupts_held(), ExitStack() as stack:  # if one step fails, the others are still done
            home, self._home = self._home, None
            if home is not None:
                stack.callback(home.close)
            while self._running:
                stack.callback(self._running.popitem()[1].stop)

    def _at_home(self) -> Home:
        if self._over:
            raise UserError("this session of servers is over; what runs after its `with` block needs another")
        self._home = self._home or Home()
        return self._home


@contextmanager
def servers() -> Iterator[Servers]:
    """Give a session of servers; all that it has started are stopped afterwards."""
    session = Servers()
    try:
        yield session
    finally:
        finish(session.close)


@cache
def kept_servers() -> Servers:
    """Return the session of this process: a worker keeps its servers from run to run until it ends."""
    session = Servers()
    Finalize(None, session.close, exitpriority=0)  # every kind of worker, and the main process, calls these at its end
    return session
