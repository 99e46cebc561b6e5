"""Makes, copies and drops private databases. Neither Django nor the project is needed for this."""

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from .families import Databases, Family, mirrors

Place = dict[str, Any]
Places = dict[str, Place]


def create(family: Family, databases: Databases, folder: Path, postgres: Mapping[str, Any] | None) -> Places:
    """Make an empty private database for each alias, and return where they are.

    Aliases that mirror each other share a database. Files are made in *folder*; *postgres* is the address of the
    session's server (`PostgresServer.database`).
    """
    shared = mirrors(databases)
    made = {alias: _address(family, folder, "filled", number, postgres) for number, alias in enumerate(databases)}
    for alias in dict.fromkeys(shared.values()):
        _make(family, made[alias])
    return {alias: made[one] for alias, one in shared.items()}


def copy(places: Databases, name: str, folder: Path) -> Places:
    """Copy the databases at *places* under *name*, which must be new in *folder*; the databases must not be in use.

    The copies are equal byte for byte, so rows are in the same order.
    """
    copies: dict[str, Place] = {}
    for number, place in enumerate(places.values()):
        if place["NAME"] not in copies:
            family: Family = "postgres" if place["HOST"] else "sqlite"
            copies[place["NAME"]] = _address(family, folder, name, number, place)
            _copy(family, place, copies[place["NAME"]])
    return {alias: copies[place["NAME"]] for alias, place in places.items()}


def drop(places: Databases) -> None:
    """Remove the databases at *places*; harmless to repeat."""
    for place in {one["NAME"]: one for one in places.values()}.values():
        if place["HOST"]:
            from .cluster import drop_database

            drop_database(place)
        else:
            for ending in ("", "-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    Path(f"{place['NAME']}{ending}").unlink()


def _address(family: Family, folder: Path, name: str, number: int, postgres: Mapping[str, Any] | None) -> Place:
    slug = re.sub(r"\W+", "_", name.lower())
    unique = blake2b(f"{folder.resolve()}/{name}".encode(), digest_size=5).hexdigest()
    server = (postgres or {}) if family == "postgres" else {}
    file = f"{slug[:30]}_{unique}_{number}"
    address = {key: str(server.get(key, "")) for key in ("USER", "PASSWORD", "HOST", "PORT")}
    return {"NAME": f"cachewise_{file}" if family == "postgres" else str(folder / f"{file}.sqlite3"), **address}


def _make(family: Family, place: Place) -> None:
    if family == "postgres":
        from .cluster import make_database

        make_database(place)
    else:
        with closing(sqlite3.connect(place["NAME"])) as connection:
            connection.execute("PRAGMA journal_mode=WAL")


def _copy(family: Family, old: Mapping[str, Any], new: Place) -> None:
    if family == "postgres":
        from .cluster import make_database

        make_database(new, template=old["NAME"])
    else:
        with closing(sqlite3.connect(old["NAME"])) as source, closing(sqlite3.connect(new["NAME"])) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=WAL")
