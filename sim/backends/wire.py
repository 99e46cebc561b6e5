"""The wire to a server: the innermost round trip of a client library. Here the wait happens and the clock is set.

The client's connection or socket class is subclassed. So everything above it (Django's cache class, the client,
pipelines, scripts) is the same as in production. Outside a run, a wired client behaves like any other.
"""

import socket
from _thread import get_ident
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from ..daemons.server import Server
from ..engine.scheduler import Engine
from ..errors import StrategyError
from ..world.latency import LatencyOf
from .places import Call, Wiring


class Wire:
    """One run's way to *server*, which no other run uses: every connection there goes through it, in any thread.

    `tells_instants` says that the server's clock is the same as the requests', so that EXPIREAT means what it says.
    """

    tells_instants = False

    def __init__(self, engine: Engine, rtt: LatencyOf | None, server: Server | None, log: list[Call] | None) -> None:
        self._engine = engine
        self._rtt = rtt
        self._move: Callable[[float], None] = (lambda _time_s: None) if server is None else server.move
        self._log = log
        self._hang_ups: list[Callable[[], object]] = []
        self._path = None if server is None else str(server.socket)
        if self._path is not None:
            _OPEN[self._path] = self

    def opened(self, hang_up: Callable[[], object]) -> None:
        """Remember a client's connection by the function that closes it."""
        self._hang_ups.append(hang_up)

    def close(self) -> None:
        """Close all connections, even if one raises: the clients would leave this to the garbage collection."""
        with ExitStack() as hanging_up:
            hanging_up.callback(_OPEN.pop, self._path, None)
            for hang_up in self._hang_ups:
                hanging_up.callback(hang_up)

    def cross(self, describe: Callable[[], tuple[str, ...]]) -> None:
        """Let half a round trip pass and set the server's clock to now; the way back becomes the request's debt.

        *describe* returns the command and its arguments, for the log.
        """
        engine = self._engine
        if get_ident() != engine.thread:
            raise engine.astray(f"site.cache (its command {describe()[0].upper()})")
        task = engine.current
        nth = task.cache_calls
        task.cache_calls = nth + 1
        if self._rtt is not None:
            half_s = self._rtt(task.request, nth) * 0.5
            debt_s, task.debt_s = task.debt_s, half_s
            engine.wait(debt_s + half_s)
        self._move(engine._now)
        if self._log is not None and task.worker >= 0:  # no worker: a look at what the run has left behind
            command, *args = describe()
            self._log.append(Call(engine.time(), task.worker, command, tuple(args), {}, None))


def wire_this_process(wire: Any) -> None:
    """Let every client of this process use *wire*: the process serves one real run only."""
    _OF_PROCESS.append(wire)


def wire_to(path: Any) -> Any:
    """Return the wire to the server with its socket at *path*: a `Wire`, in a real run a stopwatch, or None."""
    return _OPEN.get(path) or (_OF_PROCESS[-1] if _OF_PROCESS else None)


_OPEN: dict[Any, Wire] = {}  # by the path of the server's socket
_OF_PROCESS: list[Any] = []


# Commands that a client sends by itself when it connects; they are no calls.
GREETINGS = frozenset({"hello", "auth", "client", "select", "readonly", "ping"})


_WITH_INSTANTS = frozenset({"expireat", "pexpireat"})


@cache
def wired_connection(library: str) -> type:
    """Return the unix socket connection of redis-py, or of a library like it, with the wait before each command."""
    base: Any = import_module(f"{library}.connection").UnixDomainSocketConnection

    class WiredConnection(base):  # type: ignore[misc]
        def _connect(self) -> Any:
            wire = wire_to(self.path)
            if wire is not None:
                wire.opened(self.disconnect)
            return super()._connect()

        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            wire, name = wire_to(self.path), _name_of(command)
            if name in _WITH_INSTANTS and isinstance(wire, Wire) and not wire.tells_instants:
                raise StrategyError(
                    f"{name.upper()} gives an instant to the server, whose clock is not the request's: "
                    "use expire(key, seconds) instead of expire_at()"
                )
            if wire is not None and name not in GREETINGS:
                wire.cross(lambda: _words(command))
            super().send_packed_command(command, check_health)

    return WiredConnection


def _name_of(command: Any) -> str:
    """Return the name of a packed command (the first one's, in a pipeline): ``*2 $3 GET $1 k``, on lines of its own."""
    first = command if isinstance(command, (bytes, str)) else b"".join(command[:1])
    head = first.encode() if isinstance(first, str) else first
    return head.split(b"\r\n", 3)[2].decode().lower()


def _words(command: Any) -> tuple[str, ...]:
    """Return a packed command's name and arguments; for a pipeline, those of its first command."""
    parts = command if isinstance(command, list) else [command]
    text = b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in parts)
    lines = text.split(b"\r\n")
    count = int(lines[0][1:])
    words = [line.decode(errors="backslashreplace") for line in lines[2 : 2 + 2 * count : 2]]
    return (words[0].lower(), *words[1:])


class _WiredSocket(socket.socket):
    """A socket on which sending is the round trip: a memcached client reads its answer at once."""

    _path: Any = None

    def connect(self, address: Any) -> None:
        self._path = address
        wire = wire_to(address)
        if wire is not None:
            wire.opened(self.close)
        super().connect(address)

    def sendall(self, data: Any, flags: int = 0) -> None:
        wire = wire_to(self._path)
        if wire is not None:
            wire.cross(lambda: _memcached_words(bytes(data)))
        super().sendall(data, flags)


def _memcached_words(data: bytes) -> tuple[str, ...]:
    command, *args = data.split(b"\r\n", 1)[0].decode(errors="backslashreplace").split()
    return (command.lower(), *args)


# pymemcache takes a module for its sockets; only what it creates is different.
_WIRED_SOCKETS = SimpleNamespace(**{**vars(socket), "socket": _WiredSocket})
_MANY_CONNECTIONS = 100_000  # redis-py's own limit is 100; more requests may be under way


def wired(params: Mapping[str, Any], wiring: Wiring | None, *, virtual: bool) -> dict[str, Any]:
    """Return a cache's *params* with the wire below its client; on virtual time it may open any number of connections.

    Call it in the process that uses the result: wired params cannot be sent to another process.
    """
    if wiring is None:
        return {**params}
    if wiring.library == "pymemcache":
        ours: dict[str, Any] = {"socket_module": _WIRED_SOCKETS}
    else:
        ours = {"connection_class": wired_connection(wiring.library)}
        ours |= {"max_connections": _MANY_CONNECTIONS} if virtual else {}
    options = params.get("OPTIONS", {})
    if wiring.nested is not None:
        ours = {wiring.nested: {**options.get(wiring.nested, {}), **ours}}
    return {**params, "OPTIONS": {**options, **ours}}
