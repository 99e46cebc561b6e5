"""The database backend: Django's DatabaseCache on a private table, in SQLite or PostgreSQL."""

import asyncio
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError

from ..engine.virtual import PRIVATE, virtualise_database_cache
from ..errors import UserError, one_line
from ..modules import find_modules_here
from .places import Place

TABLE = "cachewise_cache"
DATABASE_CACHE = "django.core.cache.backends.db.DatabaseCache"
SQLITE_WAIT_S = 60  # a writer waits for the one before it


def sqlite(path: Path) -> dict[str, Any]:
    """Return an entry of DATABASES for an SQLite file that one thread uses for one run."""
    # The data need not survive a power cut.
    options = {"init_command": "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF"}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}


def shared_sqlite(path: Path) -> dict[str, Any]:
    """Return an entry of DATABASES for an SQLite file that many processes write to in turn."""
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": SQLITE_WAIT_S,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
    return {**sqlite(path), "OPTIONS": options}


@contextmanager
def cache_table(database: Mapping[str, Any], backend: str) -> Iterator[Place]:
    """Make a cache table in *database* (an entry of DATABASES); it is removed afterwards.

    The connection's alias exists only in this thread; the project's settings and routers do not know it.
    """
    set_django_up(backend)
    from django.core.management.commands.createcachetable import Command
    from django.db import connections
    from django.db.utils import ConnectionHandler

    virtualise_database_cache()
    alias = f"{PRIVATE}{uuid.uuid4()}"

    def ask(statement: str) -> Any:
        with connections[alias].cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None

    def entries() -> int:
        return int(ask(f"SELECT COUNT(*) FROM {TABLE}")[0])  # noqa: S608 - our own table's name

    with _outside_event_loops():
        connections[alias] = ConnectionHandler({"default": {}, alias: dict(database)}).create_connection(alias)
        try:
            command = Command()
            command.verbosity = 0
            command.create_table(alias, TABLE, dry_run=False)
            yield Place(TABLE, entries, database_alias=alias, database=database)
        finally:
            with suppress(DatabaseError):  # if the server died, the table is gone with it
                ask(f"DROP TABLE IF EXISTS {TABLE}")
            connections[alias].close()
            del connections[alias]


def another_table(place: Place, number: int) -> Place:
    """Make one more cache table in the database of *place*; it is removed with the database."""
    from django.core.management.commands.createcachetable import Command

    command = Command()
    command.verbosity = 0
    table = f"{TABLE}_{number}"
    command.create_table(str(place.database_alias), table, dry_run=False)
    return replace(place, location=table)


def set_django_up(backend: str) -> None:
    """Configure Django if no project has done so: *backend* needs settings.

    Raises:
        UserError: if the project's settings cannot be loaded.
    """
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    if module:
        find_modules_here()
    with _SETTING_UP:
        if not settings.configured and not module:
            settings.configure(USE_TZ=True)
        try:
            if not apps.ready:
                django.setup()
        except Exception as error:  # a project's settings and apps can raise anything
            raise UserError(
                f"backend {backend!r} sets Django up, which fails (DJANGO_SETTINGS_MODULE is {module!r:.60}): "
                f"{type(error).__name__}: {one_line(error)}"
            ) from error


@contextmanager
def _outside_event_loops() -> Iterator[None]:
    """Hide the event loop this thread may be in (a notebook's): Django's database code refuses to run under one."""
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


_SETTING_UP = Lock()
