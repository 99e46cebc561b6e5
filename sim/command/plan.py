"""The plan: what to run, from the options of the command line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...strategies import STRATEGIES
from ..backends import able, backend_named, require_verbs
from ..backends.entries import SETTINGS, default_timeout
from ..errors import UserError, file_name, one_line
from ..experiment import Outcome
from ..verdict.result import Run
from ..world.scenario import DEFAULTS
from .choose import Choice, choose_scenario, choose_settings, choose_strategy, choose_timeout, with_trace


@dataclass(frozen=True)
class Plan:
    """What is to be run, and of what: the names and the timeout are as they were typed.

    No name of a strategy stands for all of them. `given` says which of the options were typed.
    """

    choice: Choice
    strategies: Sequence[str]
    backends: Sequence[str]
    timeout: str | None
    given: frozenset[str]
    runs: list[Run]


def settled(target: str, settings: Sequence[str] | None, duration_s: float | None, trace: str | None) -> Choice:
    """Return the scenario at *target* with ``--trace`` applied, and then ``--set`` and ``--duration``.

    Raises:
        UserError: for what is no scenario, trace, setting or duration.
    """
    texts = _with_duration(settings, duration_s)
    choice = choose_scenario(target)
    scenario = choice.scenario if trace is None else with_trace(choice.scenario, trace)
    changed = choose_settings(texts)
    given = {*changed, *([] if trace is None else ["trace"])}
    return replace(choice, scenario=scenario.with_settings(changed), given=frozenset(given))


def _with_duration(settings: Sequence[str] | None, duration_s: float | None) -> list[str]:
    """Return the scenario's settings with those that ``--duration`` stands for."""
    if duration_s is not None and not 0 < duration_s < math.inf:
        raise UserError(f"--duration {duration_s:g}: it must be seconds, more than 0")
    if duration_s is not None and any(text.partition("=")[0].strip() == "duration_s" for text in settings or ()):
        raise UserError(f"--duration {duration_s:g} and --set duration_s=... are the same: give one of them")
    return [*(settings or []), *([] if duration_s is None else [f"duration_s={duration_s!r}"])]


def backends_of(
    names: Sequence[str] | None, files: Sequence[str] | None, settings_modules: Sequence[str] | None
) -> list[str]:
    """Return all backends that were asked for, as `cachewise.sim.backends.backend_named` takes them.

    Raises:
        UserError: for a file that is no TOML, or a module that is a file.
    """
    for file in files or ():
        if not file.endswith(".toml"):
            raise UserError(
                f"--backend-settings {file_name(file)}: it must be a TOML file, FILE.toml; "
                "a settings module goes with --settings MODULE"
            )
    for named in settings_modules or ():
        module, colon, alias = named.partition(":")
        if module.endswith((".py", ".toml")) or "/" in module:
            relative = module.removeprefix("./").removesuffix(".py")
            dotted = relative.replace("/", ".") if relative[:1] not in "/." else "shop.settings for shop/settings.py"
            right = f"--backend-settings {module}" if module.endswith(".toml") else f"--settings {dotted}{colon}{alias}"
            raise UserError(f"--settings {file_name(named)} is a file, not a module; write {one_line(right)}")
    return [*(names or ()), *(files or ()), *(f"{SETTINGS}{module}" for module in settings_modules or ())]


def plan(
    choice: Choice,
    strategies: Sequence[str] | None,
    backends: Sequence[str],
    timeout: str | None,
    *,
    seed: int | None = None,
    seeds: int | None = None,
    usual: Sequence[str] = ("shared",),
) -> Plan:
    """Return the plan of strategies (all if none is named) x backends (the *usual* ones if none is named) x seeds.

    Raises:
        UserError: for an unknown name or parameter, or where both *seed* and *seeds* are given.
    """
    numbers = _seeds_of(seed, seeds)
    typed = {"strategies": strategies, "backend": backends, "timeout": timeout, "seeds": seeds or seed is not None}
    given = frozenset(name for name, value in typed.items() if value)
    where = backends or usual
    runs = _runs(choice, strategies or [], where, numbers, timeout)
    return Plan(choice, strategies or [], where, timeout, given, runs)


def _seeds_of(seed: int | None, seeds: int | None) -> Sequence[int]:
    """Return the seeds to run: one, or 1 to *seeds*."""
    if seed is not None and seeds is not None:
        raise UserError("--seed and --seeds exclude each other: --seed N is one run, --seeds K runs seeds 1 to K")
    return [1 if seed is None else seed] if seeds is None else range(1, seeds + 1)


def _runs(
    choice: Choice, strategies: Sequence[str], backends: Sequence[str], seeds: Sequence[int], timeout: str | None
) -> list[Run]:
    runs = []
    for where in map(backend_named, dict.fromkeys(backends)):
        default = ({"timeout": choice.timeout} if choice.has_timeout else {}) | default_timeout(where.name)
        if timeout is not None:
            default = {"timeout": choose_timeout(timeout)}
        chosen = [choose_strategy(text, STRATEGIES, **default) for text in strategies or list(STRATEGIES)]
        for strategy in dict.fromkeys(chosen):
            if strategies:
                require_verbs(where, strategy)
            if not where.lacks(strategy):
                runs += [Run(choice.scenario, strategy, where.name, seed) for seed in seeds]
    return runs


def left_out(todo: Plan) -> list[str]:
    """Return a line for each strategy that the plan leaves out, as a cache cannot run it."""
    found = []
    for strategy in () if todo.strategies else STRATEGIES.values():
        without = [name for name in dict.fromkeys(todo.backends) if backend_named(name).lacks(strategy)]
        if without:
            verbs = ", ".join(f"cache.{verb}()" for verb in backend_named(without[0]).lacks(strategy))
            has = " or ".join(able(strategy)) or "none"
            found.append(
                f"left out on {', '.join(without)}: {strategy.name}, which needs {verbs}: backend {has} has it"
            )
    return found


def note_timeouts(todo: Plan, outcomes: Sequence[Outcome]) -> None:
    """Add a note to the outcomes whose timeout is neither the scenario's nor ``--timeout``, but a CACHES entry's."""
    for one in outcomes:
        theirs = {} if todo.timeout is not None else default_timeout(one.run.backend)
        if theirs and getattr(one.run.strategy, "timeout", _NONE) == theirs["timeout"]:
            instead = todo.choice.has_timeout and todo.choice.timeout != theirs["timeout"]
            other = f", which goes before the scenario's own {todo.choice.timeout}" if instead else ""
            one.notes.append(f"the timeout of {theirs['timeout']} is the TIMEOUT of `{one.run.backend}`{other}")


_NONE = object()


def set_by_user(todo: Plan) -> set[str]:
    """Return the inputs that the user, not cachewise or a scenario that it ships, has set."""
    choice, own = todo.choice, {*todo.choice.given, *todo.given}
    if "backend" in own and all(map(default_timeout, todo.backends)):
        own.add("timeout")
    if choice.own_file:
        own |= {name for name, default in DEFAULTS.items() if getattr(choice.scenario, name) != default}
        own |= {"name", "why"} | ({"timeout"} if choice.has_timeout else set())
    return own
