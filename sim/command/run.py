"""The verb `run`: a scenario is simulated, or a project of one's own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UserError, file_name
from . import options
from .exit_codes import show_own_frames
from .results import report, simulate
from .sweep import SweepWishes, make_grid, run_sweep

if TYPE_CHECKING:
    from ..app.found import Experiment


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
    vary: options.Vary = None,
    precision: options.Precision = None,
    max_seeds: options.MaxSeeds = None,
    limit: options.Limits = None,
    cluster: options.Cluster = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    retry_failed: options.RetryFailed = False,
    variant: options.Variants = None,
    database: options.Database = None,
    refill: options.Refill = False,
    keep_reads: options.KeepReads = False,
) -> None:
    """Simulate a scenario, and say which strategy to choose.

    With --out it also draws charts and writes a page. With --vary it is a sweep: all combinations of what varies. Each
    run lands in the --out folder as it ends, and cachewise resume FOLDER goes on with a sweep that was interrupted.

    A file that has APP = App("shop.settings") is an experiment of your own Django project, whose code runs as it is:
    cachewise init --app shop.settings writes one. It takes --variant, --database and --refill, and --set for times,
    machines and latencies.
    """
    from ..experiment import default_processes
    from .choose import choose_backends, scenario_of
    from .estimate import estimated
    from .plan import make_plan

    show_own_frames(traceback)
    experiment = own_app(scenario)
    asked = SweepWishes(vary or (), precision, max_seeds, limit or (), cluster, yes, dry_run, retry_failed)
    refuse_options(context.params, scenario, OF_SCENARIOS if experiment else OF_APPS)
    if experiment is not None:
        from .app import run_app, wishes_of
        from .sweep_app import run_app_sweep

        wishes = wishes_of(variant, backend, database, seed, seeds, settings, duration, jobs, out, form, refill=refill)
        if asked.any:
            require_one_way(seed)
            run_app_sweep(experiment, wishes, asked, context)
        else:
            run_app(experiment, wishes, context)
        return
    choice = scenario_of(scenario, settings, duration, trace)
    backends = choose_backends(backend, backend_settings, settings_module)
    if asked.any:
        require_one_way(seed)
        grid = make_grid(choice, strategy, backends, timeout, seeds, asked)
        side_by_side = jobs or default_processes()
        run_sweep(grid, side_by_side, out, form, asked, context, lambda: estimated(grid, side_by_side))
        return
    plan = make_plan(choice, strategy, backends, timeout, seed=seed, seeds=seeds)
    report(plan, simulate(plan.runs, jobs, out, keep_reads=keep_reads), form, out, context)


_ITS_CACHES = "an own app runs on the kinds of its own CACHES, or with --backend NAME"
_APP_ALONE = "it goes with the file of an own app, which has APP"
# What the other kind of file does not take, by the parameter: the option, and what to do instead.
OF_SCENARIOS = {
    "strategy": ("--strategy", "the contenders of an own app are its variants: --variant NAME"),
    "backend_settings": ("--backend-settings", _ITS_CACHES),
    "settings_module": ("--settings", _ITS_CACHES),
    "trace": ("--trace", "the functions of an own app make its traffic: per_s=, args=, popularity="),
    "keep_reads": ("--keep-reads", "reads of an own app are whole responses, which are not kept"),
    "timeout": ("--timeout", "an own app has variants: APP.variant('60 s', timeouts={'*': 60})"),
}
OF_APPS = {name: (f"--{name}", _APP_ALONE) for name in ("variant", "database", "refill")}


def own_app(target: str) -> "Experiment | None":
    """Return the experiment that *target* names, if it is one of an own app: a file, or one that comes with cachewise.

    Raises:
        UserError: if what must be known before the file can be imported is not written down in it.
    """
    from ..app.found import experiment_at
    from .choose import app_files

    experiment = experiment_at(str(app_files().get(target, target)))
    return None if experiment is None else replace(experiment, shown=target)


def require_one_way(seed: int | None) -> None:
    """Make sure that a sweep is not asked for one seed.

    Raises:
        UserError: if it is.
    """
    if seed is not None:
        raise UserError("--seed: a sweep runs seeds 1 to K: --seeds K")


def refuse_options(typed: Mapping[str, Any], target: str, others: Mapping[str, tuple[str, str]]) -> None:
    """Refuse what was *typed* that *target* does not take, with what to do instead.

    Raises:
        UserError: if anything was.
    """
    for name, (option, instead) in others.items():
        if typed.get(name):
            raise UserError(f"{file_name(target)} takes no {option}: {instead}")
