"""A private redis-server."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from .programs import FAKETIME, REDIS_SERVER
from .server import Server

DATABASES = 512  # each Redis server of a project becomes a database of this one


class RedisServer(Server):
    """Redis without persistence. On virtual time an entry expires only when it is asked for.

    Active expiry is off: it would read the clock at any time, also while the time stamp is being rewritten.
    """

    kind: ClassVar[str] = "redis"
    program: ClassVar[str] = "redis-server"

    @property
    def socket(self) -> Path:
        return self.folder / "sock"

    @property
    def location(self) -> str:
        return f"unix://{self.socket}"

    def command_path(self) -> str:
        return REDIS_SERVER.path()

    def command(self) -> Sequence[str]:
        settings = {
            "port": "0",
            "databases": str(DATABASES),
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "dir": str(self.folder),
            "daemonize": "no",
            "loglevel": "warning",
            "enable-debug-command": "local",
        }
        return [self.command_path(), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def environment(self) -> Mapping[str, str]:
        if self.clock is None:
            return {}
        # libc must be named as well: with libfaketime alone, the server hangs while its allocator starts.
        return {
            "LD_PRELOAD": f"{FAKETIME.path()}:libc.so.6",
            "FAKETIME_TIMESTAMP_FILE": str(self.clock.path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_up(self) -> None:
        import redis

        client: Any = redis.Redis  # its stubs leave types out
        self._admin = client(unix_socket_path=str(self.socket))
        if self.clock is not None:
            self._admin.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")

    def flush(self) -> None:
        self._admin.flushall()
        self._admin.script_flush()

    def entries(self) -> int:
        return sum(int(of_database["keys"]) for of_database in self._admin.info("keyspace").values())

    def stop(self) -> None:
        if hasattr(self, "_admin"):
            self._admin.close()
        super().stop()
