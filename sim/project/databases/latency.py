"""The part that all connections of a run share: the clock, the latencies, the watch, and the pool."""

from collections.abc import Mapping
from typing import Any

import simpy

from ...engine.scheduler import Engine, Task
from ...world.latency import LatencyOf
from ..watch import Statement, Tables, Watch
from .writers import Writers

Latencies = Mapping[str, LatencyOf | None]


class Traffic:
    """The requests' side of the databases: each step of a request takes its latency, as in `SimulatedDatabase`.

    *latencies* have the names of a Scenario's fields; *connections* is the size of the pool, or None.
    """

    def __init__(self, engine: Engine, latencies: Latencies, watch: Watch, connections: int | None) -> None:
        self.engine = engine
        self.writers = Writers(engine)
        self.watch = watch
        self.real_times: set[str] = set()  # real times that statements have written, from PostgreSQL's own clock
        self._latencies = latencies
        self._pool = simpy.Resource(engine, connections) if connections else None

    def begin_statement(self) -> Task:
        """Let the request's debt pass, get it a connection from the pool, and return the request's task."""
        self.engine.settle()
        self.join()
        return self.engine.current

    def join(self) -> None:
        """Get the current request a connection from the pool, if there is a pool and it has none yet."""
        task = self.engine.current
        if self._pool is not None and task.connection is None:
            self.engine.settle()
            task.connection = self._pool.request()
            self.engine.wait_for(task.connection)

    def release(self, connection: Any) -> None:
        """Give a request's connection back to the pool, at the request's end."""
        self._pool.release(connection)  # type: ignore[union-attr]

    def pass_by(self, name: str, task: Task, nth: int) -> None:
        """Let the latency *name* pass for *task*: the *nth* with that name."""
        latency = self._latencies.get(name)
        if latency is not None:
            self.engine.wait(latency(task.request, nth))

    def tell(self, alias: str, writes: bool, tables: Tables, began_s: float) -> None:
        """Tell the watch that a statement of the current request has ended."""
        self.watch.statement(Statement(alias, writes, tables, self.engine.time() - began_s))
