"""The PostgreSQL extensions that a project's migrations create, and whether one of them is not available."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ...errors import UserError
from .families import ENGINES, Databases

_IN_SQL = re.compile(r"CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?([\w-]+)", re.IGNORECASE)


def require_extensions(databases: Databases, places: Databases) -> None:
    """Make sure that the server of *places* has the extensions that the migrations of *databases* need.

    Raises:
        UserError: with the missing ones; otherwise the migrations would fail halfway.
    """
    for place in list(places.values())[:1]:
        if place.get("HOST"):
            from .cluster import extensions_missing  # imported late: psycopg may not be installed

            if missing := extensions_missing(place, _wanted(databases)):
                raise UserError(missing)


def _wanted(databases: Databases) -> Iterator[str]:
    from django.db.migrations.loader import MigrationLoader

    if any("postgis" in str(entry.get("ENGINE")) and entry["ENGINE"] in ENGINES for entry in databases.values()):
        yield "postgis"  # Django's engine creates it
    for migration in MigrationLoader(None, ignore_no_migrations=True).disk_migrations.values():
        yield from _made_by(migration.operations)


def _made_by(operations: Iterable[Any]) -> Iterator[str]:
    from django.contrib.postgres.operations import CreateExtension

    for operation in operations:
        if isinstance(operation, CreateExtension):
            yield operation.name
        yield from _IN_SQL.findall(str(getattr(operation, "sql", "")))
        yield from _made_by(getattr(operation, "database_operations", ()))
