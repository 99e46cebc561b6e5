"""The plan: what to run, from the options of the command line."""

from collections.abc import Mapping, Sequence
from typing import Any

from sim.backends import backend_named
from sim.choose import Choice, choose_strategy, choose_timeout
from sim.contract import Strategy
from sim.errors import UserError
from sim.result import Run
from sim.scenario import DEFAULTS


def seeds_of(seed: int | None, seeds: int | None) -> list[int]:
    """Return the seeds to run: one, or 1 to *seeds*.

    Raises:
        UserError: where both are given.
    """
    if seed is not None and seeds is not None:
        raise UserError("--seed and --seeds exclude each other: --seed N is one run, --seeds K runs seeds 1 to K")
    return [1 if seed is None else seed] if seeds is None else list(range(1, seeds + 1))


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
    default = {"timeout": choice.timeout} if choice.has_timeout else {}
    if timeout is not None:
        default = {"timeout": choose_timeout(timeout)}
    chosen = [choose_strategy(text, known, **default) for text in strategies or list(known)]
    names = [backend_named(name).name for name in backends]
    return [
        Run(choice.scenario, strategy, name, seed)
        for name in dict.fromkeys(names)
        for strategy in dict.fromkeys(chosen)
        for seed in seeds
    ]


def set_by_user(choice: Choice, settings: Sequence[str], given: Mapping[str, Any]) -> set[str]:
    """Return the inputs that the user, not cachewise or a scenario that it ships, has set."""
    own = {text.partition("=")[0].strip() for text in settings} | {name for name, value in given.items() if value}
    if choice.own_file:
        own |= {name for name, default in DEFAULTS.items() if getattr(choice.scenario, name) != default}
        own |= {"name", "why"} | ({"timeout"} if choice.has_timeout else set())
    return own
