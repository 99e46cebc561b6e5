"""Sweeps on the command line: makes a grid, carries it out and reports it; `resume` continues one."""

import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..errors import UserError, file_name, masked
from ..processes.interrupts import ignore_signals, temporary_folder
from .exit_codes import FAILED, say, say_when_interrupted
from .options import Format

if TYPE_CHECKING:
    from ...reports.sweep.limits import Limit
    from ..sweep.axes import Vary
    from ..sweep.carry_out import Grid
    from ..sweep.found import Sweep
    from ..sweep.points import Point
    from ..sweep.precision import Target
    from ..sweep.store import Store
    from .choose import Choice
    from .estimate import Estimate
    from .plan import Plan

MOST_CELLS = 100_000  # without --yes
MOST_SEEDS = 60


@dataclass(frozen=True)
class SweepWishes:
    """The options of a sweep, as they were typed."""

    vary: Sequence[str]
    precision: str | None
    max_seeds: int | None
    limits: Sequence[str]
    cluster: str | None
    yes: bool
    dry_run: bool
    retry_failed: bool

    @property
    def any(self) -> bool:
        """Whether this is a sweep at all."""
        return bool(self.vary or self.precision or self.cluster or self.dry_run or self.limits)


@dataclass(frozen=True)
class Setting:
    """How a sweep is carried out and shown: how many runs go side by side, its folder, what is printed.

    `plan` has the strategies as they were typed; it is None for a project's variants.
    """

    jobs: int
    out: Path | None
    form: Format
    context: typer.Context
    plan: "Plan | None" = None

    @property
    def command(self) -> str:
        """The command as it was typed."""
        return masked(shlex.join(["cachewise", *self.context.obj]))


def run_strategies(
    choice: "Choice",
    strategies: Sequence[str] | None,
    backends: Sequence[str],
    timeout: str | None,
    seeds: int | None,
    wishes: SweepWishes,
    setting: Setting,
) -> None:
    """Sweep over strategies; everything is checked first. Without a number of jobs, one run per core goes side by side.

    Raises:
        UserError: for something that cannot be run, or a number of cells that is probably a mistake.
    """
    from ..processes.cores import cores
    from ..sweep.axes import parse_vary
    from .estimate import estimated
    from .plan import Plan, typed_inputs
    from .sweep_plan import Wanted, make_points

    named, bars = _bars(strategies or ())
    varies = [parse_vary(text) for text in [*bars, *wishes.vary]]
    where = list(dict.fromkeys(backends)) or ["shared"]
    least, _ = _seeds(seeds, wishes, _targets(wishes))
    points = make_points(
        Wanted(choice, named, where, timeout, varies), lambda count: _require_meant(count * least, wishes)
    )
    grid = grid_of(choice.scenario.name, varies, points, seeds, wishes)
    given = choice.given | typed_inputs(strategies, backends, timeout, seeds) | {axis.name for axis in grid.axes}
    full = replace(setting, jobs=setting.jobs or cores(), plan=Plan(choice, named, where, timeout, given, []))
    run_sweep(grid, full, wishes, lambda: estimated(grid, full.jobs))


def grid_of(
    title: str,
    varies: Sequence["Vary"],
    points: Sequence["Point"],
    seeds: int | None,
    wishes: SweepWishes,
    *,
    of_project: bool = False,
) -> "Grid":
    """Return a grid of these points, with as many seeds as are wished for.

    Raises:
        UserError: for a precision or limits that are not valid, or a number of cells that is probably a mistake.
    """
    from ...reports import parse_limits
    from ..sweep.carry_out import Grid

    parse_limits(wishes.limits, of_project=of_project)
    targets = _targets(wishes, of_project=of_project)
    least, most = _seeds(seeds, wishes, targets)
    _require_meant(len(points) * least, wishes)
    return Grid(title, tuple(one.axis for one in varies), points, least, most, targets)


def _seeds(seeds: int | None, wishes: SweepWishes, targets: Sequence["Target"]) -> tuple[int, int]:
    """Return the least and the largest number of seeds for each point; the precision decides between them.

    Raises:
        UserError: for --max-seeds without --precision.
    """
    from ..sweep.precision import seeds_at_least

    if wishes.max_seeds is not None and not targets:
        raise UserError("--max-seeds goes with --precision; --seeds K runs seeds 1 to K")
    if not targets:
        return seeds or 1, seeds or 1
    most = max(wishes.max_seeds or MOST_SEEDS, seeds or 1)
    return seeds_at_least(seeds or 1, most), most


def _targets(wishes: SweepWishes, *, of_project: bool = False) -> "tuple[Target, ...]":
    from ..sweep.precision import parse_precision
    from ..verdict.metrics import APP_METRICS, METRICS

    return parse_precision(wishes.precision, APP_METRICS if of_project else METRICS) if wishes.precision else ()


def _require_meant(cells: int, wishes: SweepWishes) -> None:
    """Make sure that the user wants so many cells.

    Raises:
        UserError: if there are very many, without --yes.
    """
    if cells > MOST_CELLS and not wishes.yes:
        raise UserError(f"{cells:,} cells are more than {MOST_CELLS:,}: add --yes if you want them all")


def _bars(strategies: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split ``NAME:param=a|b``: return the strategies without parameters that vary, and those as texts of `--vary`."""
    named, varies = [], []
    for text in strategies:
        where, colon, settings = text.rpartition(":")
        kept = []
        for setting in settings.split(",") if "|" in settings else ():
            if "|" in setting:
                varies.append(f"{where}:{setting.strip()}")
            else:
                kept.append(setting)
        named.append(f"{where}{colon if kept else ''}{','.join(kept)}" if "|" in settings else text)
    return named, varies


def run_sweep(grid: "Grid", setting: Setting, wishes: SweepWishes, estimate: Callable[[], "Estimate | None"]) -> None:
    """Carry the sweep out, and report it.

    Raises:
        UserError: for a folder or a cluster that cannot be used.
    """
    from ...reports import check_writable
    from ..sweep.store import opened

    if setting.out is not None:
        check_writable(setting.out, "sweep")
    if wishes.dry_run:
        from .estimate import tell

        tell(grid, setting.jobs, estimate, dry_run=True)
        return
    with ExitStack() as stack:
        folder = setting.out or stack.enter_context(temporary_folder("cachewise-"))
        with opened(folder) as store:  # no other command may use the folder until the report is written
            sweep = _carried_out(grid, setting, store, wishes, estimate)
            _report(sweep, setting, wishes)
    if sweep.failed:
        raise typer.Exit(FAILED)


def _carried_out(
    grid: "Grid", setting: Setting, store: "Store", wishes: SweepWishes, estimate: Callable[[], "Estimate | None"]
) -> "Sweep":
    from ..processes.crew import Crew
    from ..processes.losses import CrewGoneError, NoClusterError
    from ..sweep.carry_out import Expedition
    from ..sweep.store import PLAN
    from ..sweep.work import work_cell
    from .estimate import tell
    from .sweep_plan import BOUNDS
    from .sweep_progress import SweepProgress

    goes_on = f"cachewise resume {file_name(setting.out)} goes on" if setting.out else "nothing was written"
    progress = SweepProgress(grid.axes, BOUNDS)
    if setting.out is not None:
        store.note(PLAN, {"arguments": setting.context.obj, "folder": str(Path.cwd())})
    say_when_interrupted(lambda: f"interrupted; {goes_on}: {progress.line()}")
    try:
        with Crew(setting.jobs, work_cell, cluster=wishes.cluster) as crew:
            expedition = Expedition(grid, store, crew, setting.jobs, progress)
            expedition.take_up(retry_failed=wishes.retry_failed)
            tell(grid, setting.jobs, estimate, left=[cell.point.requests for cell in expedition.left()])
            with progress.shown():
                return expedition.carry_out()
    except NoClusterError as error:
        raise UserError(f"--cluster: {error}") from None
    except CrewGoneError as error:
        raise UserError(f"{error}; {goes_on}: {progress.line()}") from None


def _report(sweep: "Sweep", setting: Setting, wishes: SweepWishes) -> None:
    from ...reports import parse_limits, render, write_sweep_report
    from .plan import left_out, note_timeouts, set_by_user
    from .sweep_plan import TIMEOUT

    outcomes, plan = [landed.outcome for landed in sweep.landed], setting.plan
    limits = parse_limits(wishes.limits, of_project=plan is None)
    if plan is not None and not any(axis.name == TIMEOUT for axis in sweep.axes):
        note_timeouts(plan, outcomes)
    typer.echo(_in_words(sweep, limits) if setting.form is Format.TABLE else render(outcomes, setting.form.value))
    for line in left_out(plan) if plan is not None else ():
        say(line)
    if setting.out is not None:
        yours = None if plan is None else set_by_user(plan)
        page = write_sweep_report(sweep, setting.out, setting.command, limits, yours)
        ignore_signals()  # too late: from here on nothing happens that could be undone
        say(f"page: {page}")
    if sweep.failed:
        more = f"; the reasons are in {file_name(setting.out)}/failed" if setting.out else ""
        say(f"cachewise: {len(sweep.failed):,} of the cells failed{more}; --retry-failed runs them again")


def _in_words(sweep: "Sweep", limits: "Sequence[Limit]") -> str:
    """Return the answer; if there is only one place, as without a sweep, the table of a plain run comes first."""
    from ...reports import sweep_text
    from .results import with_answers

    one_place = sweep.landed and all(len(axis.values) == 1 for axis in sweep.axes)
    before = f"{with_answers([one.outcome for one in sweep.landed])}\n" if one_place else ""
    return before + sweep_text(sweep, limits)


def without_options(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return *arguments* without these options and their values."""
    kept: list[str] = []
    skip = False
    for one in arguments:
        name, equals, _ = one.partition("=")
        if skip:
            skip = False
        elif name in names:
            skip = not equals
        else:
            kept.append(one)
    return kept
