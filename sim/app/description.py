"""What a scout tells of a project: what is to be run, on what, and what is noteworthy before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..world.scenario import Scenario

Kind = Literal["read", "write", "journey", "at"]
# What is set for strategies and means nothing to a project, and what says it instead.
MEANINGLESS = {
    "timeout": "write a variant: APP.variant('60 s', timeouts={'*': 60})",
    "keys": "args= says what a function is called with",
    "reads_per_s": "per_s= of each read function says it",
    "writes_per_s": "per_s= of each write function says it",
    "read_popularity": "popularity= of each read function says it",
    "write_popularity": "popularity= of each write function says it",
    "value_bytes": "what is cached is the project's own",
    "max_entries": "the OPTIONS of the project's CACHES say it",
    "cull_frequency": "the OPTIONS of the project's CACHES say it",
    "trace": "its functions make its traffic",
    "trace_columns": "its functions make its traffic",
    "trace_speed": "its functions make its traffic",
}


@dataclass(frozen=True)
class Function:
    """A function of the experiment, in numbers: how often it is called, with how many arguments, for how many users."""

    kind: Kind
    name: str
    per_s: float = 0.0
    arguments: int | None = None  # None: it takes none
    users: int | None = None
    at_s: float = 0.0


@dataclass(frozen=True)
class SessionCache:
    """The cache where sessions are kept, and nowhere else: its alias, and whether it keeps anything as it is."""

    engine: str
    alias: str
    keeps: bool = True


@dataclass(frozen=True)
class Contender:
    """A variant: its name, what it changes ("timeouts", "settings", "code"), and the settings of it, pickled.

    `sessions` are where those of its users are, if that is a cache alone.
    """

    name: str
    changes: tuple[str, ...] = ()
    overrides: bytes = b""
    sessions: SessionCache | None = None


@dataclass(frozen=True)
class Description:
    """An experiment as its file declares it.

    `caches` names the class of each entry of CACHES; `places` are the filled databases; `kept` says that they were
    filled by an earlier command. `refusals` are reasons not to run, one a line.
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
