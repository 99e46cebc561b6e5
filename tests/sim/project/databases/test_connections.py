"""Connections that are let go of, that are none of the project's, and that stand on a pinned state."""

from collections.abc import Iterator
from contextlib import closing
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction

from cachewise.sim.backends.database import cache_table, sqlite
from cachewise.sim.errors import ForbiddenError, StrategyError
from cachewise.sim.judge.sqlite import SqliteSnapshots
from cachewise.sim.project.databases.cluster import connect
from cachewise.sim.project.databases.connections import adopt, let_go_of_all
from cachewise.sim.project.databases.places import Places
from tests.sim.project.databases.stage import FAMILIES, price, private, set_price, stage


@pytest.fixture(params=FAMILIES)
def places(request: Any, tmp_path: Path) -> Iterator[Places]:
    """Give a private database of each family."""
    with private(request.param, tmp_path) as places:
        yield places


def pinned(places: Places) -> Any:
    """Return a connection that has the rows of now."""
    place = places["default"]
    raw: Any
    if place["HOST"]:
        raw = connect(place)
        raw.autocommit = False
        raw.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        raw.execute("SELECT FROM pg_class LIMIT 1")
        return raw
    return SqliteSnapshots(("default",)).pin()["default"]


def test_an_adopted_connection_shows_its_state(places: Places) -> None:
    """What is written there is gone afterwards; what waits for a commit never runs; each statement is told."""
    heard: list[tuple[str, frozenset[str]]] = []
    ran: list[str] = []
    with closing(pinned(places)) as raw:
        set_price(5)
        let_go_of_all()
        adopt("default", raw, lambda sent: heard.append((sent.nature.kind, sent.nature.tables)))
        assert price() == 0
        connections["default"].close()
        with transaction.atomic():
            transaction.on_commit(lambda: ran.append("hook"))
            assert price() == 0
        if places["default"]["HOST"]:  # on SQLite a snapshot of before a commit cannot be written
            with transaction.atomic():
                set_price(9, key=2)
            assert price(2) == 9
        del connections["default"]
    assert ran == []
    assert (price(), price(2)) == (5, 0)
    table = frozenset({"shop_product"})
    asked = [one for one in heard if one[0] != "free"]  # no savepoints
    assert asked == [("read", table)] * 2 + [("write", table), ("read", table)] * bool(places["default"]["HOST"])


def test_an_adopted_connection_speaks_as_djangos_do(places: Places) -> None:
    """Django's functions in SQL, and its types, are there."""
    with closing(pinned(places)) as raw:
        let_go_of_all()
        adopt("default", raw, lambda _sent: None)
        with connections["default"].cursor() as cursor:
            if connections["default"].vendor == "sqlite":
                cursor.execute("SELECT MD5('a')")  # one of Django's own
                assert cursor.fetchone()[0] == "0cc175b9c0f1b6a831c399e269772661"
            else:
                cursor.execute("SELECT '2025-01-01 12:00:00+02'::timestamptz, '{}'::jsonb")
                assert cursor.fetchone() == (datetime(2025, 1, 1, 10, tzinfo=UTC), "{}")  # JSONField parses it
        del connections["default"]


@pytest.mark.servers
def test_an_evaluation_must_not_ask_postgres_for_the_time(tmp_path: Path) -> None:
    """It is refused by name, with what to do."""
    with private("postgres", tmp_path) as places, closing(pinned(places)) as raw:
        let_go_of_all()
        adopt("default", raw, lambda _sent: None)
        with (
            connections["default"].cursor() as cursor,
            pytest.raises(ForbiddenError, match=r"pass it django.utils.timezone.now\(\)"),
        ):
            cursor.execute("SELECT id FROM shop_product WHERE now() > '2025-01-01'")
        del connections["default"]


def test_connections_of_set_up_serve_no_request(places: Places) -> None:
    """A context that was copied too early has them still, and they say so."""
    price()
    early = copy_context()
    let_go_of_all()
    assert places
    with pytest.raises(StrategyError, match="that was opened at set-up"):
        early.run(price)
    assert price() == 0


def test_our_own_tables_are_not_the_projects(tmp_path: Path) -> None:
    """The database cache's connections take no time of the project's databases."""
    with private("sqlite", tmp_path), cache_table(sqlite(tmp_path / "own"), "db") as place, stage() as one:

        def request() -> None:
            with connections[place.database_alias or ""].cursor() as cursor:
                cursor.execute("SELECT 1")

        one.play((0.0, request))
        assert one.heard.statements == []
        assert one.now_s() == 0
