"""Direct clients of Redis (cacheops, ``redis.Redis(...)`` in the project's code): led to a private server.

The address that they were given is never connected to; each address becomes a database of one private Redis. Where a
run is under way they pay their round trips there. What they cache nobody sees through: no birth of it is known.
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
# What changes numbers and ends, and looks at no value.
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
    """A private Redis: its socket, which database of it stands for an address, and what each command crosses."""

    path: str
    number: Callable[[Address], int]
    cross: Callable[[tuple[str, ...]], None]
    answered: Callable[[Any, tuple[str, ...], Any], None]


class Direct:
    """Where the direct clients of this process are led."""

    def __init__(self) -> None:
        self.used = False  # a client was made
        self.evaluations: Home | None = None  # where reads are evaluated
        self._home: Home | None = None
        self._open: Callable[[], None] | None = None
        self._early: Servers | None = None

    def lead_to(self, home: Home | None) -> None:
        """Lead all clients to *home*, also those that are connected already; None: to a server of this process."""
        self._home = home

    def lead_when_asked(self, opening: Callable[[], None] | None) -> None:
        """Call *opening*, which leads clients somewhere, when the first one connects."""
        self._open = opening

    def home(self) -> Home:
        """Return where clients are led now: before a run, to a server of this process alone."""
        if self._home is None and self._open is not None:
            self._open()
        if self._home is None:
            self._early = self._early or Servers()
            self._home = plain_home(str(self._early.start("redis", virtual=False).socket))
        return self._home

    def evaluate(self) -> None:
        """Lead all clients to a server that is empty, and switch cacheops off, for good: no copy is found."""
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
    """Return the Redis at *path* as a home where nothing takes time."""
    numbers: dict[Address, int] = {}
    return Home(
        path,
        lambda address: numbers.setdefault(address, len(numbers)),
        lambda _words: None,
        lambda _connection, _words, _answer: None,
    )


class RunsHome:
    """The home of direct clients in a run: each command crosses *wire*, and is told."""

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
        """Let half a round trip pass. Who may get a copy, gets one of unknown birth."""
        if self._first is not None:
            self._first()
            self._first = None
        self._wire.cross(lambda: words)
        if words[0] not in _NO_COPIES:
            self._births.strangers()
            self._engine.current.oldest_s = -math.inf

    def answered(self, connection: Any, words: tuple[str, ...], answer: Any) -> None:
        """Tell of a command that was answered."""
        if self._engine.serves_here():
            site = self._sites.of(sys._getframe(1))
            self._watch.cache_call(call_of(site, _address(connection), words, answer))


@contextmanager
def cacheops_off() -> Iterator[None]:
    """Switch cacheops off, if it is there: its own switch, so that no query is cached and nothing is sent."""
    was = _switch_cacheops(on=False)
    try:
        yield
    finally:
        _switch_cacheops(on=was)


def _switch_cacheops(*, on: bool | None) -> bool | None:
    """Switch cacheops on or off, and return how it was; None: it is not there, so nothing is done."""
    found = sys.modules.get("cacheops.conf")
    if found is None or on is None:
        return None
    was: bool = found.settings.CACHEOPS_ENABLED
    found.settings.CACHEOPS_ENABLED = on
    return was


DIRECT = Direct()


def install() -> None:
    """Lead the clients of redis-py and valkey, wherever they are made, from now on."""
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
    """Return whether *connection* is meant for a server of ours: a cache's own. It is asked at each command."""
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
        _address(self)  # before its database is another one
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
    """Greet the private server, which knows no users, and choose the database that stands for the address."""

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
            self.disconnect()  # it was led elsewhere before
        if words[0] in _WAITS:
            raise StrategyError(f"{words[0].upper()} waits in the server, where no virtual time passes")
        told = words[0] not in GREETINGS
        if told:
            DIRECT.home().cross(words)
        sent = real(self, command, check_health)  # a greeting before it, if it connects first
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
    """Return a packed command's name in lower case and its arguments; of a pipeline, its first command's."""
    parts = command if isinstance(command, (list, tuple)) else [command]
    text = b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in parts)
    count, rest = text[1:].split(b"\r\n", 1)
    words: list[str] = []
    for _ in range(min(int(count), 4)):  # nobody asks for more
        size, _, rest = rest[1:].partition(b"\r\n")
        words.append(rest[: int(size)].decode(errors="backslashreplace"))
        rest = rest[int(size) + 2 :]
    return (words[0].lower(), *words[1:])


def call_of(site: str, address: Address, words: tuple[str, ...], answer: Any) -> CacheCall:
    """Return what a watch is told of a direct client's command."""
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
