"""The plan: what to run, from the options of the command line."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .backends import able, backend_named, require_verbs
from .backends.entries import SETTINGS, default_timeout
from .choose import Choice, choose_strategy, choose_timeout
from .contract import Strategy
from .errors import UserError, file_name, one_line
from .experiment import Outcome
from .result import Run
from .scenario import DEFAULTS


def seeds_of(seed: int | None, seeds: int | None) -> list[int]:
    """Return the seeds to run: one, or 1 to *seeds*.

    Raises:
        UserError: where both are given.
    """
    if seed is not None and seeds is not None:
        raise UserError("--seed and --seeds exclude each other: --seed N is one run, --seeds K runs seeds 1 to K")
    return [1 if seed is None else seed] if seeds is None else list(range(1, seeds + 1))


def with_duration(settings: Sequence[str] | None, duration_s: float | None) -> list[str]:
    """Return the scenario's settings with those that ``--duration`` stands for.

    Raises:
        UserError: for a duration that is none.
    """
    if duration_s is not None and not 0 < duration_s < math.inf:
        raise UserError(f"--duration {duration_s:g}: it must be seconds, more than 0")
    if duration_s is not None and any(text.partition("=")[0].strip() == "duration_s" for text in settings or ()):
        raise UserError(f"--duration {duration_s:g} and --set duration_s=... are the same: give one of them")
    return [*(settings or []), *([] if duration_s is None else [f"duration_s={duration_s!r}"])]


def backends_of(
    names: Sequence[str] | None, files: Sequence[str] | None, settings_modules: Sequence[str] | None
) -> list[str]:
    """Return all backends that were asked for, as `sim.backends.backend_named` takes them.

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


def planned(
    choice: Choice,
    known: Mapping[str, type[Strategy]],
    strategies: Sequence[str],
    backends: Sequence[str],
    seeds: Sequence[int],
    timeout: str | None,
) -> list[Run]:
    """Return the runs: strategies (all *known* if none is named) x backends x seeds.

    Raises:
        UserError: for an unknown name or parameter.
    """
    runs = []
    for where in map(backend_named, dict.fromkeys(backends)):
        default = ({"timeout": choice.timeout} if choice.has_timeout else {}) | default_timeout(where.name)
        if timeout is not None:
            default = {"timeout": choose_timeout(timeout)}
        chosen = [choose_strategy(text, known, **default) for text in strategies or list(known)]
        for strategy in dict.fromkeys(chosen):
            if strategies:
                require_verbs(where, strategy)
            if not where.lacks(strategy):
                runs += [Run(choice.scenario, strategy, where.name, seed) for seed in seeds]
    return runs


def left_out(known: Mapping[str, type[Strategy]], strategies: Sequence[str], backends: Sequence[str]) -> list[str]:
    """Return a line for each of the *known* strategies that `planned` leaves out, as a cache cannot run it."""
    found = []
    for strategy in () if strategies else known.values():
        without = [name for name in dict.fromkeys(backends) if backend_named(name).lacks(strategy)]
        if without:
            verbs = ", ".join(f"cache.{verb}()" for verb in backend_named(without[0]).lacks(strategy))
            has = " or ".join(able(strategy)) or "none"
            found.append(
                f"left out on {', '.join(without)}: {strategy.name}, which needs {verbs}: backend {has} has it"
            )
    return found


def note_timeouts(outcomes: Sequence[Outcome], choice: Choice, timeout: str | None) -> None:
    """Add a note to the outcomes whose timeout is neither the scenario's nor ``--timeout``, but a CACHES entry's."""
    for one in outcomes:
        theirs = {} if timeout is not None else default_timeout(one.run.backend)
        if theirs and getattr(one.run.strategy, "timeout", _NONE) == theirs["timeout"]:
            instead = choice.has_timeout and choice.timeout != theirs["timeout"]
            other = f", which goes before the scenario's own {choice.timeout}" if instead else ""
            one.notes.append(f"the timeout of {theirs['timeout']} is the TIMEOUT of `{one.run.backend}`{other}")


_NONE = object()


def set_by_user(choice: Choice, settings: Sequence[str], given: Mapping[str, Any]) -> set[str]:
    """Return the inputs that the user, not cachewise or a scenario that it ships, has set."""
    own = {text.partition("=")[0].strip() for text in settings} | {name for name, value in given.items() if value}
    if given.get("backend") and all(map(default_timeout, given["backend"])):
        own.add("timeout")
    if choice.own_file:
        own |= {name for name, default in DEFAULTS.items() if getattr(choice.scenario, name) != default}
        own |= {"name", "why"} | ({"timeout"} if choice.has_timeout else set())
    return own
