"""Provenance: every input with where it came from, and what a rerun needs."""

import os
import platform
from collections.abc import Collection
from dataclasses import fields
from importlib import metadata
from pathlib import PurePath
from typing import Any, NamedTuple

from reports.frames import Case
from sim.experiment import strategy_spec
from sim.scenario import DEFAULTS, MEANINGS

PACKAGES = ("cachewise", "Django", "simpy", "greenlet", "numpy", "pandas")


class Input(NamedTuple):
    """One input of a scenario: `origin` is "yours", "trace" or "default"."""

    name: str
    value: str
    origin: str
    meaning: str


def inputs(case: Case, yours: Collection[str]) -> list[Input]:
    """Return every input of a case; *yours* names the fields that were set for this run."""
    scenario, from_trace = case.scenario, case.outcomes[0].trace_fields
    found = []
    for one in fields(scenario):
        value, origin = getattr(scenario, one.name), "default"
        if one.name in from_trace:
            origin = "trace"
        elif one.name in yours or one.name not in DEFAULTS or value != DEFAULTS[one.name]:
            origin = "yours"
        found.append(Input(one.name, _shown(case, one.name, value, origin), origin, MEANINGS[one.name]))
    return found


def _shown(case: Case, name: str, value: Any, origin: str) -> str:
    if origin == "trace":
        return "as recorded in the trace"
    if name == "trace" and value is not None:
        return PurePath(value).name  # the folders above it are nobody's business
    if name == "cache_rtt_s" and value == "auto":
        return f"auto: {case.scenario.cache_rtt_on(case.backend)} on {case.backend}"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


def strategies(case: Case) -> list[str]:
    """Return every strategy with all its parameters, as `--strategy` takes it."""
    return [strategy_spec(group[0].run.strategy) for group in case.by_strategy.values()]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages a result depends on."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def machine() -> str:
    """Return the kind of machine, without its name."""
    cores = os.cpu_count() or 1
    return f"{platform.system()} {platform.release()}, {platform.machine()}, {cores} core{'s' if cores > 1 else ''}"
