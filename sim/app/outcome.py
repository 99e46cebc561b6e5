"""What came of one run of a team's own project, small enough to keep: what reports are made of."""

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
    """Stands for a variant of a project where a strategy would stand: it has a name, and declares nothing."""

    name: str


@dataclass(frozen=True)
class Setup:
    """What a run was played with that its scenario does not say; nothing of it is secret.

    `database` has the version ("SQLite 3.40.1"), and was chosen by --database if `database_asked`. `rates` are the
    functions that make the traffic: kind, name, and how many come a second. `changes` is what the variant changes:
    "timeouts", "settings", "code".
    """

    database: str
    database_asked: bool
    start_s: float  # since 1970
    rates: tuple[tuple[str, str, float], ...]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppOutcome:
    """What reports need of one run of a project.

    `outcome` is that of all reads together: the variant's name is that of its run's strategy. `functions` has one row a
    read function, `sites` one a cache call site; `figures.figures_of` says what is in them. `over_time` holds
    `statements_per_s`, `response_p99_s` and `logouts` in `LOAD_BINS` equal bins of the measured time, where the file
    has events; `events` are those, in seconds from the warm-up's end. `failures` are the functions that failed: how
    often, and the first traceback. Two runs with one `fingerprint` served the same reads at the same times.
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
    return Run(scenario, cast("Strategy", VariantAsStrategy(variant)), backend, seed)  # nobody asks it to read or write
