"""Provenance: every input with its origin, and what is needed to run it again."""

import os
import platform
from collections.abc import Collection, Sequence
from dataclasses import fields
from importlib import metadata
from pathlib import PurePath
from typing import Any, NamedTuple

from ..sim.app.description import MEANINGLESS
from ..sim.application import AS_IT_IS, NO_CACHE
from ..sim.backends import backend_named
from ..sim.backends.entries import is_own
from ..sim.experiment import strategy_spec
from ..sim.own.homes import home_of
from ..sim.own.sources import Source
from ..sim.world.scenario import DEFAULTS, LATENCIES, MEANINGS
from .frames import Case

VARIANTS_ALWAYS = {
    AS_IT_IS: "the project unchanged; all others are compared with it",
    NO_CACHE: "no copy is ever found in a cache, stores are kept; savings are counted against it",
}
PACKAGES = ("cachewise", "Django", "simpy", "greenlet", "numpy", "pandas")


class Input(NamedTuple):
    """One input of a case: `origin` is a key of `ORIGINS`."""

    name: str
    value: str
    origin: str
    meaning: str


ORIGINS = {
    "yours": "you set it, with an option or in your own file",
    "trace": "it was recorded in the trace",
    "default": "cachewise chose it, for all scenarios or in a scenario that it ships",
}


def inputs(case: Case, yours: Collection[str] | None) -> list[Input]:
    """Return every input of a case.

    *yours* names the scenario fields, "strategies", "timeout", "backend" and "seeds" that were set for this run; None
    means all that differ from their defaults.
    """
    changed = _changed(case) if yours is None else yours
    scenario, from_trace = case.scenario, case.outcomes[0].trace_fields
    found = []
    for one in fields(scenario):
        if case.of_project and one.name in MEANINGLESS:
            continue
        origin = "trace" if one.name in from_trace else _origin(yours=one.name in changed)
        value = _shown(case, one.name, getattr(scenario, one.name), origin)
        found.append(Input(one.name, value, origin, MEANINGS[one.name]))
    return [*found, *_around_the_scenario(case, changed)]


def _around_the_scenario(case: Case, changed: Collection[str]) -> list[Input]:
    seeds = ", ".join(map(str, case.seeds))
    what = backend_named(case.backend).what if case.knows_backend else "what the project's CACHES say"
    found = [
        Input("backend", case.backend, _origin(yours="backend" in changed), what),
        Input("seeds", seeds, _origin(yours="seeds" in changed), f"one run of every {case.kind.one} a seed"),
    ]
    if case.of_project:
        return [
            *found,
            *(
                Input("variant", name, _origin(yours=name not in VARIANTS_ALWAYS), VARIANTS_ALWAYS.get(name, ""))
                for name in case.by_strategy
            ),
        ]
    for group in case.by_strategy.values():
        strategy = group[0].run.strategy
        set_by_user = "strategies" in changed or ("timeout" in changed and hasattr(strategy, "timeout"))
        meaning = (strategy.__doc__ or "").partition("\n")[0]
        home = home_of(strategy)
        meaning = f"{home.origin}: {meaning}" if home and meaning else home.origin if home else meaning
        found.append(Input("strategy", strategy_spec(strategy), _origin(yours=set_by_user), meaning))
    return found


def _origin(*, yours: bool) -> str:
    return "yours" if yours else "default"


def _changed(case: Case) -> set[str]:
    values = {one.name: getattr(case.scenario, one.name) for one in fields(case.scenario)}
    changed = {name for name, value in values.items() if name not in DEFAULTS or value != DEFAULTS[name]}
    return changed | {"strategies", "backend", "seeds"}


def _shown(case: Case, name: str, value: Any, origin: str) -> str:
    if origin == "trace":
        return "as recorded in the trace"
    if name == "trace" and value is not None:
        return PurePath(value).name  # the folders above it are private
    if case.on_the_wall_clock and name in LATENCIES and name not in case.outcomes[0].slept:
        return "as it was: nothing added"
    if value == "auto":
        return f"auto: {_automatic(case, name)} on {case.backend}"
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)


def own_files(found: Sequence[Case]) -> list[Source]:
    """Return the user's own files that contain strategies of these cases, each once."""
    homes = [home_of(group[0].run.strategy) for case in found for group in case.by_strategy.values()]
    return list(dict.fromkeys(home.source for home in homes if home is not None and home.source is not None))


def _automatic(case: Case, name: str) -> str:
    if not case.knows_backend:
        return "as usual"
    backend = backend_named(case.backend)
    if name == "cache_rtt_s":
        return str(backend.auto_rtt_s)
    return "as in OPTIONS" if is_own(case.backend) else str(backend.auto_max_entries or "no limit")


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
