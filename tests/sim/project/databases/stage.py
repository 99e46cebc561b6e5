"""A small private project for these tests: two tables in a database of its own, and requests on a run's engine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.db import connections
from django.db.utils import ConnectionHandler

from cachewise.sim.backends.database import set_django_up
from cachewise.sim.engine.scheduler import Engine
from cachewise.sim.project.databases.connections import TakenOver, let_go_of_all, take_over
from cachewise.sim.project.databases.families import entries
from cachewise.sim.project.databases.places import Places, create, drop
from cachewise.sim.project.watch import CacheCall, Statement, Tables
from tests.helpers import SERVERS

FAMILIES = ("sqlite", pytest.param("postgres", marks=pytest.mark.servers))
ENGINE = {"sqlite": "django.db.backends.sqlite3", "postgres": "django.db.backends.postgresql"}
SECONDS = {"db_send_s": 0.001, "db_read_s": 0.003, "db_write_s": 0.005, "db_commit_s": 0.002}
TABLES = ("shop_product", "shop_order")


@dataclass
class Heard:
    """A watch that writes down what it hears, and when."""

    engine: Engine
    statements: list[Statement] = field(default_factory=list)
    commits: list[tuple[float, list[str]]] = field(default_factory=list)

    def statement(self, statement: Statement) -> None:
        """Write it down."""
        self.statements.append(statement)

    def committed(self, tables: Tables) -> None:
        """Write it down, with the time."""
        self.commits.append((round(self.engine.time(), 9), sorted(tables)))

    def cache_call(self, call: CacheCall) -> None:
        """There are no caches here."""
        raise AssertionError(call)


def address(family: str) -> dict[str, Any] | None:
    """Return where the session's server is, if *family* needs one."""
    return SERVERS.start("postgres", virtual=False).database if family == "postgres" else None  # type: ignore[attr-defined]


@contextmanager
def private(family: str, folder: Path, **options: Any) -> Iterator[Places]:
    """Give a private database with two tables of ten rows, which `connections` leads to."""
    set_django_up("db")
    databases = {"default": {"ENGINE": ENGINE[family], "NAME": "theirs", **options}}
    places = create(family, databases, folder, address(family))  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        use(patch, entries(databases, places, family))  # type: ignore[arg-type]
        with connections["default"].cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, price integer NOT NULL)")
        refill()
        try:
            yield places
        finally:
            let_go_of_all()
            drop(places)


def refill() -> None:
    """Put ten rows into each table, and no others."""
    with connections["default"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
            cursor.executemany(f"INSERT INTO {table} VALUES (%s, 0)", [(number,) for number in range(10)])  # noqa: S608


def use(patch: pytest.MonkeyPatch, databases: dict[str, Any]) -> None:
    """Let `connections` be those of *databases*: one a context, as a request has them."""
    patch.setitem(connections.__dict__, "settings", ConnectionHandler(databases).settings)
    patch.setattr(connections, "_connections", Local(thread_critical=False))


@dataclass
class Stage:
    """A run's engine, and what it has heard."""

    engine: Engine
    heard: Heard
    databases: TakenOver

    def play(self, *requests: tuple[float, Callable[[], object]]) -> None:
        """Serve each request from its time on."""
        for number, (at_s, body) in enumerate(requests):
            self.engine.call_at(at_s, lambda number=number, at_s=at_s, body=body: self._serve(number, at_s, body))
        self.engine.play()

    def _serve(self, number: int, at_s: float, body: Callable[[], object]) -> None:
        task = self.engine.current
        task.begin(number, at_s, self.engine.time())
        try:
            body()
        finally:
            if task.connection is not None:
                self.databases.release(task.connection)
                task.connection = None
            task.serving = False

    def now_s(self) -> float:
        """Return the time, without the last digits of its sums."""
        return round(self.engine.time(), 9)


def _always(one_s: float, _request: int, _nth: int) -> float:
    return one_s


@contextmanager
def stage(pool: int | None = None, **seconds: float) -> Iterator[Stage]:
    """Take the connections over for a run of its own, with latencies that never vary."""
    let_go_of_all()  # before the engine copies the context
    engine = Engine()
    heard = Heard(engine)
    latencies = {name: partial(_always, one_s) for name, one_s in {**SECONDS, **seconds}.items()}
    databases = take_over(engine, latencies, heard, pool)
    try:
        yield Stage(engine, heard, databases)
    finally:
        databases.end()


def price(key: int = 1, table: str = "shop_product") -> int:
    """Read a row, as a view would."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT price FROM {table} WHERE id = %s", [key])  # noqa: S608
        return int(cursor.fetchone()[0])


def set_price(value: int, key: int = 1, table: str = "shop_product") -> int:
    """Write a row, as a view would; return how many it has changed."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET price = %s WHERE id = %s", [value, key])  # noqa: S608
        return int(cursor.rowcount)
