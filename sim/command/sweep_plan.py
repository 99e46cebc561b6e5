"""The grid of a sweep: what varies, for which strategies, on which backends; it is looked at before anything starts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
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
from ..world.scenario import DEFAULTS, Scenario
from ..world.trace import load_trace
from ..world.workload import build_workload
from .choose import Choice, choose_timeout, with_trace
from .choose_strategy import choose_strategy

FIXED = ("why",)  # what a run does not depend on
TIMEOUT = "timeout"
BOUNDS = ("no-cache", "oracle")  # nobody chooses them: each is a level line to compare with
NEEDS_WRITES = ("write_popularity", "rollback_ratio", "db_write_s", "db_commit_s", "transaction_tail_s")


@dataclass(frozen=True)
class Contender:
    """A strategy as it is typed, and which axes mean something to it."""

    text: str
    label: str
    axes: frozenset[str]


def make_points(
    choice: Choice,
    strategies: Sequence[str] | None,
    backends: Sequence[str],
    timeout: str | None,
    varies: Sequence[Vary],
) -> list[StrategyPoint]:
    """Return the grid's points: backends x places on the axes x contenders.

    Raises:
        UserError: for a field or parameter that there is not, that nothing depends on, or a value that no run could
            honour.
    """
    _check_axes(choice.scenario, strategies, timeout, varies)
    where = list(dict.fromkeys(backends)) or ["shared"]
    contenders = _contenders(choice, strategies, where, timeout, varies)
    scenarios = dict(_scenarios(choice.scenario, varies))
    points = []
    for backend in where:
        for at, scenario in scenarios.items():
            params_of(backend_named(backend), Limits(scenario.max_entries, scenario.cull_frequency))
            points += list(
                _points_at(choice, backend, scenario, at, contenders, timeout, varies, named=bool(strategies))
            )
    _check_keys(points)
    return points


Place = tuple[tuple[str, str], ...]  # the field axes, each with the text of its value


def _scenarios(scenario: Scenario, varies: Sequence[Vary]) -> Iterator[tuple[Place, Scenario]]:
    """Yield the scenario at each place on the axes that are fields of it."""
    fields = [one for one in varies if one.axis.name in DEFAULTS]
    for texts in product(*(one.texts for one in fields)):
        settings = {one.axis.name: text for one, text in zip(fields, texts, strict=True)}
        traced = with_trace(scenario, settings["trace"]) if "trace" in settings else scenario
        changed = {name: text for name, text in settings.items() if name != "trace"}
        yield tuple(settings.items()), traced.with_settings(changed)


def _points_at(
    choice: Choice,
    backend: str,
    scenario: Scenario,
    place: Place,
    contenders: Sequence[Contender],
    timeout: str | None,
    varies: Sequence[Vary],
    *,
    named: bool,
) -> Iterator[StrategyPoint]:
    """Yield the points of one scenario on one backend: what else varies is the strategies' own."""
    here = dict(place)
    others = [one for one in varies if one.axis.name not in here]
    wider = backend_named(backend)
    for contender in contenders:
        own = [one for one in others if one.axis.name in contender.axes]
        for texts in product(*(one.texts for one in own)):
            chosen = {one.axis.name: text for one, text in zip(own, texts, strict=True)}
            strategy = _strategy(choice, contender.text, backend, chosen.get(TIMEOUT, timeout), own, chosen)
            if named:
                require_verbs(wider, strategy)
            if not wider.lacks(strategy):
                check(scenario, strategy, 1)
                at = tuple(_value(one, {**here, **chosen}) for one in varies)
                yield StrategyPoint(contender.label, backend, at, scenario, strategy)


def _value(vary: Vary, chosen: Mapping[str, str]) -> object:
    text = chosen.get(vary.axis.name)
    return EVERYWHERE if text is None else vary.axis.values[vary.texts.index(text)]


def _strategy(
    choice: Choice, text: str, backend: str, timeout: str | None, own: Sequence[Vary], chosen: Mapping[str, str]
) -> Strategy:
    default: dict[str, Any] = ({TIMEOUT: choice.timeout} if choice.has_timeout else {}) | default_timeout(backend)
    if timeout is not None:
        default = {TIMEOUT: choose_timeout(timeout)}
    settings = [f"{one.param}={chosen[one.axis.name]}" for one in own if one.strategy]
    return choose_strategy(_with_settings(text, settings), STRATEGIES, **default)


def _with_settings(text: str, settings: Sequence[str]) -> str:
    if not settings:
        return text
    has_some = "=" in text.rpartition(":")[2]
    return f"{text}{',' if has_some else ':'}{','.join(settings)}"


def _contenders(
    choice: Choice,
    strategies: Sequence[str] | None,
    backends: Sequence[str],
    timeout: str | None,
    varies: Sequence[Vary],
) -> list[Contender]:
    """Return what competes, each under a name that no other has."""
    texts = list(dict.fromkeys(strategies or STRATEGIES))
    for vary in varies:
        if vary.strategy and vary.strategy not in texts:
            raise UserError(
                f"--vary {one_line(vary.axis.name)}: {one_line(vary.strategy)} is not among the strategies: "
                f"add --strategy {one_line(vary.strategy)}"
            )
    found = []
    for text in texts:
        own = [one for one in varies if one.strategy == text]
        firsts = {one.axis.name: one.texts[0] for one in own}
        strategy = _strategy(choice, text, backends[0], timeout, own, firsts)
        known = parameters(strategy)
        axes = {one.axis.name for one in own} | ({TIMEOUT} if TIMEOUT in known else set())
        if any(one.axis.name == TIMEOUT for one in varies):
            _check_timeout(text, strategy, own, named=bool(strategies))
        varied = {one.param for one in own} | ({TIMEOUT} if any(one.axis.name == TIMEOUT for one in varies) else set())
        found.append((text, strategy_label(strategy, varied), frozenset(axes)))
    names = Counter(label.partition(":")[0] for _, label, _ in found)
    return [
        Contender(text, label if names[name := label.partition(":")[0]] > 1 else name, axes)
        for text, label, axes in found
    ]


def _check_timeout(text: str, strategy: Strategy, own: Sequence[Vary], *, named: bool) -> None:
    """Refuse a timeout that varies where a strategy has none, or names its own."""
    if TIMEOUT not in parameters(strategy):
        if named and strategy_name(strategy) not in BOUNDS:
            raise UserError(f"--vary timeout: {one_line(text)} has no timeout, so nothing would change; leave it out")
        return
    if f"{TIMEOUT}=" in text or any(one.param == TIMEOUT for one in own):
        raise UserError(f"--vary timeout: {one_line(text)} names a timeout of its own; give one of the two")


def _check_axes(
    scenario: Scenario, strategies: Sequence[str] | None, timeout: str | None, varies: Sequence[Vary]
) -> None:
    """Refuse axes that there are not, are there twice, or that nothing depends on."""
    names = [one.axis.name for one in varies]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"--vary {one_line(twice[0])} is there twice: give all of its values in one")
    if timeout is not None and TIMEOUT in names:
        raise UserError("--timeout and --vary timeout exclude each other")
    for vary in varies:
        if vary.strategy:
            continue
        if vary.axis.name in FIXED or vary.axis.name not in {*DEFAULTS, TIMEOUT}:
            hint = " (a parameter of a strategy is NAME:param)" if strategies else ""
            raise UserError(f"--vary: {unknown('field', vary.axis.name, {*DEFAULTS, TIMEOUT} - {*FIXED})}{hint}")
        _check_depends(scenario, vary.axis.name, names)


def _check_depends(scenario: Scenario, name: str, names: Sequence[str]) -> None:
    """Refuse a field of the scenario that the traffic has no use for."""
    if scenario.trace is not None and name in load_trace(scenario.trace).fields:
        raise UserError(f"--vary {name}: it comes from the trace, so nothing would change; leave it out")
    no_writes = scenario.writes_per_s == 0 and scenario.trace is None and "writes_per_s" not in names
    if no_writes and name in NEEDS_WRITES:
        raise UserError(f"--vary {name}: there are no writes (writes_per_s=0), so nothing would change; leave it out")


def _check_keys(points: Sequence[StrategyPoint]) -> None:
    """Refuse a trace of which a backend refuses a key."""
    for scenario in dict.fromkeys(point.scenario for point in points if point.scenario.trace):
        workload = build_workload(scenario, 1)
        ours = [point for point in points if point.scenario == scenario]
        for name in dict.fromkeys(point.backend for point in ours):
            require_keys(backend_named(name), [one.strategy for one in ours if one.backend == name], workload)
