"""The verb `list`: what there is to choose from, each with a line about it."""

from enum import StrEnum
from typing import Annotated

import typer


class Listing(StrEnum):
    """What `list` lists."""

    SCENARIOS = "scenarios"
    STRATEGIES = "strategies"
    BACKENDS = "backends"


def list_(what: Annotated[Listing, typer.Argument(help="what to list")]) -> None:
    """List the scenarios, the strategies or the backends."""
    listed = {Listing.SCENARIOS: _scenarios, Listing.STRATEGIES: _strategies, Listing.BACKENDS: _backends}
    for name, text in listed[what]():
        typer.echo(f"{name}\n    {text}")


def _scenarios() -> list[tuple[str, str]]:
    """Return the scenarios that come with cachewise, with their reasons."""
    from .choose import choose_scenario, scenario_names

    return [(name, choose_scenario(name).scenario.why) for name in scenario_names()]


def _strategies() -> list[tuple[str, str]]:
    """Return the strategies as ``name:param=default,...``, with the first lines of their docstrings."""
    from ...strategies import STRATEGIES
    from .choose import parameters_of

    listed = []
    for name, strategy in STRATEGIES.items():
        params = ",".join(f"{param}={default}" for param, default in parameters_of(strategy).items())
        listed.append((f"{name}:{params}" if params else name, str(strategy.__doc__).splitlines()[0]))
    return listed


def _backends() -> list[tuple[str, str]]:
    """Return the backends, with what they are."""
    from ..backends import BACKENDS

    return [(one.name, one.what) for one in BACKENDS.values()]
