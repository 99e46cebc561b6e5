"""Estimates the real time of a project's run from two short runs of the project as it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..application import AS_IT_IS
from ..daemons.session import Servers
from ..world.scenario import Scenario
from .choice import named
from .launch import run_one
from .scouting import Scouted

SHORT = (10, 210)  # the requests of the two runs; from both follow the time of a request and that of the set-up


@dataclass(frozen=True)
class Cost:
    """The real seconds of a run: of its set-up, and of each request with its judgement."""

    set_up_s: float
    request_s: float

    def of(self, runs: int, requests: float, jobs: int) -> float:
        """Return the real seconds of *runs* with *requests* each, of which *jobs* go side by side."""
        return runs * (self.set_up_s + requests * self.request_s) / jobs


def cost_of(
    scouted: Scouted,
    scenario: Scenario,
    backend: str | None,
    seed: int,
    session: Servers,
    done: Callable[[], object] = lambda: None,
) -> Cost:
    """Estimate the cost of a run of *scenario* with two runs (`SHORT`); *done* is called after each of them.

    Raises:
        CodeError: if the project's code raises an exception.
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
    """Return *scenario* with a duration for about *requests* requests, without a warm-up, with Poisson arrivals."""
    return replace(scenario, duration_s=requests / max(requests_per_s, 1e-9), warmup_s=0, arrivals="poisson")
