"""What a run of a project takes in real time, as two short runs of it as it is show."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..application import AS_IT_IS
from ..daemons.session import Servers
from ..world.scenario import Scenario
from .choice import named
from .launch import run_one
from .scouting import Scouted

SHORT = (10, 210)  # requests of two runs that show what a request takes, and what the rest


@dataclass(frozen=True)
class Cost:
    """What a run takes in real seconds: its set-up, and each request with its judgement."""

    set_up_s: float
    request_s: float

    def of(self, runs: int, requests: float, jobs: int) -> float:
        """Return what so many runs take, *jobs* side by side, of so many requests each."""
        return runs * (self.set_up_s + requests * self.request_s) / jobs


def cost_of(
    scouted: Scouted,
    scenario: Scenario,
    backend: str | None,
    seed: int,
    session: Servers,
    done: Callable[[], object] = lambda: None,
) -> Cost:
    """Return what a run of *scenario* takes, as `SHORT` ones show it; *done* is called after each of them.

    Raises:
        CodeError: for what the project's code raises.
    """
    description = scouted.description
    real_s = []
    for requests in SHORT:
        short = short_of(scenario, requests, description.requests_per_s)
        errand = scouted.run(short, named(description, AS_IT_IS), backend, seed)
        began_s = time.monotonic()
        run_one(errand, session).opened()
        real_s.append(time.monotonic() - began_s)
        done()
    request_s = max(0.0, real_s[1] - real_s[0]) / (SHORT[1] - SHORT[0])
    return Cost(max(0.0, real_s[0] - SHORT[0] * request_s), request_s)


def requests_of(scenario: Scenario, requests_per_s: float) -> int:
    """Return how many requests a run of *scenario* has, on average: at least one."""
    return max(1, round(requests_per_s * scenario.end_s))


def short_of(scenario: Scenario, requests: int, requests_per_s: float) -> Scenario:
    """Return *scenario* for about so many requests, whatever its arrivals."""
    return replace(scenario, duration_s=requests / max(requests_per_s, 1e-9), warmup_s=0, arrivals="poisson")
