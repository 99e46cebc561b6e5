"""How the states of a project's databases are pinned: for each family in its own way."""

from collections.abc import Iterable

from django.db import connections

from ..project.databases.connections import schema_of
from .snapshots import Snapshots
from .sqlite import SqliteSnapshots


def snapshots_of(family: str, aliases: Iterable[str]) -> Snapshots:
    """Return how the databases of *family* ("sqlite" or "postgres"), which Django knows by *aliases*, are pinned."""
    aliases = tuple(aliases)
    for alias in aliases:
        schema_of(connections.create_connection(alias))  # now: a fork must not open the database once more
    if family == "sqlite":
        return SqliteSnapshots(aliases)
    from .postgres import PostgresSnapshots  # psycopg is not everywhere

    return PostgresSnapshots(aliases)
