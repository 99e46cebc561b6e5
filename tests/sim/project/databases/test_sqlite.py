"""SQLite's one writer, and its cursors."""

from pathlib import Path

import pytest
from django.db import OperationalError, connections, transaction

from tests.sim.project.databases.stage import price, private, set_price, stage


def test_a_circle_of_two_files_is_locked(tmp_path: Path) -> None:
    """One thread that writes on two connections to one file gets SQLite's own error, as it would for real."""
    with private("sqlite", tmp_path), stage() as one:
        connections.settings["second"] = connections.settings["default"]

        def request() -> None:
            with transaction.atomic():
                set_price(1)
                with pytest.raises(OperationalError, match="locked"), connections["second"].cursor() as cursor:
                    cursor.execute("UPDATE shop_product SET price = 2")

        one.play((0.0, request))
        assert price() == 1


def test_a_script_in_a_request_is_refused(tmp_path: Path) -> None:
    """Nobody could tell what it writes."""
    with private("sqlite", tmp_path), stage() as one:

        def request() -> None:
            with connections["default"].cursor() as cursor:
                cursor.executescript("DELETE FROM shop_product")

        with pytest.raises(ValueError, match=r"calls cursor.executescript\(\) of DATABASES"):
            one.play((0.0, request))
        assert price() == 0


def test_rows_are_fetched_with_their_statement(tmp_path: Path) -> None:
    """Who writes while half of a query's rows are fetched is not refused, though others have written in between."""
    with private("sqlite", tmp_path), stage() as one:

        def request() -> None:
            with connections["default"].cursor() as cursor:
                cursor.execute("SELECT id FROM shop_product ORDER BY id")
                assert cursor.fetchone() == (0,)
                one.engine.wait(1)
                set_price(1)
                assert cursor.fetchmany(2) == [(1,), (2,)]
                assert next(iter(cursor)) == (3,)
                assert len(cursor.fetchall()) == 6

        one.play((0.0, request), (0.5, lambda: set_price(9)))
        assert price() == 1
