"""Culls: counts how many live entries Django's `_cull` removes to make room.

Only entries that had not yet expired are counted; removing an expired one is no loss.
"""

import pickle
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from django.core.cache.backends import base

_django: Any = base  # this module has the run's `time`

Cull = Callable[..., None]  # the real cull, with the arguments of `_cull`
Removed = Callable[[Any, tuple[Any, ...], Cull], float]  # (cache, `_cull`'s arguments, the cull): live entries removed


def counted(cls: Any, removed: Removed, add: Callable[[float], None]) -> Callable[..., None]:
    """Return a `_cull` for *cls* that passes the number of removed live entries, found by *removed*, to *add*.

    It is part of the call that caused it, so its `clear` is not a separate round trip.
    """

    def cull(self: Any, *args: Any) -> None:
        outside = "clear" not in vars(self)  # otherwise the outer call has done this
        if outside:
            self.clear = partial(cls.clear, self)
        try:
            add(removed(self, args, partial(cls._cull, self)))
        finally:
            if outside:
                del self.clear

    return cull


def of_memory(cache: Any, args: tuple[Any, ...], cull: Cull) -> int:
    """Carry out a cull of a LocMemCache, and return how many live entries it has removed."""
    before = dict(cache._expire_info)
    cull(*args)
    now_s = _django.time.time()
    gone = (before[key] for key in before.keys() - cache._expire_info.keys())
    return sum(expires_s is None or expires_s > now_s for expires_s in gone)


def of_files(cache: Any, args: tuple[Any, ...], cull: Cull) -> int:
    """Carry out a cull of a FileBasedCache, and return how many live entries it has removed."""
    live: list[str] = []
    delete = cache._delete

    def deleted(path: str) -> Any:
        with suppress(OSError, EOFError), open(path, "rb") as file:  # noqa: PTH123 - as Django opens it
            expires_s = pickle.load(file)
            if expires_s is None or expires_s >= _django.time.time():
                live.append(path)
        return delete(path)

    cache._delete = deleted
    try:
        cull(*args)
    finally:
        del cache._delete
    return len(live)


class _Tally:
    """A cursor that counts the deleted rows that had not expired."""

    def __init__(self, cursor: Any, expires: str) -> None:
        self._cursor = cursor
        self._expires = expires
        self.rows = 0

    def execute(self, statement: str, *parameters: Any) -> Any:
        """Execute a statement of the cull."""
        found = self._cursor.execute(statement, *parameters)
        if statement.startswith("DELETE") and self._expires not in statement:
            self.rows += self._cursor.rowcount
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def of_rows(cache: Any, args: tuple[Any, ...], cull: Cull) -> int:
    """Carry out a cull of a DatabaseCache, and return how many live rows it has removed.

    The cull deletes expired rows, and then surplus ones; or all at once, by a `clear` on its own cursor.
    """
    from django.db import connections

    database, cursor, now, *others = args
    operations = connections[database].ops
    table, expires = map(operations.quote_name, (cache._table, "expires"))
    if cache._cull_frequency == 0:
        limit = operations.adapt_datetimefield_value(now)
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {expires} >= %s", [limit])  # noqa: S608 - our table's name
        live = int(cursor.fetchone()[0])
        cull(*args)
        return live
    tally = _Tally(cursor, expires)
    cull(database, tally, now, *others)
    return tally.rows


def unknown(_cache: Any, args: tuple[Any, ...], cull: Cull) -> float:
    """Carry out a cull whose losses cannot be counted."""
    cull(*args)
    return float("nan")
