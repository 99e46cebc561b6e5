"""Limits how long a client in C waits in vain: the server has answered, but the client waits for more.

libmemcached may wait for bytes that memcached does not send (for instance after a `touch` in its binary protocol), by
default for 5 s, and then reports success. On a real site this time passes, in a run it does not, so the run's figures
would be wrong.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from time import monotonic
from typing import Any

from django.core.cache.backends.base import BaseCache

from ..errors import UserError

PATIENCE_MS = 3000  # a private server answers within a fraction of a second unless the machine is stopped
_POLL = "_poll_timeout"  # libmemcached's name for it, in milliseconds
_SENT = ("get", "set", "add", "touch", "delete", "incr", "decr", "get_multi", "set_multi", "delete_multi", "flush_all")


class UnansweredError(UserError):
    """A call of a cache came back only because its client gave up waiting."""


def impatient(cls: type[BaseCache]) -> type[BaseCache]:
    """Return *cls*, a cache on libmemcached, with a client that raises `UnansweredError` if it waited in vain."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__(self, *args, **kwargs)
        if getattr(self._class, "__module__", "").startswith("pylibmc"):  # other clients have no such setting
            self._class = _impatient_client(self._class)

    members = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__, "__init__": init}
    return type(cls.__name__, (cls,), members)


def _impatient_client(client: Any) -> type:
    def init(self: Any, servers: Sequence[str], behaviors: Any = None, **options: Any) -> None:
        told = {_POLL: PATIENCE_MS, **(behaviors or {})}
        self.patience_s = told[_POLL] / 1000
        client.__init__(self, servers, behaviors=told, **options)

    members = {name: _in_time(getattr(client, name)) for name in _SENT}
    return type(client.__name__, (client,), {"__init__": init, **members})


def _in_time(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def in_time(self: Any, *args: Any, **kwargs: Any) -> Any:
        began_s = monotonic()
        result = method(self, *args, **kwargs)
        if monotonic() - began_s >= self.patience_s > 0:
            raise UnansweredError(
                f"pylibmc: {method.__name__}() came back only when its client gave up waiting for the server, after "
                f"{self.patience_s:g} s: such a call cannot be simulated"
            )
        return result

    return in_time
