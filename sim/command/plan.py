"""Makes the plan of what to run from the options of the command line."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...strategies import STRATEGIES
from ..backends import able, backend_named, require_verbs
from ..backends.entries import default_timeout
from ..contract import Strategy
from ..declared import strategy_name
from ..errors import UserError
from ..experiment import Outcome, strategy_spec
from ..verdict.result import Run
from ..world.scenario import DEFAULTS
from ..world.seeds import DEFAULT_SEED
from .choose import Choice, choose_timeout
from .choose_strategy import choose_strategy


@dataclass(frozen=True)
class Plan:
    """The runs, and the options that they come from: the names and the timeout are as they were typed.

    An empty list of strategies means all; in Python, a strategy can be an instance. `given` names the inputs that an
    option has set.
    """

    choice: Choice
    strategies: Sequence[str | Strategy]
    backends: Sequence[str]
    timeout: str | None
    given: frozenset[str]
    runs: list[Run]


def make_plan(
    choice: Choice,
    strategies: Sequence[str | Strategy] | None,
    backends: Sequence[str],
    timeout: str | None,
    *,
    seed: int | None = None,
    seeds: int | Sequence[int] | None = None,
    default_backends: Sequence[str] = ("shared",),
) -> Plan:
    """Return the plan of strategies (all if none is named) x backends x seeds: *seed*, or *seeds*, K for 1 to K.

    Raises:
        UserError: for an unknown name or parameter, or if both *seed* and *seeds* are given.
    """
    numbers = seeds_of(seed, seeds)
    given = choice.given | typed_inputs(strategies, backends, timeout, seeds or seed is not None)
    where = backends or default_backends
    runs = _runs(choice, strategies or [], where, numbers, timeout)
    return Plan(choice, strategies or [], where, timeout, given, runs)


def typed_inputs(strategies: object, backends: object, timeout: object, seeds: object) -> set[str]:
    """Return which of these inputs an option has set."""
    typed = {"strategies": strategies, "backend": backends, "timeout": timeout, "seeds": seeds}
    return {name for name, value in typed.items() if value}


def seeds_of(seed: int | None, seeds: int | Sequence[int] | None) -> Sequence[int]:
    """Return the seeds to run: one, 1 to *seeds*, or just these."""
    if seed is not None and seeds is not None:
        raise UserError("--seed and --seeds exclude each other: --seed N is one run, --seeds K runs seeds 1 to K")
    if seeds is None:
        return [DEFAULT_SEED if seed is None else seed]
    return range(1, seeds + 1) if isinstance(seeds, int) else seeds


def _runs(
    choice: Choice,
    strategies: Sequence[str | Strategy],
    backends: Sequence[str],
    seeds: Sequence[int],
    timeout: str | None,
) -> list[Run]:
    runs = []
    for where in map(backend_named, dict.fromkeys(backends)):
        default = ({"timeout": choice.timeout} if choice.has_timeout else {}) | default_timeout(where.name)
        if timeout is not None:
            default = {"timeout": choose_timeout(timeout)}
        chosen = [
            choose_strategy(one, STRATEGIES, **default) if isinstance(one, str) else one
            for one in strategies or list(STRATEGIES)
        ]
        for strategy in {strategy_spec(one): one for one in chosen}.values():
            if strategies:
                require_verbs(where, strategy)
            if not where.lacks(strategy):
                runs += [Run(choice.scenario, strategy, where.name, seed) for seed in seeds]
    return runs


def left_out(plan: Plan) -> list[str]:
    """Return a line for each strategy that the plan leaves out because a backend's cache cannot run it."""
    found = []
    for strategy in () if plan.strategies else STRATEGIES.values():
        without = [name for name in dict.fromkeys(plan.backends) if backend_named(name).lacks(strategy)]
        if without:
            verbs = ", ".join(f"cache.{verb}()" for verb in backend_named(without[0]).lacks(strategy))
            has = " or ".join(able(strategy)) or "none"
            name = strategy_name(strategy)
            found.append(f"left out on {', '.join(without)}: {name}, which needs {verbs}: backend {has} has it")
    return found


def note_timeouts(plan: Plan, outcomes: Sequence[Outcome]) -> None:
    """Add a note to the outcomes whose timeout comes from a CACHES entry."""
    for one in outcomes:
        theirs = {} if plan.timeout is not None else default_timeout(one.run.backend)
        if theirs and getattr(one.run.strategy, "timeout", _NONE) == theirs["timeout"]:
            instead = plan.choice.has_timeout and plan.choice.timeout != theirs["timeout"]
            other = f", which goes before the scenario's own {plan.choice.timeout}" if instead else ""
            one.notes.append(f"the timeout of {theirs['timeout']} is the TIMEOUT of `{one.run.backend}`{other}")


_NONE = object()


def set_by_user(plan: Plan) -> set[str]:
    """Return the inputs that the user has set, rather than cachewise or one of its scenarios."""
    choice, own = plan.choice, {*plan.given}
    if "backend" in own and all(map(default_timeout, plan.backends)):
        own.add("timeout")
    if choice.own_file:
        own |= {name for name, default in DEFAULTS.items() if getattr(choice.scenario, name) != default}
        own |= {"name", "why"} | ({"timeout"} if choice.has_timeout else set())
    return own
