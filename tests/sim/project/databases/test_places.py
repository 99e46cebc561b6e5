"""Private databases, made, copied and dropped, on the real SQLite and PostgreSQL."""

import os
import pickle
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cachewise.sim.project.databases import copy, create, drop
from cachewise.sim.project.databases.places import Place
from tests.sim.project.databases.stage import ENGINE, FAMILIES, address

pytestmark = pytest.mark.parametrize("family", FAMILIES)
ROWS = [(number, f"row {number}") for number in range(50)]


@contextmanager
def opened(place: Place) -> Iterator[Any]:
    """Open a place, as its own driver does."""
    if place["HOST"]:
        from cachewise.sim.project.databases.cluster import connect

        with connect(place) as connection:
            yield connection
    else:
        with closing(sqlite3.connect(place["NAME"], isolation_level=None)) as connection:
            yield connection


def rows(place: Place) -> list[tuple[int, str]]:
    """Return the rows in the order in which they lie."""
    with opened(place) as connection:
        return list(connection.execute("SELECT id, name FROM things").fetchall())


def fill(place: Place) -> None:
    """Make a table whose rows have moved about."""
    with opened(place) as connection:
        connection.execute("CREATE TABLE things (id integer, name text)")
        for row in ROWS:
            connection.execute("INSERT INTO things VALUES ({}, '{}')".format(*row))  # noqa: S608 - two drivers
        connection.execute("UPDATE things SET name = 'changed' WHERE id % 7 = 0")


def test_copies_are_equal_and_apart(family: str, tmp_path: Path) -> None:
    """Each copy has the same rows in the same order, while somebody looks at the original; none sees another's."""
    databases = {"default": {"ENGINE": ENGINE[family], "NAME": "a"}, "other": {"ENGINE": ENGINE[family], "NAME": "b"}}
    places = create(family, databases, tmp_path, address(family))  # type: ignore[arg-type]
    fill(places["default"])
    first = copy(pickle.loads(pickle.dumps(places)), "as it is, 1", tmp_path)
    second = copy(places, "as it is, 2", tmp_path)
    try:
        assert rows(first["default"]) == rows(second["default"]) == rows(places["default"]) != ROWS
        with opened(first["default"]) as connection:
            connection.execute("DELETE FROM things")
        assert rows(first["default"]) == []
        assert rows(second["default"]) == rows(places["default"])
        names = {place["NAME"] for some in (places, first, second) for place in some.values()}
        assert len(names) == 6
    finally:
        for some in (places, first, second):
            drop(some)
            drop(some)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_a_killed_run_has_left(family: str, tmp_path: Path) -> None:
    """It can be copied and dropped, though a process of the server still waits there for a client, and is stopped."""
    places = create(family, {"default": {"ENGINE": ENGINE[family], "NAME": "a"}}, tmp_path, address(family))  # type: ignore[arg-type]
    with opened(places["default"]) as left:
        if family == "postgres":
            os.kill(left.info.backend_pid, signal.SIGSTOP)
        drop(copy(places, "again", tmp_path))
        drop(places)


def test_a_mirror_is_the_same_place(family: str, tmp_path: Path) -> None:
    """In the copies, too."""
    entry = {"ENGINE": ENGINE[family], "NAME": "a"}
    databases = {"default": entry, "replica": {**entry, "TEST": {"MIRROR": "default"}}}
    places = create(family, databases, tmp_path, address(family))  # type: ignore[arg-type]
    copies = copy(places, "one", tmp_path)
    drop(places)
    drop(copies)
    assert places["default"] == places["replica"] != copies["default"] == copies["replica"]
