"""Reports: make tables, charts, a page and an answer of outcomes. Imports are late, to keep the command line quick."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from ..sim.app.outcome import AppOutcome
from ..sim.experiment import Outcome
from ..sim.sweep.found import Sweep
from ..sim.wall.verify import Pair

if TYPE_CHECKING:
    import pandas as pd

    from .placing import Kind
    from .sweep.limits import Limit
    from .verification import Verification

__all__ = [
    "answer_text",
    "app_answer_text",
    "check_writable",
    "compare",
    "excerpt",
    "folder_aside",
    "frame",
    "glance_text",
    "parse_limits",
    "render",
    "render_app",
    "render_verification",
    "split",
    "sweep_frame",
    "sweep_text",
    "write_app_report",
    "write_report",
    "write_sweep_report",
    "write_verification",
]


def check_writable(out_dir: Path | str, kind: "Kind" = "run", reads: Iterable[str] = ()) -> None:
    """Make sure, before anything runs, that a report can be written to *out_dir*; nothing is left there.

    Args:
        out_dir: need not exist.
        kind: the kind of report: "run", "app", "verify" or "sweep".
        reads: the names of the files in its folder ``reads``.

    Raises:
        UserError: if it cannot be written, for instance because a file that is not ours is in the way.
    """
    from .placing import check_writable as check

    check(out_dir, kind, reads)


def folder_aside(out_dir: Path | str) -> AbstractContextManager[Path]:
    """Make a folder inside *out_dir* for files that become part of a report; it is removed afterwards."""
    from .placing import folder_aside as aside

    return aside(out_dir)


def write_report(
    outcomes: Sequence[Outcome],
    out_dir: Path | str,
    command: str,
    yours: Collection[str] | None = None,
    reads: Path | None = None,
) -> Path:
    """Write `summary.csv`, `summary.parquet`, `charts/*.png` and `report.html` to *out_dir*; return the page's path.

    Args:
        outcomes: from `cachewise.sim.experiment.run_all`, at least one.
        out_dir: created if it does not exist. This report replaces an earlier one as a whole; other files stay.
        command: the command that gives the same report.
        yours: the inputs that the user has set (see `provenance.inputs`); None: all that differ from the defaults.
        reads: a folder in a `folder_aside` of *out_dir*, which becomes the report's folder `reads`.

    Raises:
        UserError: if the folder cannot be written to, or a file that is not ours is in the way.
    """
    from .folder import write_folder

    return write_folder(outcomes, out_dir, command, yours, reads)


def write_app_report(outcomes: Sequence[AppOutcome], out_dir: Path | str, command: str) -> Path:
    """Write the files of `write_report` for a project, and `functions.csv`, `call_sites.csv` and `over_time.csv`.

    Raises:
        UserError: if the folder cannot be written to, or a file that is not ours is in the way.
    """
    from .folder import write_app_folder

    return write_app_folder(outcomes, out_dir, command)


def render_app(outcomes: Sequence[AppOutcome], form: str) -> str:
    """Return the outcomes of a project as a "table", "markdown", "csv" or "json" text."""
    from .app.tables import render as rendered

    return rendered(outcomes, form)


def app_answer_text(outcomes: Sequence[AppOutcome]) -> list[str]:
    """Return the answers for a project as plain lines, as wide as the terminal; the first tracebacks come last."""
    from .app.answer import answer_text as text
    from .fitted import terminal_width

    return text(outcomes, terminal_width())


def split(outcomes: Sequence[Outcome]) -> list[Sequence[Outcome]]:
    """Return the outcomes of each case (a scenario on a backend), in the order they were run."""
    from .frames import cases

    return [case.outcomes for case in cases(outcomes)]


def answer_text(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the answer as plain lines, as wide as the terminal."""
    from .fitted import terminal_width
    from .text import answer_text as text

    return text(outcomes, terminal_width())


def glance_text(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the answers of several cases at a glance, as wide as the terminal; nothing for a single case."""
    from .answer import answer
    from .fitted import terminal_width
    from .frames import cases
    from .text import glance_lines

    return glance_lines(list(map(answer, cases(outcomes))), terminal_width())


def frame(outcomes: Sequence[Outcome]) -> "pd.DataFrame":
    """Return one row a run, as in `summary.csv`: scenario, strategy, backend, seed, the metrics, the notes."""
    from .frames import run_frame

    return run_frame(outcomes)


def excerpt(outcomes: Sequence[Outcome]) -> str:
    """Return the table and the answer of each case as a piece of HTML for a notebook: escaped, without scripts."""
    from .answer import answer
    from .frames import cases
    from .page import excerpt as of_page

    return of_page([answer(case) for case in cases(outcomes)])


def render(outcomes: Sequence[Outcome], form: str) -> str:
    """Return the outcomes as a "table", "markdown", "csv" or "json" text."""
    from .tables import render as rendered

    return rendered(outcomes, form)


def compare(pairs: Sequence[Pair]) -> "Verification":
    """Compare real runs with their simulations; the result says which limits are `missed`."""
    from .verification import compare as compared

    return compared(pairs)


def render_verification(found: "Verification", form: str) -> str:
    """Return predicted and measured figures as a "table", "markdown", "csv" or "json" text."""
    from .verification import render_verification as rendered

    return rendered(found, form)


def write_verification(found: "Verification", out_dir: Path | str) -> Path:
    """Write `verify.csv` and `verify.png` to *out_dir*; return the latter's path.

    Raises:
        UserError: if the folder cannot be written to, or a file that is not ours is in the way.
    """
    from .folder import write_verification as write

    return write(found, out_dir)


def parse_limits(texts: Sequence[str], *, of_project: bool = False) -> "tuple[Limit, ...]":
    """Return the limits of ``FIGURE=LIMIT`` texts, as `--max` takes them: ``stale_ratio=1%``, ``response_p99_s=200ms``.

    Raises:
        UserError: for an unknown figure, one for which higher is better, or a value that is not valid.
    """
    from .sweep.limits import parse_limits as parsed

    return parsed(texts, of_project=of_project)


def sweep_text(sweep: Sweep, limits: "Sequence[Limit]" = ()) -> str:
    """Return a compact table of a sweep and its answer, as wide as the terminal."""
    from .sweep.text import sweep_text as text

    return text(sweep, limits)


def sweep_frame(sweep: Sweep) -> "pd.DataFrame":
    """Return one row a point, as in `points.csv`: contender, place, seeds, and the metrics with intervals."""
    from .sweep.frames import point_frame
    from .sweep.points import Field

    return point_frame(Field(sweep))


def write_sweep_report(
    sweep: Sweep,
    out_dir: Path | str,
    command: str,
    limits: "Sequence[Limit]" = (),
    yours: Collection[str] | None = None,
) -> Path:
    """Write `summary.csv`, `points.csv`, `charts/*.png` and `report.html` to *out_dir*; return the page's path.

    The same runs give the same bytes, as no figure depends on the machine's speed. Other files and folders in *out_dir*
    are left alone.

    Args:
        sweep: the finished runs.
        out_dir: created if it does not exist. This report replaces an earlier one as a whole.
        command: the command that gives the same report.
        limits: from `parse_limits`.
        yours: the inputs that the user has set (see `provenance.inputs`); None: all that differ from the defaults.

    Raises:
        UserError: if the folder cannot be written to, or a file that is not ours is in the way.
    """
    from .folder import write_sweep_folder

    return write_sweep_folder(sweep, out_dir, command, limits, yours)
