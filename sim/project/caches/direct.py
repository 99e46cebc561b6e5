"""Direct clients of Redis (cacheops, ``redis.Redis(...)`` in the project's code) use a private server.

They never connect to the address that they were given; each address becomes a database of one private Redis. In a run
their commands take round trips. It is not known what they cache, so the birth of such copies is unknown.
"""

import math
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...backends.wire import GREETINGS, Wire
from ...daemons.home import in_a_home
from ...daemons.session import Servers
from ...engine.scheduler import Engine
from ...errors import StrategyError
from ..imports import after_import
from ..watch import CacheCall, Watch
from .births import Births
from .kinds import Address, canonical
from .patterns import pattern_of
from .sites import Sites

_WAITS = frozenset(
    (
        "blpop",
        "brpop",
        "brpoplpush",
        "blmove",
        "blmpop",
        "bzpopmin",
        "bzpopmax",
        "bzmpop",
        "wait",
        "subscribe",
        "psubscribe",
    )
)
# Commands that change counters and expiry, and return no cached value.
_NO_COPIES = frozenset(
    (
        "incr",
        "incrby",
        "decr",
        "decrby",
        "expire",
        "pexpire",
        "ttl",
        "pttl",
        "del",
        "unlink",
        "publish",
        "flushdb",
        "info",
    )
)
_LOOKUPS = frozenset(("get", "mget", "hget", "exists", "getex"))


class Home(NamedTuple):
    """A private Redis: its socket, the database for each address, and the hook for each command."""

    path: str
    number: Callable[[Address], int]
    cross: Callable[[tuple[str, ...]], None]
    answered: Callable[[Any, tuple[str, ...], Any], None]


class Direct:
    """Decides which server the direct clients of this process use."""

    def __init__(self) -> None:
        self.used = False  # a client was made
        self.evaluations: Home | None = None  # the server for evaluations of reads
        self._home: Home | None = None
        self._open: Callable[[], None] | None = None
        self._early: Servers | None = None

    def lead_to(self, home: Home | None) -> None:
        """Let all clients use *home*, also those that are already connected; None: a server of this process."""
        self._home = home

    def lead_when_asked(self, opening: Callable[[], None] | None) -> None:
        """When the first client connects, call *opening*, which sets a home."""
        self._open = opening

    def home(self) -> Home:
        """Return the current home; before a run this is a server of this process alone."""
        if self._home is None and self._open is not None:
            self._open()
        if self._home is None:
            self._early = self._early or Servers()
            self._home = plain_home(str(self._early.start("redis", virtual=False).socket))
        return self._home

    def evaluate(self) -> None:
        """Let all clients use an empty server, and switch cacheops off, permanently: no copy is found."""
        _switch_cacheops(on=False)
        if not self.used:
            return
        if self._home is not self.evaluations or self.evaluations is None:
            self._home = self.evaluations
            self.evaluations = self.home()
        import redis

        client: Any = redis.Redis(unix_socket_path=self.home().path)
        client.flushall()
        client.close()


def plain_home(path: str) -> Home:
    """Return the Redis at *path* as a home where commands take no time."""
    numbers: dict[Address, int] = {}
    return Home(
        path,
        lambda address: numbers.setdefault(address, len(numbers)),
        lambda _words: None,
        lambda _connection, _words, _answer: None,
    )


class RunsHome:
    """The home of direct clients in a run: each command uses *wire*, and is recorded."""

    def __init__(
        self,
        engine: Engine,
        wire: Wire,
        births: Births,
        watch: Watch,
        sites: Sites,
        first: Callable[[], None],
    ) -> None:
        self._engine, self._wire, self._births, self._watch, self._sites = engine, wire, births, watch, sites
        self._first: Callable[[], None] | None = first

    def cross(self, words: tuple[str, ...]) -> None:
        """Let half a round trip pass. A command that may return a copy returns one of unknown birth."""
        if self._first is not None:
            self._first()
            self._first = None
        self._wire.cross(lambda: words)
        if words[0] not in _NO_COPIES:
            self._births.strangers()
            self._engine.current.oldest_s = -math.inf

    def answered(self, connection: Any, words: tuple[str, ...], answer: Any) -> None:
        """Record an answered command."""
        if self._engine.serves_here():
            site = self._sites.of(sys._getframe(1))
            self._watch.cache_call(call_of(site, _address(connection), words, answer))


@contextmanager
def cacheops_off() -> Iterator[None]:
    """Switch cacheops off with its own switch, if it is installed: then it caches no query and sends nothing."""
    was = _switch_cacheops(on=False)
    try:
        yield
    finally:
        _switch_cacheops(on=was)


def _switch_cacheops(*, on: bool | None) -> bool | None:
    """Switch cacheops on or off, and return its earlier state; None: it is not loaded, so do nothing."""
    found = sys.modules.get("cacheops.conf")
    if found is None or on is None:
        return None
    was: bool = found.settings.CACHEOPS_ENABLED
    found.settings.CACHEOPS_ENABLED = on
    return was


DIRECT = Direct()


def install() -> None:
    """From now on, redirect all clients of redis-py and valkey in this process."""
    for library in ("redis", "valkey"):
        after_import(f"{library}.connection", _lead)


def _lead(module: Any) -> None:
    base = module.AbstractConnection
    for name in ("Connection", "SSLConnection", "UnixDomainSocketConnection"):
        kind = getattr(module, name)
        kind._connect = _connecting(kind._connect)
    base.on_connect = _greeting(base.on_connect)
    if hasattr(base, "on_connect_check_health"):
        base.on_connect_check_health = _greeting(base.on_connect_check_health)
    base.send_packed_command = _sending(base.send_packed_command)
    base.read_response = _reading(base.read_response)
    pool = module.ConnectionPool
    pool.__init__ = _noting(pool.__init__)


def _is_ours(connection: Any) -> bool:
    """Return whether *connection* belongs to a cache of ours. This is called at each command."""
    known = connection.__dict__.get("_cachewise_is_ours")
    if known is None:
        known = connection._cachewise_is_ours = in_a_home(str(getattr(connection, "path", "")))
    return known  # type: ignore[no-any-return]


def _address(connection: Any) -> Address:
    known = vars(connection).get("_cachewise_address")
    if known is None:
        path = getattr(connection, "path", None)
        host = path or str(getattr(connection, "host", ""))
        known = canonical(host, 0 if path else int(getattr(connection, "port", 6379)), connection.db)
        connection._cachewise_address = known
    return known  # type: ignore[no-any-return]


def _connecting(real: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: Any) -> Any:
        if _is_ours(self):
            return real(self)
        _address(self)  # remember the address before its database is replaced
        home = DIRECT.home()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(home.path)
        except OSError:
            sock.close()
            raise
        self._cachewise_home = home
        return sock

    return connect


def _greeting(real: Callable[..., Any]) -> Callable[..., Any]:
    """Connect to the private server without a login, and choose the database for the address."""

    def greet(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_ours(self):
            self.username = self.password = self.credential_provider = None
            self.db = self._cachewise_home.number(_address(self))
        return real(self, *args, **kwargs)

    return greet


def _sending(real: Callable[..., Any]) -> Callable[..., Any]:
    def send(self: Any, command: Any, check_health: bool = True) -> Any:
        if _is_ours(self):
            return real(self, command, check_health)
        words = _words(command)
        if vars(self).get("_cachewise_home") not in (None, DIRECT.home()):
            self.disconnect()  # it was connected to another home
        if words[0] in _WAITS:
            raise StrategyError(f"{words[0].upper()} waits in the server, where no virtual time passes")
        told = words[0] not in GREETINGS
        if told:
            DIRECT.home().cross(words)
        sent = real(self, command, check_health)  # connects first, if needed
        self._cachewise_asked = words if told else None
        return sent

    return send


def _reading(real: Callable[..., Any]) -> Callable[..., Any]:
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        answer = real(self, *args, **kwargs)
        asked = vars(self).get("_cachewise_asked")
        if asked is not None:
            self._cachewise_asked = None
            DIRECT.home().answered(self, asked, answer)
        return answer

    return read


def _noting(real: Callable[..., None]) -> Callable[..., None]:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        if not in_a_home(str(kwargs.get("path", ""))):
            DIRECT.used = True

    return init


def _words(command: Any) -> tuple[str, ...]:
    """Return a packed command's name in lower case and its arguments; for a pipeline, those of its first command."""
    parts = command if isinstance(command, (list, tuple)) else [command]
    text = b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in parts)
    count, rest = text[1:].split(b"\r\n", 1)
    words: list[str] = []
    for _ in range(min(int(count), 4)):  # callers need no more
        size, _, rest = rest[1:].partition(b"\r\n")
        words.append(rest[: int(size)].decode(errors="backslashreplace"))
        rest = rest[int(size) + 2 :]
    return (words[0].lower(), *words[1:])


def call_of(site: str, address: Address, words: tuple[str, ...], answer: Any) -> CacheCall:
    """Return the record of a direct client's command."""
    name = words[0]
    looks = name in _LOOKUPS
    found = sum(one is not None for one in answer) if isinstance(answer, list) else int(answer not in (None, 0))
    asked = len(answer) if isinstance(answer, list) else 1
    key = words[3] if name in ("evalsha", "eval") and len(words) > 3 else words[1] if len(words) > 1 else "*"
    return CacheCall(
        site=site,
        alias=f"redis {address[0]}/{address[2]}",
        verb=name,
        pattern=pattern_of(key),
        timeout=math.nan,
        hits=found if looks else 0,
        misses=asked - found if looks else 0,
        oldest_s=-math.inf if looks and found else math.inf,
        store=False,
    )
