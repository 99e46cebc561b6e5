"""The verb `resume`: continues an interrupted sweep."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UserError, file_name
from . import options

ABOUT_RESUME = """\b
Example:
  cachewise resume out/sweep
"""


def resume(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="the folder of a sweep: its --out")],
    jobs: Annotated[int | None, typer.Option(min=0, metavar="N", help="runs side by side, if not as before")] = None,
    cluster: options.Cluster = None,
    retry_failed: options.RetryFailed = False,
) -> None:
    """Go on with a sweep where it stood.

    It is the same command as before, but runs that have ended are not run again.

    A result is taken from the folder only if nothing that determines it has changed: cachewise, the strategy's file,
    the trace, the versions of what is installed. All else is run again. With --cluster none, a sweep that began on a
    cluster goes on on this machine.
    """
    from ..sweep.store import PLAN, plan_in
    from .sweep import without_options

    found = plan_in(folder)
    if found is None:
        raise UserError(
            f"{file_name(folder)}: there is no sweep in it (no {PLAN}); "
            "cachewise run ... --vary ... --out FOLDER begins one"
        )
    arguments, began_in = found
    out = folder.resolve()
    if not Path(began_in).is_dir():
        raise UserError(f"{file_name(folder)}: the command began in {file_name(began_in)}, which is gone")
    os.chdir(began_in)
    verb, *others = arguments
    wanted = {"--out": str(out), "--jobs": jobs, "--cluster": cluster}
    new = {name: str(value) for name, value in wanted.items() if value is not None}
    others = [one for one in without_options(others, [*new]) if one != "--retry-failed"]
    if cluster == "none":  # on this machine
        del new["--cluster"]
    # They come first, as after a `--` they would not be options.
    again = [verb, *(part for one in new.items() for part in one), *(["--retry-failed"] * retry_failed), *others]
    root: Any = context.find_root().command
    code = root.main(args=again, prog_name="cachewise", standalone_mode=False, obj=arguments)  # the page names these
    if code:
        raise typer.Exit(code)
