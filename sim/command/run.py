"""The verb `run`: a scenario is simulated."""

from typing import Annotated

import typer

from . import options
from .results import report, simulate


def run(
    context: typer.Context,
    scenario: options.Target,
    strategy: options.StrategyNames = None,
    backend: Annotated[list[str] | None, typer.Option(metavar="NAME", help=options.ON_BACKEND.format("shared"))] = None,
    backend_settings: options.BackendFiles = None,
    settings_module: options.SettingsModules = None,
    seed: options.Seed = None,
    seeds: options.Seeds = None,
    settings: options.Fields = None,
    trace: options.TracePath = None,
    timeout: options.Timeout = None,
    duration: options.Duration = None,
    out: options.Out = None,
    form: options.Form = options.Format.TABLE,
    jobs: options.Jobs = 0,
) -> None:
    """Simulate a scenario, and say which strategy to choose.

    With --out it also draws charts and writes a page.
    """
    from .plan import backends_of, plan, settled

    choice = settled(scenario, settings, duration, trace)
    backends = backends_of(backend, backend_settings, settings_module)
    todo = plan(choice, strategy, backends, timeout, seed=seed, seeds=seeds)
    report(todo, simulate(todo.runs, jobs, out), form, out, context)
