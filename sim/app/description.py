"""What a scout tells of a project: what is to be run, on what, and what is noteworthy before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..world.scenario import Scenario

Kind = Literal["read", "write", "journey", "at"]


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
class Contender:
    """A variant: its name, what it changes ("timeouts", "settings", "code"), and the settings of it, pickled."""

    name: str
    changes: tuple[str, ...] = ()
    overrides: bytes = b""


@dataclass(frozen=True)
class Shown:
    """A function called once before the run: a row of the table, and what it cost in real seconds."""

    row: Mapping[str, Any]
    real_s: float


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
    shown: tuple[Shown, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    set_up_real_s: float = 0.0  # what setting the project up takes each process

    @property
    def requests_per_s(self) -> float:
        """How many requests come a second, on average."""
        return sum(one.per_s for one in self.functions)

    @property
    def request_real_s(self) -> float:
        """What a request costs in real seconds, as the functions that were shown have it: the mean by their rates."""
        real_s = {one.row["function"]: one.real_s for one in self.shown}
        known = [(one.per_s, real_s[one.name]) for one in self.functions if one.name in real_s]
        weight = sum(per_s for per_s, _ in known)
        return sum(per_s * one_s for per_s, one_s in known) / weight if weight else 0.0


@dataclass(frozen=True)
class NeedsPostgres:
    """The scout's answer where the project's databases are PostgreSQL's, and no private one runs yet."""
