"""The time in SQL: SQLite asks the machine for it, so its functions are replaced by ones that ask Python's clock."""

import sqlite3
import time
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from django.db.backends.signals import connection_created

# A function, and which argument is its time; without this argument, or with 'now', it uses the present.
_FUNCTIONS = {"strftime": 1, "date": 0, "time": 0, "datetime": 0, "julianday": 0, "unixepoch": 0}
_WORDS = {"current_timestamp": "datetime", "current_date": "date", "current_time": "time"}


def install() -> None:
    """From now on, make every SQLite connection of Django's use the time of Python's `time.time()`."""
    connection_created.connect(_opened, dispatch_uid="cachewise_sql_time", weak=False)


def overrule(raw: sqlite3.Connection) -> None:
    """Make *raw* use Python's time."""
    for name, place in _FUNCTIONS.items():
        raw.create_function(name, -1, partial(_at, name, place), deterministic=True)
    for word, name in _WORDS.items():
        raw.create_function(word, 0, partial(_at, name, 0), deterministic=True)


def _opened(connection: Any, **_others: object) -> None:
    if connection.vendor == "sqlite":
        overrule(connection.connection)


@cache
def _sqlite() -> sqlite3.Connection:
    """Return a connection with SQLite's own functions."""
    return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)


def _at(name: str, place: int, *arguments: Any) -> Any:
    """Call SQLite's own function *name* with Python's present time."""
    given = [*arguments]
    if len(given) == place or str(given[place]).lower() == "now":
        given[place : place + 1] = [datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")]
    (value,) = _sqlite().execute(f"SELECT {name}({', '.join('?' * len(given))})", given).fetchone()
    return value
