"""The stage: performs acts on a cache, each at its own instant of one run, and returns their results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from django.core.cache.backends.base import BaseCache

from ..backends import Call
from ..contract import Bound, Costs, Row, Site
from ..daemons.session import Servers
from ..engine.virtual import CURRENT_RUN
from ..runner import run
from ..world.scenario import Scenario

Act = Callable[[BaseCache], Any]
Cue = tuple[float, Act]  # (seconds after the run's start, the act at that time)
LONG_S = 100_000_000  # the longest play


class Raised(NamedTuple):
    """The result of a call that raised: the exception's name."""

    name: str


class Done(NamedTuple):
    """What an act returned, and the round trips it took: commands, statements, or calls of the store's methods.

    If acts overlap, so do their round trips. `waits` is how often others could have gone first.
    """

    result: Any
    trips: tuple[str, ...]
    waits: int = 0


@dataclass(frozen=True)
class Stage:
    """A backend, and the servers it may start."""

    backend: str
    servers: Servers

    def play(self, cues: Sequence[Cue], *, seed: int = 1, counted: bool = True, **settings: Any) -> list[Done]:
        """Perform every act at its time, each as a request, and return the results in the order of *cues*.

        Args:
            cues: (seconds, act).
            seed: of the run.
            counted: whether to count the round trips of each act, which takes time.
            settings: fields of a Scenario; without them no latency passes.
        """
        with self.servers.folder() as folder:
            instant = {"cache_rtt_s": 0, "db_read_s": 0, "db_commit_s": 0, "writes_per_s": 0, "warmup_s": 0}
            trace = _prompt_book(folder, [at_s for at_s, _ in cues])
            scenario = Scenario("conformance", trace=str(trace), duration_s=LONG_S, **{**instant, **settings})
            log: list[Call] | None = [] if counted else None
            script = _Script([act for _, act in cues], log)
            run(scenario, script, backend=self.backend, seed=seed, servers=self.servers, log=log)
        return [script.done[number] for number in range(len(cues))]

    def ask(self, act: Act, **settings: Any) -> Any:
        """Perform one act in a separate run and return its result."""
        return self.play([(0.75, act)], **settings)[0].result


def _prompt_book(folder: Path, times_s: Sequence[float]) -> Path:
    """Write a trace with one read at each of *times_s*, in Parquet: text would not keep every instant exactly."""
    import pandas as pd

    # The first request is the run's zero. A time with a fraction shows that whole seconds are exact, too.
    rows = sorted([(0.0, -2), (0.5, -1), *((at_s, number) for number, at_s in enumerate(times_s))])
    path = folder / "acts.parquet"
    frame = pd.DataFrame({"time_s": [at_s for at_s, _ in rows], "key": [str(number) for _, number in rows]})
    frame.to_parquet(path)
    return path


@dataclass(frozen=True)
class _Script:
    """A strategy whose reads are the acts."""

    acts: Sequence[Act]
    log: list[Call] | None
    done: dict[int, Done] = field(default_factory=dict)
    name: ClassVar[str] = "script"
    costs: ClassVar[Costs] = Costs(on_hit=0, added_by_miss=0, on_write=0)
    stale_at_most: ClassVar[Bound] = "none"

    def read(self, site: Site, key: str) -> Row:
        number = int(key)
        if number >= 0:
            self.done[number] = self._perform(self.acts[number], site.cache)
        return Row(key, 0, b"")

    def write(self, site: Site, key: str) -> None:
        site.db.write(key)

    def _perform(self, act: Act, cache: BaseCache) -> Done:
        if self.log is None:
            return Done(outcome(lambda: act(cache)), ())
        before = len(self.log)
        with Statements() as statements:
            result = outcome(lambda: act(cache))
        sent = statements.sent if statements.watched else tuple(call.method for call in self.log[before:])
        return Done(result, sent, len(self.log) - before)


def outcome(call: Callable[[], Any]) -> Any:
    """Return what *call* returns, or the name of what it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - any exception of a backend is a finding
        return Raised(type(error).__name__)


class Statements:
    """The statements to the run's cache table in a ``with`` block, from Django's query log; without a table, none.

    Source: django.test.utils.CaptureQueriesContext, which fails once the log has reached its limit.
    """

    def __init__(self) -> None:
        current = CURRENT_RUN.get()
        self.watched = current is not None and current.database_alias is not None
        self.sent: tuple[str, ...] = ()
        if self.watched:
            from django.db import connections

            self._connection: Any = connections[current.database_alias]  # type: ignore[union-attr, index]

    def __enter__(self) -> Self:
        if self.watched:
            self._connection.queries_log.clear()
            self._connection.force_debug_cursor = True
        return self

    def __exit__(self, *_raised: object) -> None:
        if self.watched:
            self._connection.force_debug_cursor = False
            self.sent = tuple(query["sql"].split(maxsplit=1)[0].lower() for query in self._connection.queries_log)
