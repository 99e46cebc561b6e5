"""A connection to PostgreSQL in a run: the locks are the server's, and waits for them take virtual time."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ...errors import ForbiddenError
from .dressed import Dressed
from .latency import Traffic
from .parking import Parking
from .statements import text_of
from .tables import Schema

_EMPTIES = re.compile(r"\s*TRUNCATE\b", re.IGNORECASE)
OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
COUNTED = ("INSERT", "UPDATE", "DELETE", "MERGE")  # their status line tells the number of rows


class DressedPostgres(Dressed):
    """Row locks, isolation and deadlocks are the server's own."""

    def __init__(self, wrapper: Any, traffic: Traffic, schema: Schema, parking: Parking) -> None:
        super().__init__(wrapper, traffic, schema)
        self._parking = parking
        wrapper.create_cursor = partial(self._create_cursor, wrapper.create_cursor)

    def _statement(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if _EMPTIES.match(text_of(sql)):
            raise ForbiddenError(
                "TRUNCATE also empties the snapshots on which earlier reads are judged; use DELETE or QuerySet.delete()"
            )
        result = super()._statement(execute, sql, params, many, context)
        if "pg_advisory_unlock" in text_of(sql):
            self._freed()
        return result

    def _create_cursor(self, create: Callable[..., Any], *name: Any, **named: Any) -> Any:
        cursor = create(*name, **named)
        if hasattr(cursor, "copy"):
            cursor.copy = self._refusing("cursor.copy()", cursor.copy)
        return cursor

    def _opened(self) -> None:
        self._parking.dress(self._wrapper.connection)

    def _close(self) -> None:
        if self._transacting():
            with suppress(psycopg.Error):  # closing within a transaction would release its locks only some time later
                self._wrapper.connection.rollback()
        super()._close()

    def _begin(self) -> None:
        self._raw("execute", "BEGIN")

    def _transacting(self) -> bool:
        raw = self._wrapper.connection
        return raw is not None and raw.pgconn.transaction_status in OPEN

    def _freed(self) -> None:
        self._parking.look()

    def _has_changed_rows(self, cursor: Any, before: int) -> bool:  # noqa: ARG002 - the other family's
        counted = str(cursor.statusmessage or "").startswith(COUNTED)
        return not counted or cursor.rowcount != 0
