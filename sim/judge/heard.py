"""What an evaluation asks the databases, statement by statement, so that the same can be asked on another state."""

import pickle
import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from typing import Any, NamedTuple

from ..project.databases.connections import Sent
from ..project.watch import Tables

_VARIES = re.compile(r"'(?:[^']|'')*'|\b\d+\b")  # in texts of one query, which a project may have put together itself
_LISTS = re.compile(r"%s(?:\s*,\s*%s)+")
_SAVEPOINTS = re.compile(r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK)\b", re.IGNORECASE)
# Functions that do something, or wait: no query with one is sent again.
_ACTS = re.compile(r"\b(?:pg_\w+|nextval|setval|dblink\w*|lo_\w+|load_extension)\s*\(", re.IGNORECASE)


class Statement(NamedTuple):
    """A statement of an evaluation; `text` is its text without what varies, `packed` what sends it again."""

    alias: str
    text: str
    packed: bytes
    tables: Tables

    def sent(self) -> tuple[str, Any]:
        """Return its text and parameters, as they were sent."""
        found: tuple[str, Any] = pickle.loads(self.packed)
        return found


class Heard:
    """The statements of an evaluation so far; `only_asked` says that they were queries, which can be sent again."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.only_asked = True

    @property
    def tables(self) -> Tables:
        """The tables that they have named."""
        return frozenset().union(*(one.tables for one in self.statements))

    def hear(self, alias: str, sent: Sent) -> None:
        """Note a statement."""
        kind, packed = sent.nature.kind, b""
        if kind == "free" and _SAVEPOINTS.match(sent.sql):
            return
        if kind == "read" and not _ACTS.search(sent.sql):
            packed = _packed((sent.sql, sent.params))
        self.only_asked &= bool(packed)
        if kind in ("read", "write", "schema"):
            self.statements.append(Statement(alias, _alike(sent.sql), packed, sent.nature.tables))


class Traced(NamedTuple):
    """A query, and a digest of its rows; None: it is not the same each time, so that only its tables can tell."""

    statement: Statement
    rows: bytes | None


def digest_of(rows: Sequence[Any]) -> bytes:
    """Return a digest of what a query gave."""
    return blake2b(repr(rows).encode("utf-8", "surrogatepass"), digest_size=16).digest()


@lru_cache(maxsize=10_000)
def _alike(text: str) -> str:
    return _LISTS.sub("%s, ...", _VARIES.sub("0", text))


def _packed(sent: tuple[str, Any]) -> bytes:
    """Return a pickle in which equal parts are equal, whether they are the same object or not; b"": there is none."""
    packed = BytesIO()
    pickler = pickle.Pickler(packed, protocol=5)
    pickler.fast = True
    try:
        pickler.dump(sent)
    except Exception:  # noqa: BLE001 - any object can be a parameter
        return b""
    return packed.getvalue()
