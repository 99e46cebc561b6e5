"""The verb `run`: a scenario is simulated, or a project of one's own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer

from ..errors import UserError, file_name
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
    variant: options.Variants = None,
    database: options.Database = None,
    refill: options.Refill = False,
) -> None:
    """Simulate a scenario, and say which strategy to choose.

    With --out it also draws charts and writes a page. A file that has APP = App("shop.settings") is an experiment of
    your own Django project, whose code runs as it is: cachewise init --app shop.settings writes one. It takes
    --variant, --database and --refill, and --set for times, machines and latencies.
    """
    from ..app.found import experiment_at
    from .choose import app_files, choose_backends, scenario_of
    from .plan import make_plan

    show_own_frames(traceback)
    experiment = experiment_at(str(app_files().get(scenario, scenario)))
    if experiment is not None:
        experiment = replace(experiment, shown=scenario)
        from .app import run_app, wishes_of

        of_scenarios = {
            "--strategy": strategy,
            "--backend-settings": backend_settings,
            "--settings": settings_module,
            "--trace": trace,
            "--timeout": timeout,
        }
        refuse_options(of_scenarios, experiment.shown)
        wishes = wishes_of(variant, backend, database, seed, seeds, settings, duration, jobs, out, form, refill=refill)
        run_app(experiment, wishes, context)
        return
    refuse_options({"--variant": variant, "--database": database, "--refill": refill}, scenario)
    choice = scenario_of(scenario, settings, duration, trace)
    backends = choose_backends(backend, backend_settings, settings_module)
    plan = make_plan(choice, strategy, backends, timeout, seed=seed, seeds=seeds)
    report(plan, simulate(plan.runs, jobs, out), form, out, context)


_INSTEAD = {
    "--strategy": "its contenders are its variants: --variant NAME",
    "--backend-settings": "without --backend it runs on the kinds of its own CACHES",
    "--settings": "without --backend it runs on the kinds of its own CACHES",
    "--trace": "its functions make its traffic: per_s=, args=, popularity=",
    "--timeout": "write a variant: APP.variant('60 s', timeouts={'*': 60})",
}


def refuse_options(typed: Mapping[str, Any], target: str) -> None:
    """Refuse what was *typed* of these options, with what to use instead: they do not go with *target*.

    Raises:
        UserError: if any was.
    """
    for option, value in typed.items():
        if value and option in _INSTEAD:
            raise UserError(f"{option}: {file_name(target)} is an own app; {_INSTEAD[option]}")
        if value:
            raise UserError(
                f"{option}: {file_name(target)} is a scenario; {option} goes with the file of an own app, which has APP"
            )
