"""How long runs will take, from a short calibration on this machine."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import CodeError, StrategyError
from ..experiment import run_all, strategy_spec
from ..sweep.carry_out import Grid
from ..sweep.found import typed
from ..sweep.points import StrategyPoint, expected_requests
from ..verdict.result import Run
from .exit_codes import say
from .progress import in_words

if TYPE_CHECKING:
    from ..world.scenario import Scenario

SHORT = (500, 8_000)  # the requests of two runs; from both follow the time of a request and that of the rest
CONTENDERS = 3  # so many contenders are tried on each backend
START_S = 2.0  # until the workers have started
LONG_S = 60.0  # if it takes longer, this is said first
WORTH_IT = 300_000  # requests; fewer take less than `LONG_S` on all backends that come with cachewise
RUN_REQUESTS = 500  # so many requests take as long as the rest of a run


@dataclass(frozen=True)
class Estimate:
    """The real seconds of a grid: in all, and of a request on each backend."""

    request_s: dict[str, float]
    total_s: float


def tell(
    grid: Grid,
    jobs: int,
    estimate: Callable[[], Estimate | None],
    *,
    left: Sequence[float] | None = None,
    dry_run: bool = False,
) -> None:
    """Before the start, say how long it will take if that is long; a dry run always says it.

    *left* has the requests of each run that has not landed yet, unless all are left.
    """
    requests = sum(point.requests for point in grid.points) * grid.least
    share = 1.0 if left is None else sum(left) / max(requests, 1.0)
    if not dry_run and share * requests < WORTH_IT:
        return
    found = estimate()
    found = found and replace(found, total_s=START_S + share * (found.total_s - START_S))
    points, seeds = len(grid.points), grid.least
    size = f"{points:,} {'point' if points == 1 else 'points'} x {seeds} {'seed' if seeds == 1 else 'seeds'}"
    more = f" (up to {grid.most} seeds where the precision needs them)" if grid.targets else ""
    if dry_run:
        for axis in grid.axes:
            say(f"{axis.name}: {', '.join(map(typed, axis.values))}")
        for what, cost_s in found.request_s.items() if found else ():
            say(f"{what}: {cost_s * 1e6:,.0f} µs a request")
    if dry_run or (found and found.total_s > LONG_S):
        how_long = f": about {in_words(found.total_s)}" if found else ""
        gone = "" if left is None or len(left) == grid.cells else f", of which {len(left):,} runs are left"
        say(f"{size}, {requests:,.0f} requests{gone}, {jobs} side by side{how_long}{more}")


def tell_of(runs: Sequence[Run], jobs: int) -> None:
    """Say how long runs without a sweep will take, *jobs* side by side, if that is long."""
    requests = sum(expected_requests(one.scenario) for one in runs)
    if requests + RUN_REQUESTS * len(runs) < WORTH_IT:
        return
    total_s = estimated_s(runs, jobs)
    if total_s is not None:
        told = f"{len(runs):,} runs, {requests:,.0f} requests, {jobs} side by side: about {in_words(total_s)}"
        say_if_long(told, total_s)


def say_if_long(told: str, seconds: float) -> None:
    """Print *told*, which says what will be done and how long it takes, if that is over a minute."""
    if seconds > LONG_S:
        say(told)


def estimated_s(runs: Sequence[Run], jobs: int) -> float | None:
    """Estimate the time of *runs*, *jobs* side by side; None if none of them could be tried."""
    by_scenario: dict[Scenario, list[Run]] = {}
    for one in runs:
        by_scenario.setdefault(one.scenario, []).append(one)
    found = [estimated(_grid_of(ours), jobs) for ours in by_scenario.values()]
    busy_s = [one.total_s - START_S for one in found if one is not None]
    return START_S + sum(busy_s) if busy_s else None


def _grid_of(runs: Sequence[Run]) -> Grid:
    """Return runs as a grid without axes."""
    seeds = len({one.seed for one in runs})
    alike = {(one.scenario, one.backend, strategy_spec(one.strategy)): one for one in runs}
    points = [StrategyPoint(spec, one.backend, (), one.scenario, one.strategy) for (*_, spec), one in alike.items()]
    return Grid("", (), points, seeds, seeds)


def estimated(grid: Grid, jobs: int) -> Estimate | None:
    """Estimate the time of a grid of strategies, *jobs* side by side; None if none of them could be tried."""
    points: Sequence[Any] = grid.points
    tried = {backend: _cost(ours) for backend, ours in _by_backend(points).items()}
    costs = {backend: cost for backend, cost in tried.items() if cost is not None}
    if not costs:
        return None
    known = [point for point in points if point.backend in costs]
    busy_s = sum(sum(costs[point.backend].of(point.requests)) for point in known) * grid.least
    side_by_side = max(1, min(jobs, grid.cells))
    return Estimate({backend: cost.request_s for backend, cost in costs.items()}, START_S + busy_s / side_by_side)


def _by_backend(points: Iterable[StrategyPoint]) -> dict[str, list[StrategyPoint]]:
    found: dict[str, list[StrategyPoint]] = {}
    for point in points:
        found.setdefault(point.backend, []).append(point)
    return found


class _Cost(NamedTuple):
    """The real seconds of a run: a fixed part, and those of each request."""

    set_up_s: float
    request_s: float

    def of(self, requests: float) -> tuple[float, float]:
        """Return both parts for a run with so many requests."""
        return self.set_up_s, requests * self.request_s


def _cost(points: Sequence[StrategyPoint]) -> _Cost | None:
    """Return the cost of a run on the backend of these points: the mean of a few contenders, each run twice."""
    by_name = {point.contender: point for point in points}
    chosen = list(by_name.values())[:: max(1, len(by_name) // CONTENDERS)][:CONTENDERS]
    runs = [_short(point, requests) for point in chosen for requests in SHORT]
    try:
        # The first one is run once more, as it also loads modules and starts the servers.
        _, *outcomes = run_all([_short(chosen[0], SHORT[0]), *runs], 1)
    except (CodeError, StrategyError):  # its own run will report the error
        return None
    real_s = [float(one.summary["wall_s"]) for one in outcomes]
    low_s, high_s = sum(real_s[0::2]) / len(chosen), sum(real_s[1::2]) / len(chosen)
    request_s = max(0.0, high_s - low_s) / (SHORT[1] - SHORT[0])
    return _Cost(max(0.0, low_s - SHORT[0] * request_s), request_s)


def _short(point: StrategyPoint, requests: float) -> Run:
    """Return a run at this point with about so many requests and Poisson arrivals."""
    scenario = point.scenario
    share = min(1.0, requests / max(1.0, expected_requests(scenario)))
    flat: dict[str, Any] = {} if scenario.trace else {"arrivals": "poisson"}  # a flash crowd may come later
    short = replace(scenario, duration_s=max(1e-3, scenario.end_s * share), warmup_s=0, **flat)
    return Run(short, point.strategy, point.backend, 1)
