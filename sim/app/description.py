"""What a scout reports about a project: what is to be run, on which databases and caches, and notes about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..world.scenario import Scenario

Kind = Literal["read", "write", "journey", "at"]
# Fields that only strategies use, and what a project uses instead.
MEANINGLESS = {
    "timeout": "write a variant: APP.variant('60 s', timeouts={'*': 60})",
    "keys": "set args= of each function",
    "reads_per_s": "set per_s= of each read function",
    "writes_per_s": "set per_s= of each write function",
    "read_popularity": "set popularity= of each read function",
    "write_popularity": "set popularity= of each write function",
    "value_bytes": "the project's own code decides what is cached",
    "max_entries": "set it in the OPTIONS of the project's CACHES",
    "cull_frequency": "set it in the OPTIONS of the project's CACHES",
    "trace": "its functions make its traffic",
    "trace_columns": "its functions make its traffic",
    "trace_speed": "its functions make its traffic",
}


@dataclass(frozen=True)
class Function:
    """A function of the experiment: how often it is called, with how many different arguments, for how many users."""

    kind: Kind
    name: str
    per_s: float = 0.0
    arguments: int | None = None  # None: it takes none
    users: int | None = None
    at_s: float = 0.0


@dataclass(frozen=True)
class SessionCache:
    """A cache that is the only place where sessions are kept: its alias, and whether it keeps entries at all."""

    engine: str
    alias: str
    keeps: bool = True


@dataclass(frozen=True)
class Contender:
    """A variant: its name, what it changes ("timeouts", "settings", "code"), and the changed settings, pickled.

    `sessions` is the cache that keeps its sessions, if they are kept in a cache alone.
    """

    name: str
    changes: tuple[str, ...] = ()
    overrides: bytes = b""
    sessions: SessionCache | None = None


@dataclass(frozen=True)
class Description:
    """An experiment as its file declares it.

    `caches` names the class of each entry of CACHES. `places` are the filled databases; `kept` says that an earlier
    command filled them. `refusals` are reasons not to run, one line each.
    """

    scenario: Scenario
    functions: tuple[Function, ...]
    variants: tuple[Contender, ...]
    caches: Mapping[str, str]
    family: str
    places: Mapping[str, Mapping[str, Any]]
    kept: bool = False
    shown: tuple[Mapping[str, str], ...] = ()  # what each function did when it was called once
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def requests_per_s(self) -> float:
        """How many requests come a second, on average."""
        return sum(one.per_s for one in self.functions)


@dataclass(frozen=True)
class NeedsPostgres:
    """The scout's answer where the project's databases are PostgreSQL's, and no private one runs yet."""
