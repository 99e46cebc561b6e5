"""What the text of a statement says."""

import pytest

from cachewise.sim.project.databases.statements import asks_the_servers_clock, kind_of


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", "read"),
        ("  /* a comment */ -- UPDATE\n select 'DELETE' from t", "read"),
        ("(SELECT a FROM t) UNION (SELECT b FROM u)", "read"),
        ("SELECT id FROM t FOR UPDATE", "read"),
        ("VALUES (1)", "read"),
        ("EXPLAIN UPDATE t SET a = 1", "read"),
        ("EXPLAIN (ANALYZE) UPDATE t SET a = 1", "write"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "read"),
        ("WITH x AS (SELECT id FROM t FOR NO KEY UPDATE) SELECT * FROM x", "read"),
        ("WITH x AS (SELECT REPLACE(a, 'b', 'c') FROM t) SELECT * FROM x", "read"),
        ('WITH x AS (SELECT "UPDATE" FROM t) SELECT * FROM x', "read"),
        ("WITH x AS (DELETE FROM t RETURNING id) SELECT * FROM x", "write"),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "write"),
        ("insert into t values (1)", "write"),
        ("REPLACE INTO t VALUES (1)", "write"),
        ("TRUNCATE t", "write"),
        ("TRUNCATE t CASCADE", "schema"),
        ("SELECT 1; SELECT 2;", "read"),
        ("SET a = 1; SELECT 2", "read"),
        ("SELECT 1; UPDATE t SET a = 1", "schema"),
        ("UPDATE t SET a = ';'", "write"),
        ("SELECT * INTO u FROM t", "schema"),
        ("CREATE TABLE t (a int)", "schema"),
        ("DO $$ BEGIN END $$", "schema"),
        ("GRANT SELECT ON t TO u", "schema"),
        ("BEGIN IMMEDIATE", "begin"),
        ("START TRANSACTION", "begin"),
        ("COMMIT", "commit"),
        ("END", "commit"),
        ("ROLLBACK", "rollback"),
        ('ROLLBACK TO SAVEPOINT "s1"', "free"),
        ('SAVEPOINT "s1"', "free"),
        ("RELEASE SAVEPOINT s1", "free"),
        ("SET CONSTRAINTS ALL IMMEDIATE", "free"),
        ("PRAGMA foreign_keys", "free"),
        ("VACUUM", "whole"),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "whole"),
        ("", "read"),
    ],
)
def test_the_kind(sql: str, kind: str) -> None:
    """Reads, writes, and what steers a transaction."""
    assert kind_of(sql) == kind


@pytest.mark.parametrize(
    ("sql", "asks"),
    [
        ("SELECT * FROM t WHERE at < NOW()", True),
        ("SELECT statement_timestamp()", True),
        ("SELECT CURRENT_DATE", True),
        ("SELECT localtimestamp", True),
        ("SELECT 'now()' FROM t", False),
        ('SELECT "current_date" FROM t', False),
        ("SELECT known() FROM t", False),
        ("SELECT current_date_of FROM t", False),
    ],
)
def test_who_asks_postgres(sql: str, asks: bool) -> None:
    """Its clock is the machine's."""
    assert asks_the_servers_clock(sql) == asks
