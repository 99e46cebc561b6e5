"""The plan of an own app: variants x backends x seeds, its estimated time, and the sample that is run by default."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..app.choice import chosen, scenario_with
from ..app.cost import Cost, requests_of
from ..app.description import Contender, Description, Function
from ..app.errand import Errand
from ..app.scouting import Scouted
from ..world.scenario import Scenario
from .progress import in_words

SAMPLE_S = 180.0  # by default, a command takes about so long at most
LEAST_SHARE = 0.01  # a sample has at least this share of the traffic
MANY_REQUESTS, MANY_RUNS = 5_000, 12  # in all; with more requests or runs, their time is measured first


@dataclass(frozen=True)
class AppPlan:
    """The runs in the order of starting: first the project as it is, then the other variants, seed by seed.

    `scenario` is `whole`, or a sample of it. `cost` is known if there are many requests.
    """

    scenario: Scenario
    variants: tuple[Contender, ...]
    backends: tuple[str | None, ...]
    seeds: Sequence[int]
    requests_per_s: float
    whole: Scenario
    jobs: int
    events: tuple[Function, ...] = ()
    cost: Cost | None = None

    @property
    def count(self) -> int:
        """The number of runs."""
        return len(self.variants) * len(self.backends) * len(self.seeds)

    def requests(self, scenario: Scenario) -> int:
        """Return how many requests a run of *scenario* has, on average: at least one."""
        return requests_of(scenario, self.requests_per_s)

    def expected_s(self, scenario: Scenario) -> float:
        """Return the real seconds of all runs of *scenario*, as far as they are known."""
        return self.cost.of(self.count, self.requests(scenario), self.jobs) if self.cost else 0.0

    @property
    def is_long(self) -> bool:
        """Whether there is so much to run that the time should be measured first."""
        return self.count * self.requests(self.whole) > MANY_REQUESTS or self.count > MANY_RUNS

    def sampled(self, cost: Cost, *, whole: bool) -> "AppPlan":
        """Return the plan with this *cost*: a sample, if the whole takes too long and *whole* was not asked for."""
        plan = replace(self, cost=cost)
        set_up_s, all_s = cost.of(self.count, 0, self.jobs), plan.expected_s(self.whole)
        if whole or all_s <= SAMPLE_S:
            return plan
        share = max(LEAST_SHARE, (SAMPLE_S - set_up_s) / (all_s - set_up_s))
        return replace(plan, scenario=_shortened(self.whole, min(1.0, share)))

    def runs(self) -> Iterator[tuple[Contender, str | None, int]]:
        """Yield the variant, the backend and the seed of each run."""
        for seed in self.seeds:
            for backend in self.backends:
                for variant in self.variants:
                    yield variant, backend, seed

    def errands(self, scouted: Scouted) -> list[Errand]:
        """Return an errand for each run."""
        return [scouted.run(self.scenario, one, backend, seed) for one, backend, seed in self.runs()]

    def said(self) -> list[str]:
        """Return the lines before the runs: how long they take, and how to run the whole if this is a sample."""
        each = [_count(len(self.variants), "variant"), _count(len(self.backends), "backend")]
        each += [_count(len(self.seeds), "seed"), f"{self.requests(self.scenario):,} requests"]
        several = " x ".join(one for one in each if one != "1 backend")
        if self.cost is None:
            return [several, *self._unreached()]
        at = f"{several} at {self.cost.request_s * 1e3:.2g} ms"
        lines = [f"{at}: about {in_words(self.expected_s(self.scenario))}"]
        if self.scenario != self.whole:
            lines.append(
                f"this is a sample of {self.scenario.duration_s:g} s after {self.scenario.warmup_s:g} s of warm-up; "
                f"--duration {self.whole.duration_s:g} runs the whole, in about {in_words(self.expected_s(self.whole))}"
            )
        return [*lines, *self._unreached()]

    def _unreached(self) -> Iterator[str]:
        for one in self.events:
            if one.at_s >= self.scenario.end_s:
                yield f"{one.name} is left out: it comes at {one.at_s:g} s, and a run ends at {self.scenario.end_s:g} s"


def make_app_plan(
    description: Description,
    names: Sequence[str],
    backends: Sequence[str],
    seeds: Sequence[int],
    settings: dict[str, str],
    jobs: int,
) -> AppPlan:
    """Return the plan of the named variants (all, if none is) x backends x seeds.

    Raises:
        UserError: for an unknown variant, a field of the scenario that an app does not use, or sessions that would be
            lost at once.
    """
    scenario = scenario_with(description.scenario, settings)
    where: tuple[str | None, ...] = tuple(dict.fromkeys(backends)) or (None,)
    variants = chosen(description, names, where)
    events = tuple(one for one in description.functions if one.kind == "at")
    return AppPlan(scenario, variants, where, seeds, description.requests_per_s, scenario, jobs, events)


def _shortened(scenario: Scenario, share: float) -> Scenario:
    """Return the scenario with its times cut to a *share*, rounded."""
    return replace(scenario, duration_s=_round(scenario.duration_s * share), warmup_s=_round(scenario.warmup_s * share))


def _round(seconds: float) -> float:
    """Return *seconds* rounded down to two digits."""
    if seconds <= 0:
        return 0.0
    digit = 10.0 ** (math.floor(math.log10(seconds)) - 1)
    return round(math.floor(seconds / digit + 1e-9) * digit, 9)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
