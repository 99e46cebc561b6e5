"""Filled databases that are kept: named after what fills them, whole or not at all, and swept."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from cachewise import UserError
from cachewise.sim.app.kept import DAYS, MOST, kept_in, key_of, load, save, sweep
from cachewise.sim.project.databases.places import Places, copy, create, drop
from tests.helpers import SERVERS

TWO = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "a"},
    "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": "b"},
}


def test_the_name_depends_on_all_that_fills(tmp_path: Path) -> None:
    """A part, a file's content, or one file more makes another name; the order of the files does not."""
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("1")
    two.write_text("2")
    name = key_of(["a"], [one, two])
    assert name == key_of(["a"], [two, one])
    others = {key_of(["b"], [one, two]), key_of(["a"], [one]), key_of(["a"], [one, tmp_path / "missing.py"])}
    one.write_text("3")
    others.add(key_of(["a"], [one, two]))
    assert name not in others
    assert len(others) == 3  # a file that is not there counts for nothing


def test_where_they_are_kept() -> None:
    """In the user's cache directory."""
    assert kept_in({"XDG_CACHE_HOME": "/x"}) == Path("/x/cachewise/filled")
    assert kept_in({"HOME": "/home/me"}) == Path("/home/me/.cache/cachewise/filled")


def test_sqlite_files_are_kept(tmp_path: Path) -> None:
    """What was in each database is there again."""
    places = create("sqlite", TWO, tmp_path, None)
    assert not load(tmp_path / "kept" / "key", places, "sqlite")
    for alias, place in places.items():
        with closing(sqlite3.connect(place["NAME"])) as connection:
            connection.execute("CREATE TABLE t (name)")
            connection.execute("INSERT INTO t VALUES (?)", (alias,))
            connection.commit()
    save(tmp_path / "kept" / "key", places, "sqlite")
    assert [one.name for one in (tmp_path / "kept").iterdir()] == ["key"]
    drop(places)
    again = create("sqlite", TWO, tmp_path, None)
    assert load(tmp_path / "kept" / "key", again, "sqlite")
    for alias, place in again.items():
        with closing(sqlite3.connect(place["NAME"])) as connection:
            assert connection.execute("SELECT name FROM t").fetchall() == [(alias,)]


def test_half_of_it_is_not_kept(tmp_path: Path) -> None:
    """Where one database cannot be copied, nothing is kept."""
    places = create("sqlite", TWO, tmp_path, None)
    broken = {**places, "other": {**places["other"], "NAME": str(tmp_path / "missing" / "file")}}
    with pytest.raises(sqlite3.OperationalError):
        save(tmp_path / "kept" / "key", broken, "sqlite")
    assert [*(tmp_path / "kept").iterdir()] == []


def test_what_somebody_else_has_kept_stays(tmp_path: Path) -> None:
    """A third may be loading it; only who fills it anew puts it away."""
    kept = tmp_path / "kept" / "key"
    places = create("sqlite", TWO, tmp_path, None)
    assert save(kept, places, "sqlite")
    theirs = kept.stat().st_ino
    assert save(kept, places, "sqlite")
    assert (kept.stat().st_ino, len([*kept.parent.iterdir()])) == (theirs, 1)
    (kept / "mark").touch()
    assert save(kept, places, "sqlite", anew=True)
    assert not (kept / "mark").exists()


@pytest.mark.servers
def test_postgres_databases_are_kept(tmp_path: Path) -> None:
    """They come back with their rows in the order in which they were kept."""
    import psycopg

    server = SERVERS.start("postgres", virtual=False)
    entry = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "live"}}
    places = create("postgres", entry, tmp_path, server.database)

    def connected(places: Places) -> "psycopg.Connection[tuple[object, ...]]":
        place = places["default"]
        return psycopg.connect(host=place["HOST"], port=place["PORT"], user=place["USER"], dbname=place["NAME"])

    with connected(places) as connection:
        connection.execute("CREATE TABLE t (id serial, name text)")
        connection.execute("INSERT INTO t (name) SELECT 'n' || n FROM generate_series(1, 100) AS n")
        connection.execute("UPDATE t SET name = 'moved' WHERE id = 1")
        before = connection.execute("SELECT * FROM t").fetchall()
    save(tmp_path / "key", places, "postgres")
    (tmp_path / "again").mkdir()
    again = create("postgres", entry, tmp_path / "again", server.database)
    assert load(tmp_path / "key", again, "postgres")
    with pytest.raises(
        UserError, match=r"a filled database cannot be kept or loaded: pg_restore: .*already exists.*; --refill fills"
    ):
        load(tmp_path / "key", again, "postgres")
    copies = copy(again, "copy", tmp_path)
    for one in (again, copies):
        with connected(one) as connection:
            assert connection.execute("SELECT * FROM t").fetchall() == before
        drop(one)
    drop(places)


def test_old_ones_are_swept(tmp_path: Path) -> None:
    """What nobody has used for a month goes, and the oldest of too many, and what was left half-written."""
    now_s = time.time()
    for place in range(MOST + 2):
        (tmp_path / f"{place:02}").mkdir()
        os.utime(tmp_path / f"{place:02}", (now_s - place, now_s - place))
    (tmp_path / ".half").mkdir()
    os.utime(tmp_path / ".half", (now_s - 7_200, now_s - 7_200))
    old_s = now_s - (DAYS + 1) * 86_400
    os.utime(tmp_path / "00", (old_s, old_s))
    sweep(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"{place:02}" for place in range(1, MOST + 1)]
    sweep(tmp_path / "missing")
