"""The statements that an evaluation sends to the databases, so that they can be repeated on another state."""

import pickle
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from typing import Any, NamedTuple

from ..project.databases.connections import Sent
from ..project.databases.statements import asks_the_time
from ..project.watch import Tables

_VARIES = re.compile(r"'(?:[^']|'')*'|\b\d+\b")  # literals: a project may write them into the text of a query
_LISTS = re.compile(r"%s(?:\s*,\s*%s)+")
_SAVEPOINTS = re.compile(r"\s*(?:SAVEPOINT|RELEASE|ROLLBACK)\b", re.IGNORECASE)
# Queries with side effects, or that wait.
_ACTS = re.compile(
    r"\b(?:pg_\w+|nextval|setval|set_config|dblink\w*|lo_\w+|load_extension)\s*\(|\bFOR\s+[\w\s]*(?:UPDATE|SHARE)\b",
    re.IGNORECASE,
)


class Statement(NamedTuple):
    """A statement of an evaluation. `text` is its text without literals; `packed` is the data to send it again."""

    alias: str
    text: str
    packed: bytes
    tables: Tables

    def sent(self) -> tuple[str, Any]:
        """Return the text and parameters that were sent.

        Raises:
            pickle.UnpicklingError: if the class of a parameter is in a module that is not loaded here.
        """
        found: tuple[str, Any] = _Unpickler(BytesIO(self.packed)).load()
        return found


class Asked(NamedTuple):
    """A query, and a digest of its rows."""

    statement: Statement
    rows: bytes


class Heard:
    """The statements of an evaluation so far; `only_asked` says that all were queries that can be repeated."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.only_asked = True

    @property
    def tables(self) -> Tables:
        """The tables that the statements name."""
        return frozenset().union(*(one.tables for one in self.statements))

    def hear(self, alias: str, sent: Sent) -> None:
        """Note a statement."""
        nature = sent.nature
        if nature.kind == "free" and _SAVEPOINTS.match(sent.sql):
            return
        asks = nature.kind == "read" and not nature.views and not _ACTS.search(sent.sql) and not asks_the_time(sent.sql)
        packed = _packed((sent.sql, sent.params)) if asks else b""
        self.only_asked &= bool(packed)
        if nature.kind in ("read", "write", "schema"):
            self.statements.append(Statement(alias, _alike(sent.sql), packed, nature.tables))


def digest_of(rows: Sequence[Any]) -> bytes:
    """Return a digest of a query's rows."""
    return blake2b(repr(rows).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class _Unpickler(pickle.Unpickler):
    """Unpickles without importing: the project's modules may keep rows in memory, which must not be in the judge."""

    def find_class(self, module: str, name: str) -> Any:
        if module not in sys.modules:
            raise pickle.UnpicklingError(f"{module} is not loaded here")
        return super().find_class(module, name)


@lru_cache(maxsize=10_000)
def _alike(text: str) -> str:
    return _LISTS.sub("%s, ...", _VARIES.sub("0", text))


def _packed(sent: tuple[str, Any]) -> bytes:
    """Return a pickle that is equal for equal values, also if they share objects differently; b"" if impossible."""
    packed = BytesIO()
    pickler = pickle.Pickler(packed, protocol=5)
    pickler.fast = True
    try:
        pickler.dump(sent)
    except Exception:  # noqa: BLE001 - any object can be a parameter
        return b""
    return packed.getvalue()
