"""The real databases in virtual time against the simulated one: the same requests, event for event."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.db import OperationalError, connections, transaction

from cachewise.sim.contract import RollbackError
from cachewise.sim.engine.database import DatabaseLatencies, SimulatedDatabase
from cachewise.sim.engine.scheduler import Engine
from cachewise.sim.project.databases.connections import let_go_of_all, take_over
from cachewise.sim.world.latency import LatencyOf, latency_of
from tests.sim.project.databases.stage import FAMILIES, Heard, private, refill

SPECS: dict[str, float | str] = {
    "db_send_s": "uniform:0.0005:0.002",
    "db_read_s": "lognormal:0.003:0.5",
    "db_write_s": "exponential:0.004",
    "db_commit_s": "lognormal:0.002:1.0",
    "transaction_tail_s": "uniform:0:0.01",
}
DEADLOCK = "deadlock"
Event = tuple[int, str, float, int | str]  # request, what, when it ended, what came of it
Step = tuple[str, int]


@dataclass(frozen=True)
class Case:
    """Which requests, on how many rows and connections; where it is *calm*, nothing is rolled back."""

    seed: int
    keys: int
    pool: int | None
    calm: bool = False

    def second(self, number: int, key: int) -> int:
        """Return the second row of a transaction that writes *key* first."""
        return key if self.calm else (key + number) % self.keys


class Rows(Protocol):
    """What both databases can do."""

    def read(self, key: str) -> Any:
        """Return the row's version."""

    def write(self, key: str) -> Any:
        """Raise the row's version."""

    def atomic(self) -> AbstractContextManager[Any]:
        """Open a transaction or a savepoint."""


class Real:
    """The project's own code, more or less."""

    def read(self, key: str) -> int:
        """Query the row."""
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT price FROM shop_product WHERE id = %s", [int(key)])
            return int(cursor.fetchone()[0])

    def write(self, key: str) -> int:
        """Add one to it, where it is."""
        with connections["default"].cursor() as cursor:
            cursor.execute("UPDATE shop_product SET price = price + 1 WHERE id = %s RETURNING price", [int(key)])
            return int(cursor.fetchone()[0])

    def atomic(self) -> AbstractContextManager[Any]:
        """Open a transaction or a savepoint."""
        return transaction.atomic()


def scripts(seed: int, keys: int, calm: bool) -> list[tuple[float, bool, list[Step]]]:
    """Return requests: when they come, whether their commit fails (never, if *calm*), and their steps."""
    dice = random.Random(seed)
    found, now_s = [], 0.0
    for _ in range(150):
        now_s += dice.expovariate(150)
        kinds = dice.choices(["read", "write", "atomic", "cache"], [6, 2, 2, 2], k=dice.randint(1, 4))
        found.append((now_s, dice.random() < 0.1 and not calm, [(kind, dice.randrange(keys)) for kind in kinds]))
    return found


def serve(engine: Engine, rows: Rows, steps: list[Step], number: int, second: Callable[[int], int]) -> list[Event]:
    """Do what a request is to do."""
    events: list[Event] = []

    def did(what: str, result: Any) -> None:
        value = getattr(result, "version", result)
        events.append((number, what, round(engine.request_time(), 12), value))

    for kind, key in steps:
        try:
            if kind == "cache":
                engine.current.debt_s += 0.0003
            elif kind == "atomic":
                with rows.atomic():
                    did("write", rows.write(str(key)))
                    did("read", rows.read(str(key)))
                    with rows.atomic():
                        did("write", rows.write(str(second(key))))
                did("commit", 0)
            else:
                did(kind, getattr(rows, kind)(str(key)))
        except RollbackError:
            did("rollback", 0)
        except OperationalError:
            did(DEADLOCK, 0)
    return events


def play(engine: Engine, rows: Rows, case: Case, done: Callable[[], None]) -> list[Event]:
    """Let the requests pass and return all that happened, each request for itself."""
    events: dict[int, list[Event]] = {}

    def request(number: int, at_s: float, fails: bool, steps: list[Step]) -> None:
        task = engine.current
        task.begin(number, at_s, engine.time())
        task.rolls_back = fails
        events[number] = serve(engine, rows, steps, number, partial(case.second, number))
        if task.connection is not None:
            done()
        task.serving = False

    for number, (at_s, fails, steps) in enumerate(scripts(case.seed, case.keys, case.calm)):
        engine.call_at(at_s, partial(request, number, at_s, fails, steps))
    engine.play()
    return [event for number in sorted(events) for event in events[number]]


def latencies(seed: int) -> dict[str, LatencyOf | None]:
    """Return latencies that vary."""
    return {name: latency_of(name, spec, 1000 * seed + place) for place, (name, spec) in enumerate(SPECS.items())}


def simulated(case: Case) -> list[Event]:
    """Return what happens on the simulated database."""
    engine, of = Engine(), latencies(case.seed)
    steps = (of["db_send_s"], of["db_read_s"], of["db_write_s"], of["db_commit_s"], None, of["transaction_tail_s"])
    database = SimulatedDatabase(engine, DatabaseLatencies(*steps), {}, lambda _key: b"", case.pool)

    def done() -> None:
        database.release(engine.current.connection)
        engine.current.connection = None

    return play(engine, database, case, done)


def real(case: Case) -> list[Event]:
    """Return what happens on the real one."""
    refill()
    let_go_of_all()
    engine = Engine()
    taken = take_over(engine, latencies(case.seed), Heard(engine), case.pool)

    def done() -> None:
        taken.release(engine.current.connection)
        engine.current.connection = None

    try:
        return play(engine, Real(), case, done)
    finally:
        taken.end()


def without_lost_versions(events: list[Event]) -> list[Event]:
    """Leave out what a rolled-back write makes of later versions: the simulated database never gives one twice."""
    return [(number, what, at_s, "") for number, what, at_s, _value in events]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pool", [None, 6])
def test_each_event_comes_at_the_same_time(family: str, pool: int | None, tmp_path: Path) -> None:
    """Reads, writes, commits, rollbacks, deadlocks and waits for locks, on ten rows; on SQLite all writers want one."""
    keys = 1 if family == "sqlite" else 6
    seen: set[str] = set()
    with private(family, tmp_path):
        calm = Case(0, keys, pool, calm=True)
        assert real(calm) == simulated(calm)
        for seed in range(2):
            case = Case(seed, keys, pool)
            expected, got = simulated(case), real(case)
            assert without_lost_versions(got) == without_lost_versions(expected)
            seen |= {what for _number, what, _at_s, _value in got}
    assert seen >= {"read", "write", "commit", "rollback"} | ({DEADLOCK} if family == "postgres" else set())
