"""Makes the grid of a sweep: what varies, for which strategies, on which backends; all is checked before the start."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from ...strategies import STRATEGIES
from ..backends import Limits, backend_named, params_of, require_keys, require_verbs
from ..backends.entries import default_timeout
from ..contract import Strategy
from ..declared import parameters, strategy_name
from ..errors import UserError, one_line, unknown
from ..experiment import strategy_label
from ..runner import check
from ..sweep.axes import Vary
from ..sweep.found import EVERYWHERE
from ..sweep.points import StrategyPoint
from ..traces.trace import load_trace
from ..world.scenario import DEFAULTS, Scenario
from ..world.workload import build_workload
from .choose import Choice, choose_timeout, with_trace
from .choose_strategy import choose_strategy, plain_strategy

FIXED = ("why",)  # what a run does not depend on
TIMEOUT = "timeout"
BOUNDS = ("no-cache", "oracle")  # users cannot choose them; they are level lines to compare with
NEEDS_WRITES = ("write_popularity", "rollback_ratio", "db_write_s", "db_commit_s", "transaction_tail_s")


@dataclass(frozen=True)
class Contender:
    """A strategy as it was typed, its own axes (the timeout is one), and one instance of it as a sample."""

    text: str
    label: str
    axes: frozenset[str]
    sample: Strategy


@dataclass(frozen=True)
class Wanted:
    """The options of a sweep over strategies as they were typed, and the parsed axes."""

    choice: Choice
    strategies: Sequence[str]
    backends: Sequence[str]
    timeout: str | None
    varies: Sequence[Vary]

    @property
    def fields(self) -> list[Vary]:
        """The axes that are fields of the scenario."""
        return [one for one in self.varies if one.axis.name in DEFAULTS]


def make_points(wanted: Wanted, require: Callable[[int], object]) -> list[StrategyPoint]:
    """Return the grid's points: backends x places on the axes x contenders.

    *require* is called with their number before they are made, which can take long.

    Raises:
        UserError: for an unknown field or parameter, one on which nothing depends, or a value that is not valid.
    """
    _check_axes(wanted)
    contenders = _contenders(wanted)
    require(sum(_count(wanted, contender, backend) for backend in wanted.backends for contender in contenders))
    points = []
    for backend in wanted.backends:
        for place, scenario in _scenarios(wanted):
            params_of(backend_named(backend), Limits(scenario.max_entries, scenario.cull_frequency))
            points += list(_points_at(wanted, backend, scenario, dict(place), contenders))
    _check_keys(points)
    return points


def _count(wanted: Wanted, contender: Contender, backend: str) -> int:
    """Return how many points a contender has on a backend."""
    if backend_named(backend).lacks(contender.sample):
        return 0
    own = (one for one in wanted.varies if one in wanted.fields or one.axis.name in contender.axes)
    return prod(len(one.texts) for one in own)


Place = tuple[tuple[str, str], ...]  # the field axes, each with the text of its value


def _scenarios(wanted: Wanted) -> Iterator[tuple[Place, Scenario]]:
    """Yield the scenario at each place on the axes that are fields of it."""
    for texts in product(*(one.texts for one in wanted.fields)):
        settings = {one.axis.name: text for one, text in zip(wanted.fields, texts, strict=True)}
        scenario = wanted.choice.scenario
        traced = with_trace(scenario, settings["trace"], scenario.trace_columns) if "trace" in settings else scenario
        changed = {name: text for name, text in settings.items() if name != "trace"}
        yield tuple(settings.items()), traced.with_settings(changed)


def _points_at(
    wanted: Wanted, backend: str, scenario: Scenario, here: Mapping[str, str], contenders: Sequence[Contender]
) -> Iterator[StrategyPoint]:
    """Yield the points of one scenario on one backend; the axes that are left belong to the strategies."""
    where = backend_named(backend)
    for contender in contenders:
        own = [one for one in wanted.varies if one.axis.name in contender.axes]
        for texts in product(*(one.texts for one in own)):
            chosen = {one.axis.name: text for one, text in zip(own, texts, strict=True)}
            strategy = _strategy(wanted, contender.text, backend, chosen)
            if wanted.strategies:
                require_verbs(where, strategy)
            if not where.lacks(strategy):
                check(scenario, strategy, 1)
                at = tuple(_value(one, {**here, **chosen}) for one in wanted.varies)
                yield StrategyPoint(contender.label, backend, at, scenario, strategy)


def _value(vary: Vary, chosen: Mapping[str, str]) -> object:
    text = chosen.get(vary.axis.name)
    return EVERYWHERE if text is None else vary.axis.values[vary.texts.index(text)]


def _strategy(wanted: Wanted, text: str, backend: str, chosen: Mapping[str, str]) -> Strategy:
    """Return a strategy with the values that were *chosen* on its axes."""
    choice, timeout = wanted.choice, chosen.get(TIMEOUT, wanted.timeout)
    default: dict[str, Any] = ({TIMEOUT: choice.timeout} if choice.has_timeout else {}) | default_timeout(backend)
    if timeout is not None:
        default = {TIMEOUT: choose_timeout(timeout)}
    own = [one for one in wanted.varies if one.strategy and one.axis.name in chosen]
    return choose_strategy(
        _with_settings(text, [f"{one.param}={chosen[one.axis.name]}" for one in own]), STRATEGIES, **default
    )


def _with_settings(text: str, settings: Sequence[str]) -> str:
    if not settings:
        return text
    has_some = "=" in text.rpartition(":")[2]
    return f"{text}{',' if has_some else ':'}{','.join(settings)}"


def _contenders(wanted: Wanted) -> list[Contender]:
    """Return the contenders, each with a unique name."""
    texts = list(dict.fromkeys(wanted.strategies or STRATEGIES))
    for vary in wanted.varies:
        if vary.strategy and vary.strategy not in texts:
            raise UserError(
                f"--vary {one_line(vary.axis.name)}: {one_line(vary.strategy)} is not among the strategies: "
                f"add --strategy {one_line(vary.strategy)}"
            )
    each = [_contender(wanted, text) for text in texts]
    found = [*{(one.label, one.axes): one for one in reversed(each)}.values()][::-1]  # `x` and `x:its=default` are one
    labels = Counter(one.label for one in found)
    found = [one if labels[one.label] == 1 else replace(one, label=plain_strategy(one.text)) for one in found]
    names = Counter(one.label.partition(":")[0] for one in found)
    return [replace(one, label=name) if names[name := one.label.partition(":")[0]] == 1 else one for one in found]


def _contender(wanted: Wanted, text: str) -> Contender:
    own = [one for one in wanted.varies if one.strategy == text]
    sample = _strategy(wanted, text, wanted.backends[0], {one.axis.name: one.texts[0] for one in own})
    varied = {one.param for one in own}
    axes = {one.axis.name for one in own}
    if any(one.axis.name == TIMEOUT for one in wanted.varies):
        _check_timeout(text, sample, varied, named=bool(wanted.strategies))
        if TIMEOUT in parameters(sample):
            varied, axes = varied | {TIMEOUT}, axes | {TIMEOUT}
    return Contender(text, strategy_label(sample, varied), frozenset(axes), sample)


def _check_timeout(text: str, strategy: Strategy, varied: Collection[str], *, named: bool) -> None:
    """Refuse a timeout that varies if a strategy has no timeout, or was typed with one."""
    if TIMEOUT not in parameters(strategy):
        if named and strategy_name(strategy) not in BOUNDS:
            raise UserError(f"--vary timeout: {one_line(text)} has no timeout, so nothing would change; leave it out")
        return
    if f"{TIMEOUT}=" in text or TIMEOUT in varied:
        raise UserError(f"--vary timeout: {one_line(text)} names a timeout of its own; give one of the two")


def _check_axes(wanted: Wanted) -> None:
    """Refuse axes that are unknown or occur twice, and those on which nothing depends."""
    names = [one.axis.name for one in wanted.varies]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"--vary {one_line(twice[0])} occurs twice: give all of its values in one")
    if wanted.timeout is not None and TIMEOUT in names:
        raise UserError("--timeout and --vary timeout exclude each other")
    known = {*DEFAULTS, TIMEOUT} - {*FIXED}
    for name in (one.axis.name for one in wanted.varies if not one.strategy):
        if name not in known:
            raise UserError(f"--vary: {unknown('field', name, known)} (a parameter of a strategy is NAME:param)")
        _check_depends(wanted.choice.scenario, name, names)


def _check_depends(scenario: Scenario, name: str, names: Sequence[str]) -> None:
    """Refuse a field of the scenario that the traffic does not use."""
    if name == "trace_columns":
        raise UserError("--vary trace_columns: all traces of a sweep have the same columns: write --trace-columns")
    if scenario.trace is not None and name in load_trace(scenario.trace, scenario.trace_columns).fields:
        raise UserError(f"--vary {name}: it comes from the trace, so nothing would change; leave it out")
    no_writes = scenario.writes_per_s == 0 and scenario.trace is None and "writes_per_s" not in names
    if no_writes and name in NEEDS_WRITES:
        raise UserError(f"--vary {name}: there are no writes (writes_per_s=0), so nothing would change; leave it out")


def _check_keys(points: Sequence[StrategyPoint]) -> None:
    """Refuse a trace if a backend refuses one of its keys."""
    for scenario in dict.fromkeys(point.scenario for point in points if point.scenario.trace):
        workload = build_workload(scenario, 1)
        ours = [point for point in points if point.scenario == scenario]
        for name in dict.fromkeys(point.backend for point in ours):
            require_keys(backend_named(name), [one.strategy for one in ours if one.backend == name], workload)
