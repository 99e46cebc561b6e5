"""What `cachewise list` lists: names, each with a line about it."""

from collections.abc import Mapping
from pathlib import Path

from .backends import BACKENDS
from .choose import choose_scenario, parameters_of, scenario_names
from .contract import Strategy


def scenarios(folder: Path) -> list[tuple[str, str]]:
    """Return the scenarios in *folder*, with their reasons."""
    return [(name, choose_scenario(name, folder).scenario.why) for name in scenario_names(folder)]


def strategies(known: Mapping[str, type[Strategy]]) -> list[tuple[str, str]]:
    """Return the strategies as ``name:param=default,...``, with the first lines of their docstrings."""
    listed = []
    for name, strategy in known.items():
        params = ",".join(f"{param}={default}" for param, default in parameters_of(strategy).items())
        listed.append((f"{name}:{params}" if params else name, str(strategy.__doc__).splitlines()[0]))
    return listed


def backends() -> list[tuple[str, str]]:
    """Return the backends, with what they are."""
    return [(one.name, one.what) for one in BACKENDS.values()]
