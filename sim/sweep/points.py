"""Points of a sweep's grid: a contender on a backend at one place on the axes, run with several seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..contract import Strategy
from ..processes.parcels import Parcel
from ..traces.trace import load_trace
from ..verdict.result import Run
from ..world.scenario import Scenario
from .found import Axis, named_values
from .identity import Surroundings, cell_key, files_of, identity_of, key_of, surroundings_of


class Point(Protocol):
    """What the sweep must know about a point, either of a strategy or of a project's variant."""

    @property
    def contender(self) -> str:
        """The name of the strategy, without the parameters that vary, or of the variant."""

    @property
    def backend(self) -> str:
        """The name of its backend."""

    @property
    def at(self) -> tuple[object, ...]:
        """Its place on the axes."""

    @property
    def scenario(self) -> Scenario:
        """The scenario at that place."""

    @property
    def requests(self) -> float:
        """How many requests a run has, on average."""

    def key(self, seed: int) -> str:
        """Return the name of its cell with this seed."""

    def load(self, seed: int) -> Any:
        """Return what is sent to the worker that runs it."""

    def run(self, seed: int) -> Run:
        """Return what identifies the run, for reports."""

    def surroundings(self) -> Surroundings:
        """Return what its runs depend on in their machine."""

    @property
    def files(self) -> Mapping[str, str]:
        """The files that a worker must find, with their hashes; the cell's name depends on them."""


@dataclass(frozen=True)
class StrategyPoint:
    """A strategy on a backend, in a scenario."""

    contender: str
    backend: str
    at: tuple[object, ...]
    scenario: Scenario
    strategy: Strategy

    @property
    def requests(self) -> float:
        """How many requests a run has, on average."""
        return expected_requests(self.scenario)

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The user's own files that a worker must find, with their hashes."""
        return files_of(self.run(0))

    @cached_property
    def _key(self) -> str:
        return key_of({**identity_of(self.run(0), self.files), "contender": self.contender})  # a row has it, too

    def key(self, seed: int) -> str:
        """Return the name of its cell with this seed."""
        return cell_key(self._key, seed)

    def load(self, seed: int) -> Parcel[Run]:
        """Return the run in a parcel, with the text of its strategy's file."""
        return Parcel(self.run(seed))

    def run(self, seed: int) -> Run:
        """Return what identifies the run."""
        return Run(self.scenario, self.strategy, self.backend, seed)

    def surroundings(self) -> Surroundings:
        """Return what its runs depend on in their machine."""
        return surroundings_of(self.run(0))


def expected_requests(scenario: Scenario) -> float:
    """Return how many requests a run of *scenario* has, on average; those of a trace are counted."""
    if scenario.trace is None:
        return (scenario.reads_per_s + scenario.writes_per_s) * scenario.end_s
    recorded_s = _recorded_s(scenario.trace, scenario.trace_columns) / scenario.trace_speed
    replayed = int((recorded_s < scenario.end_s).sum())
    return replayed + scenario.writes_per_s * min(scenario.end_s, float(recorded_s[-1]))


@cache
def _recorded_s(trace: str, columns: str | None) -> NDArray[np.float64]:
    return load_trace(trace, columns).time_s


@dataclass(frozen=True)
class Cell:
    """One run of a point."""

    point: Point
    seed: int
    key: str

    def named(self, axes: Sequence[Axis]) -> str:
        """Return its name for people."""
        return f"{place_named(self.point, axes)}, seed {self.seed}"


def place_named(point: Point, axes: Sequence[Axis]) -> str:
    """Return the name of a point for people."""
    return ", ".join([f"{point.contender} on {point.backend}", *named_values(axes, point.at)])
