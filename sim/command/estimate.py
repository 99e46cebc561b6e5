"""How long runs will take, from a short calibration on this machine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..daemons.session import Servers, servers
from ..runner import run
from ..sweep.carry_out import Grid
from ..sweep.points import StrategyPoint, expected_requests
from ..world.scenario import Scenario

SHORT = (500, 8_000)  # requests of two runs: what a request takes, and what the rest
CONTENDERS = 3  # as many of them on each backend
START_S = 2.0  # until the workers are there
LONG_S = 60.0  # what takes longer is said first
WORTH_IT = 300_000  # requests: fewer take less than `LONG_S` wherever they run


@dataclass(frozen=True)
class Estimate:
    """What a grid takes in real seconds: in all, and a request on each backend."""

    request_s: dict[str, float]
    total_s: float


def estimated(grid: Grid, jobs: int) -> Estimate:
    """Return what a grid of strategies takes, *jobs* side by side."""
    points: Sequence[Any] = grid.points
    costs = {backend: _cost(ours) for backend, ours in _by_backend(points).items()}
    busy_s = sum(sum(costs[point.backend].of(point.requests)) for point in points) * grid.least
    side_by_side = max(1, min(jobs, grid.cells))
    return Estimate({backend: cost.request_s for backend, cost in costs.items()}, START_S + busy_s / side_by_side)


def _by_backend(points: Iterable[StrategyPoint]) -> dict[str, list[StrategyPoint]]:
    found: dict[str, list[StrategyPoint]] = {}
    for point in points:
        found.setdefault(point.backend, []).append(point)
    return found


class _Cost(NamedTuple):
    """What a run takes in real seconds: in any case, and each request."""

    set_up_s: float
    request_s: float

    def of(self, requests: float) -> tuple[float, float]:
        """Return both parts of a run of so many requests."""
        return self.set_up_s, requests * self.request_s


def _cost(points: Sequence[StrategyPoint]) -> _Cost:
    """Return what a run takes on these points' backend: the mean of a few contenders, each run twice."""
    by_name = {point.contender: point for point in points}
    chosen = list(by_name.values())[:: max(1, len(by_name) // CONTENDERS)][:CONTENDERS]
    with servers() as ours:
        _real_s(chosen[0], SHORT[0], ours)  # the first one loads what all need, and starts the servers
        real_s = [[_real_s(point, requests, ours) for requests in SHORT] for point in chosen]
    low_s, high_s = (sum(column) / len(chosen) for column in zip(*real_s, strict=True))
    request_s = max(0.0, high_s - low_s) / (SHORT[1] - SHORT[0])
    return _Cost(max(0.0, low_s - SHORT[0] * request_s), request_s)


def _real_s(point: StrategyPoint, requests: float, ours: Servers) -> float:
    short = _shortened(point.scenario, requests)
    return run(short, point.strategy, backend=point.backend, servers=ours).wall_s


def _shortened(scenario: Scenario, requests: float) -> Scenario:
    share = min(1.0, requests / max(1.0, expected_requests(scenario)))
    flat: dict[str, Any] = {} if scenario.trace else {"arrivals": "poisson"}  # a flash crowd may come later
    return replace(scenario, duration_s=max(1e-3, scenario.end_s * share), warmup_s=0, **flat)


def in_words(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
