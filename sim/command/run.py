"""The verb `run`: a scenario is simulated."""

from typing import Annotated

import typer

from . import options
from .exit_codes import show_own_frames
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
    traceback: options.Traceback = False,
    jobs: options.Jobs = 0,
) -> None:
    """Simulate a scenario, and say which strategy to choose.

    With --out it also draws charts and writes a page.
    """
    from .choose import choose_backends, scenario_of
    from .plan import make_plan

    show_own_frames(traceback)
    choice = scenario_of(scenario, settings, duration, trace)
    backends = choose_backends(backend, backend_settings, settings_module)
    plan = make_plan(choice, strategy, backends, timeout, seed=seed, seeds=seeds)
    report(plan, simulate(plan.runs, jobs, out), form, out, context)
