"""Which tables a statement names, and a connection put below Django's; until `sim/project/databases/` has landed."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.db import connections

from ..project.watch import Tables


class Nature(NamedTuple):
    """What a statement's text says."""

    kind: str
    tables: Tables


class Schema:
    """The tables of one database."""

    def __init__(self, place: Mapping[str, Any]) -> None:
        alias = next(alias for alias, entry in connections.settings.items() if entry["NAME"] == place["NAME"])
        with connections[alias].cursor() as cursor:
            names = connections[alias].introspection.table_names(cursor)
        self._names = {name.lower(): name for name in names}
        connections[alias].close()

    def nature(self, sql: str) -> Nature:
        """Return the tables that *sql* names."""
        words = {*re.findall(r"\w+", sql.lower())}
        return Nature("read", frozenset(self._names[word] for word in words if word in self._names))


def adopt(alias: str, raw: Any, told: Callable[[Tables, bool], object], schema: Schema) -> None:
    """Put *raw*, a driver's connection with a transaction open, below Django's connection *alias*."""
    wrapper = connections.create_connection(alias)
    wrapper.connection, wrapper.in_atomic_block, wrapper.autocommit = raw, True, False
    wrapper.close = lambda: None

    def noting(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        told(schema.nature(sql).tables, not sql)
        return execute(sql, params, many, context)

    wrapper.execute_wrappers.insert(0, noting)
    connections[alias] = wrapper
