"""Finds out from a statement's text whether it reads, writes, or controls a transaction."""

import re
from functools import lru_cache
from typing import Any, Literal

# Statements of the kind "free" take no latency: savepoints, settings of the session. Those of the kind "whole" must not
# be in a transaction.
Kind = Literal["read", "write", "schema", "begin", "commit", "rollback", "free", "whole"]

_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_LOCKS = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b")
_WORD = re.compile(r"[A-Z]+")
_CHANGES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|REPLACE)\b(?!\s*\()")  # REPLACE() is a function, too
_WHOLE = re.compile(r"\bCONCURRENTLY\b|\A\W*(?:VACUUM|ATTACH|DETACH|ALTER\s+SYSTEM|(?:CREATE|DROP)\s+DATABASE)\b")

# PostgreSQL's clock cannot be replaced, as SQLite's is (`sql_time`).
_CLOCK = re.compile(
    r"\b(?:NOW|(?:CLOCK|STATEMENT|TRANSACTION)_TIMESTAMP|TIMEOFDAY)\s*\("
    r"|\b(?:CURRENT_(?:DATE|TIME(?:STAMP)?)|LOCALTIME(?:STAMP)?)\b"
)
# SQLite's functions that use the present if they get no time.
_TIMES = re.compile(r"\b(?:STRFTIME|DATE|TIME|DATETIME|JULIANDAY|UNIXEPOCH)\s*\(")

_READS = {"SELECT", "VALUES", "TABLE", "FETCH"}
_TRANSACTION: dict[str, Kind] = {
    "BEGIN": "begin",
    "START": "begin",
    "COMMIT": "commit",
    "END": "commit",
    "ROLLBACK": "rollback",
    "ABORT": "rollback",
}
_FREE = {
    *("SAVEPOINT", "RELEASE", "SET", "RESET", "SHOW", "PRAGMA", "LOCK", "DISCARD", "DECLARE", "CLOSE", "MOVE"),
    *("LISTEN", "UNLISTEN", "NOTIFY", "PREPARE", "DEALLOCATE", "CHECKPOINT", "LOAD"),
}
_WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "TRUNCATE", "REFRESH", "COPY"}


def text_of(sql: Any) -> str:
    """Return a statement as text: psycopg takes its own objects, too."""
    if isinstance(sql, str):
        return sql
    return sql.decode() if isinstance(sql, bytes) else str(sql.as_string(None))


def kind_of(sql: str) -> Kind:
    """Return the kind of *sql*; an unknown statement counts as "schema", because it may do anything."""
    kinds = {_kind(part) for part in _plain(sql).split(";") if part.strip()} or {"read"}
    if len(kinds) > 1 and kinds != {"read", "free"}:
        return "schema"
    return "read" if "read" in kinds else kinds.pop()


def asks_the_servers_clock(sql: str) -> bool:
    """Return whether a statement depends on PostgreSQL's own clock."""
    return bool(_CLOCK.search(_plain(sql)))


@lru_cache(maxsize=10_000)
def asks_the_time(sql: str) -> bool:
    """Return whether a statement may depend on the time, on either kind of database."""
    return bool(_CLOCK.search(_plain(sql)) or _TIMES.search(_plain(sql)))


def _plain(sql: str) -> str:
    """Return a statement in capitals, without quoted text and comments."""
    return _QUOTED.sub(" ", _COMMENTS.sub(" ", sql)).upper()


def _kind(text: str) -> Kind:
    first = _WORD.search(text)
    word = first.group() if first else "SELECT"
    if _WHOLE.search(text):
        return "whole"
    if word in _TRANSACTION:
        savepoint = word == "ROLLBACK" and re.search(r"\bTO\b", text)
        return "free" if savepoint else _TRANSACTION[word]
    if word in _FREE:
        return "free"
    if word in ("WITH", "EXPLAIN"):
        runs = word == "WITH" or "ANALYZE" in text
        return "write" if runs and _CHANGES.search(_LOCKS.sub(" ", text)) else "read"
    if word in _READS:
        return "schema" if word == "SELECT" and re.search(r"\bINTO\b", text) else "read"
    spreads = word == "TRUNCATE" and "CASCADE" in text  # also to tables that refer to its rows
    return "write" if word in _WRITES and not spreads else "schema"
