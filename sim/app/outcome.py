"""The outcome of one run of a team's own project, small enough to keep; reports are made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ..experiment import Outcome
from ..verdict.result import Run
from ..world.scenario import Scenario

if TYPE_CHECKING:
    from ..contract import Strategy


@dataclass(frozen=True)
class VariantAsStrategy:
    """A variant of a project in the place of a strategy: it has a name, and declares nothing."""

    name: str


@dataclass(frozen=True)
class Setup:
    """What a run depends on beside its scenario; it holds no secrets.

    `database` is the database with its version ("SQLite 3.40.1"); `database_asked` says that --database chose it.
    `rates` are the functions that make the traffic: kind, name, and requests a second. `changes` is what the variant
    changes: "timeouts", "settings", "code".
    """

    database: str
    database_asked: bool
    start_s: float  # since 1970
    rates: tuple[tuple[str, str, float], ...]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppOutcome:
    """The part of a project's run that reports need.

    `outcome` is that of all reads together; in it, the variant stands in the place of the strategy. `functions` has one
    row a read function, `sites` one a cache call site; `figures.figures_of` makes them. If the file has events,
    `over_time` holds `statements_per_s`, `response_p99_s` and `logouts` in `LOAD_BINS` equal bins of the measured time,
    and `events` their times, in seconds from the warm-up's end. `failures` are the functions that failed: how often,
    and the first traceback. Two runs with the same `fingerprint` served the same reads at the same times.
    """

    outcome: Outcome
    functions: list[dict[str, Any]]
    sites: list[dict[str, Any]]
    fingerprint: str
    over_time: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    events: Sequence[tuple[float, str]] = ()
    failures: Sequence[tuple[str, int, str]] = ()
    logouts: int = 0
    setup: Setup | None = None
    reads: Any = None  # the `figures.ReadColumns` themselves, where the errand asks for them

    @property
    def variant(self) -> str:
        """The variant's name."""
        return self.outcome.label

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.outcome.run.seed


def run_of(scenario: Scenario, variant: str, backend: str, seed: int) -> Run:
    """Return what identifies a run of *variant*."""
    return Run(scenario, cast("Strategy", VariantAsStrategy(variant)), backend, seed)  # its read is never called
