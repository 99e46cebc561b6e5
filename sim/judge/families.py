"""Snapshots for each family of databases."""

from collections.abc import Iterable

from django.db import connections

from ..project.databases.connections import schema_of
from .snapshots import Snapshots
from .sqlite import SqliteSnapshots


def snapshots_of(family: str, aliases: Iterable[str]) -> Snapshots:
    """Return the snapshots of the databases *aliases*, which are of *family* ("sqlite" or "postgres")."""
    aliases = tuple(aliases)
    for alias in aliases:
        schema_of(connections.create_connection(alias))  # here, because a fork must not open the database again
    if family == "sqlite":
        return SqliteSnapshots(aliases)
    from .postgres import PostgresSnapshots  # imported late: psycopg may not be installed

    return PostgresSnapshots(aliases)
