"""A sweep over a team's own project: its variants at each place on the axes."""

from typing import TYPE_CHECKING

import typer

from ..app.choice import require_meaning
from ..app.found import Experiment
from ..app.launch import default_jobs
from ..daemons.session import servers
from ..errors import UserError, one_line, unknown
from ..sweep.app_cell import AppGround, plan_app
from ..sweep.app_points import make_app_points
from ..world.scenario import DEFAULTS
from .estimate import START_S, Estimate

if TYPE_CHECKING:
    from ..sweep.axes import Vary
    from ..sweep.carry_out import Grid
    from .app import Wishes
    from .sweep import SweepWishes

VARIANT = "variant"


def run_app_sweep(experiment: Experiment, app: "Wishes", wishes: "SweepWishes", context: typer.Context) -> None:
    """Scout the project, and sweep over its variants.

    Raises:
        UserError: for bad input, or if the project's code raises an exception when it is set up.
    """
    from ..sweep.axes import parse_vary
    from .app import show_found
    from .progress import steps
    from .sweep import Setting, grid_of, run_sweep

    varies = [parse_vary(text) for text in wishes.vary]
    variants = [*app.variants, *(text for one in varies if one.axis.name == VARIANT for text in one.texts)]
    fields = [one for one in varies if one.axis.name != VARIANT]
    for one in fields:
        _check_axis(one)
    if app.out is not None and app.out.resolve() == experiment.path.parent.resolve():
        raise UserError(
            "--out: a sweep cannot write among the files of the project that it runs; give it a folder there"
        )
    besides = tuple(str(folder) for folder in (app.out,) if folder is not None)
    with servers() as session, session.folder() as rows:
        with steps(1, "the project is set up, its databases are filled") as advance:
            ground = plan_app(
                *(experiment, variants, app.backends, app.database, app.settings, session, rows),
                besides=besides,
                refill=app.refill,
            )
            advance("")
        show_found(ground.description)
        points = make_app_points(ground, app.settings, fields)
        grid = grid_of(ground.description.scenario.name, fields, points, len(app.seeds), wishes, of_project=True)
        jobs = app.jobs or default_jobs()
        setting = Setting(jobs, app.out, app.form, context)
        run_sweep(grid, setting, wishes, lambda: _estimated(grid, ground, jobs))


def _check_axis(vary: "Vary") -> None:
    name = vary.axis.name
    if vary.strategy or name == "timeout":
        raise UserError(
            f"--vary {one_line(name)}: an own app has variants instead: APP.variant('60 s', timeouts={{'*': 60}}); "
            "only fields of its SCENARIO can vary"
        )
    require_meaning(name, f"--vary {one_line(name)}")
    if name not in DEFAULTS or name == "why":
        raise UserError(f"--vary: {unknown('field', name, {*DEFAULTS, VARIANT} - {'why'})}")


def _estimated(grid: "Grid", ground: AppGround, jobs: int) -> Estimate:
    """Return what the grid takes, from two short runs of the project as it is."""
    with servers() as session:
        cost = ground.cost(ground.description.scenario, 1, session)
    busy_s = sum(cost.of(1, point.requests, 1) for point in grid.points) * grid.least
    return Estimate({"a request with its judgement": cost.request_s}, START_S + busy_s / jobs)
