"""The time in SQL."""

import sqlite3
import time

import pytest

from cachewise.sim.project.databases.sql_time import overrule

NOON = "2025-01-01 12:00:00"


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')", f"{NOON}.250"),
        ("strftime('%Y')", "2025"),
        ("datetime('now')", NOON),
        ("datetime('now', '+1 day')", "2025-01-02 12:00:00"),
        ("date()", "2025-01-01"),
        ("time('now')", "12:00:00"),
        ("julianday('now') - julianday('2025-01-01')", pytest.approx(0.5, abs=1e-4)),
        ("CURRENT_TIMESTAMP", NOON),
        ("CURRENT_DATE", "2025-01-01"),
        ("CURRENT_TIME", "12:00:00"),
        ("strftime('%Y', '1999-12-31')", "1999"),
        ("datetime(0, 'unixepoch')", "1970-01-01 00:00:00"),
        ("date(NULL)", None),
    ],
)
def test_sqlite_tells_pythons_time(monkeypatch: pytest.MonkeyPatch, sql: str, value: object) -> None:
    """Whatever the machine's clock says; a time that is given stays what it is."""
    monkeypatch.setattr(time, "time", lambda: 1735732800.25)
    connection = sqlite3.connect(":memory:")
    overrule(connection)
    assert connection.execute(f"SELECT {sql}").fetchone() == (value,)
    connection.close()


def test_it_serves_as_a_default_and_in_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's `db_default=Now()` among them."""
    monkeypatch.setattr(time, "time", lambda: 1735732800.0)
    connection = sqlite3.connect(":memory:")
    overrule(connection)
    connection.execute("CREATE TABLE t (id int, at text DEFAULT CURRENT_TIMESTAMP CHECK (date(at) > '2000-01-01'))")
    connection.execute("CREATE INDEX i ON t (date(at))")
    connection.execute("INSERT INTO t (id) VALUES (1)")
    assert connection.execute("SELECT at FROM t").fetchone() == (NOON,)
    connection.close()
