"""The verb `run`: simulates a scenario, or a project of the user's own."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UserError, file_name
from . import options
from .exit_codes import show_own_frames
from .results import reads_aside, report, simulate
from .sweep import Setting, SweepWishes, run_strategies

if TYPE_CHECKING:
    from ..app.found import Experiment


ABOUT_RUN = """\b
Examples:
  cachewise run product_list
  cachewise run product_list --timeout 10m --seeds 5
  cachewise run product_list --strategy ttl-only \\
    --vary timeout=30s,1m,10m --out out/sweep
"""


def run(
    context: typer.Context,
    scenario: options.Target,
    strategy: options.StrategyNames = None,
    backend: Annotated[list[str] | None, options.on_backends("shared")] = None,
    backend_settings: options.BackendFiles = None,
    settings_module: options.SettingsModules = None,
    seed: options.Seed = None,
    seeds: options.Seeds = None,
    settings: options.Fields = None,
    trace: options.TracePath = None,
    trace_columns: options.TraceColumns = None,
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

    With --out it also draws charts and writes a page. With --vary it is a sweep, which runs all combinations of values.
    Each run is saved in the --out folder as it ends, and cachewise resume FOLDER continues an interrupted sweep.

    A file that has APP = App("shop.settings") is an experiment of your own Django project, whose code runs as it is:
    cachewise init --app shop.settings writes one. It takes --variant, --database and --refill, and --set for times,
    machines and latencies.
    """
    begin(Typed(**locals()))


@dataclass(frozen=True)
class Typed:
    """The parameters of `run`, as they were typed."""

    context: typer.Context
    scenario: str
    strategy: list[str] | None
    backend: list[str] | None
    backend_settings: list[str] | None
    settings_module: list[str] | None
    seed: int | None
    seeds: int | None
    settings: list[str] | None
    trace: str | None
    trace_columns: str | None
    timeout: str | None
    duration: str | None
    out: Path | None
    form: options.Format
    traceback: bool
    jobs: int
    vary: list[str] | None
    precision: str | None
    max_seeds: int | None
    limit: list[str] | None
    cluster: str | None
    dry_run: bool
    yes: bool
    retry_failed: bool
    variant: list[str] | None
    database: str | None
    refill: bool
    keep_reads: bool

    @property
    def of_sweep(self) -> SweepWishes:
        """The options of a sweep.

        Raises:
            UserError: for options that a sweep does not take.
        """
        found = SweepWishes(
            *(self.vary or (), self.precision, self.max_seeds, self.limit or (), self.cluster),
            *(self.yes, self.dry_run, self.retry_failed),
        )
        if found.any and self.seed is not None:
            raise UserError("--seed: a sweep runs seeds 1 to K: --seeds K")
        if not found.any and (self.max_seeds or self.retry_failed):
            name, asks = ("--max-seeds", "--precision") if self.max_seeds else ("--retry-failed", "--vary")
            raise UserError(f"{name} needs a sweep, and this is not one: there is no {asks}")
        if found.any and self.keep_reads:
            raise UserError("--keep-reads: a sweep keeps figures, but no reads; run one point of it without --vary")
        return found


def begin(typed: Typed) -> None:
    """Run what was typed."""
    show_own_frames(typed.traceback)
    experiment = own_app(typed.scenario)
    refuse_options(vars(typed), typed.scenario, OF_SCENARIOS if experiment else OF_APPS)
    if experiment is None:
        _of_scenario(typed)
    else:
        _of_project(typed, experiment)


def _of_project(typed: Typed, experiment: "Experiment") -> None:
    from .app import run_app, wishes_of
    from .sweep_app import run_app_sweep

    wishes = wishes_of(
        *(typed.variant, typed.backend, typed.database, typed.seed, typed.seeds, typed.settings, typed.duration),
        *(typed.jobs, typed.out, typed.form),
        refill=typed.refill,
        of_sweep=typed.of_sweep.any,
    )
    if typed.of_sweep.any:
        run_app_sweep(experiment, wishes, typed.of_sweep, typed.context)
    else:
        run_app(experiment, wishes, typed.context)


def _of_scenario(typed: Typed) -> None:
    from .choose import choose_backends, scenario_of
    from .plan import make_plan

    choice = scenario_of(typed.scenario, typed.settings, typed.duration, typed.trace, typed.trace_columns)
    backends = choose_backends(typed.backend, typed.backend_settings, typed.settings_module)
    if typed.of_sweep.any:
        setting = Setting(typed.jobs, typed.out, typed.form, typed.context)
        run_strategies(choice, typed.strategy, backends, typed.timeout, typed.seeds, typed.of_sweep, setting)
        return
    plan = make_plan(choice, typed.strategy, backends, typed.timeout, seed=typed.seed, seeds=typed.seeds)
    with reads_aside(plan.runs, typed.out) if typed.keep_reads else nullcontext() as reads:
        outcomes = simulate(plan.runs, typed.jobs, typed.out, reads=reads, tells=True)
        report(plan, outcomes, typed.form, typed.out, typed.context, reads)


_ITS_CACHES = "an own app runs on the kinds of its own CACHES, or with --backend NAME"
_APP_ALONE = "it goes with the file of an own app, which has APP"
# By parameter, the options that the other kind of file does not take, and what to use instead.
OF_SCENARIOS = {
    "strategy": ("--strategy", "the contenders of an own app are its variants: --variant NAME"),
    "backend_settings": ("--backend-settings", _ITS_CACHES),
    "settings_module": ("--settings", _ITS_CACHES),
    "trace": ("--trace", "the functions of an own app make its traffic: per_s=, args=, popularity="),
    "trace_columns": ("--trace-columns", "it has no trace: its functions make its traffic"),
    "keep_reads": ("--keep-reads", "the reads of an own app are whole responses, and they are not kept"),
    "timeout": ("--timeout", "an own app has variants: APP.variant('60 s', timeouts={'*': 60})"),
}
OF_APPS = {name: (f"--{name}", _APP_ALONE) for name in ("variant", "database", "refill")}


def own_app(target: str) -> "Experiment | None":
    """Return the experiment that *target* names: a file, or one that comes with cachewise; None if it is not one.

    Raises:
        UserError: if an argument that is needed before the file is imported is not a literal.
    """
    from ..app.found import experiment_at
    from .choose import app_files

    experiment = experiment_at(str(app_files().get(target, target)))
    return None if experiment is None else replace(experiment, shown=target)


def refuse_options(typed: Mapping[str, Any], target: str, others: Mapping[str, tuple[str, str]]) -> None:
    """Refuse options that *target* does not take, and say what to use instead.

    Raises:
        UserError: if there are any.
    """
    for name, (option, instead) in others.items():
        if typed.get(name):
            raise UserError(f"{file_name(target)} takes no {option}: {instead}")
