"""From a plan to its results: the steps that all verbs that run something have in common."""

import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from ..errors import UserError, masked
from ..processes.interrupts import ignore_signals
from .exit_codes import FAILED, say
from .options import Format

if TYPE_CHECKING:
    from ...reports.placing import Kind
    from ..experiment import Outcome
    from ..verdict.result import Run
    from .plan import Plan

Found = TypeVar("Found")  # the result of a run


def carry_out(
    runs: Sequence["Run"],
    out: Path | None,
    run_them: Callable[[Callable[["Run"], None]], list[Found]],
    first: str = "the first run",
    each: int = 1,
    before: Callable[[], None] = lambda: None,
    kind: "Kind" = "run",
    *,
    silent: bool = False,
) -> list[Found]:
    """Check everything, call *before*, and run all under a progress bar, with *each* steps for each run.

    If *silent*, nothing is shown unless there is a terminal.
    """
    from ..backends import backend_named, require_keys
    from ..world.workload import build_workload
    from .progress import progress

    if out is not None:
        from ...reports import check_writable

        check_writable(out, kind)
    for scenario in dict.fromkeys(one.scenario for one in runs):
        if scenario.trace is not None:  # an error in it is reported before anything starts
            workload = build_workload(scenario, 1)
            ours = [one for one in runs if one.scenario == scenario]
            for name in dict.fromkeys(one.backend for one in ours):
                require_keys(backend_named(name), [one.strategy for one in ours if one.backend == name], workload)
    before()
    with progress(each * len(runs), first, silent=silent) as advance:
        return run_them(advance)


@contextmanager
def reads_aside(runs: Sequence["Run"], out: Path | None) -> Iterator[Path]:
    """Make a folder for the files of reads of these *runs*; the report to *out* takes them from there.

    Raises:
        UserError: if there is no *out*, or the files cannot be written there.
    """
    from ...reports import check_writable, folder_aside
    from ..experiment import reads_file_name

    if out is None:
        raise UserError("--keep-reads needs --out FOLDER: the reads go to FOLDER/reads")
    check_writable(out, reads=map(reads_file_name, runs))
    with folder_aside(out) as aside:
        yield aside / "reads"


def simulate(
    runs: Sequence["Run"], jobs: int, out: Path | None, *, reads: Path | None = None, tells: bool = False
) -> list["Outcome"]:
    """Simulate *runs*, *jobs* at a time (0: one per core); each writes its reads to a file in *reads*, if given.

    With *tells*, and if it takes over a minute, it prints how long before it starts, and the progress meanwhile.

    Raises:
        UserError: as `run_all` does.
    """
    from ..experiment import default_processes, run_all
    from .estimate import tell_of

    processes = jobs or default_processes()
    told = (lambda: tell_of(runs, processes)) if tells else (lambda: None)
    return carry_out(runs, out, lambda advance: run_all(runs, processes, advance, reads), before=told, silent=not tells)


def report(
    plan: "Plan",
    outcomes: list["Outcome"],
    form: Format,
    out: Path | None,
    context: typer.Context,
    reads: Path | None = None,
) -> None:
    """Print the outcomes and what the plan has left out; write the page if it was asked for, with the *reads*."""
    from .plan import left_out, note_timeouts, set_by_user

    note_timeouts(plan, outcomes)
    print_results(outcomes, form)
    for line in left_out(plan):
        say(line)
    if out is not None:
        write_page(outcomes, out, context, set_by_user(plan), reads)


def print_results(outcomes: list["Outcome"], form: Format) -> None:
    """Print the outcomes; in tables for people, with the answer below each."""
    from ...reports import render

    typer.echo(with_answers(outcomes) if form is Format.TABLE else render(outcomes, form.value))


def with_answers(outcomes: list["Outcome"]) -> str:
    """Return a table for each case, with the answer below it; for several cases, a summary at the end."""
    from ...reports import answer_text, glance_text, render, split

    parts = ["\n".join([render(part, Format.TABLE.value), *answer_text(part), ""]) for part in split(outcomes)]
    glance = glance_text(outcomes)
    return "\n".join([*parts, *([*glance[1:], ""] if glance else [])])


def write_page(
    outcomes: list["Outcome"], out: Path, context: typer.Context, yours: Collection[str], reads: Path | None = None
) -> None:
    """Write the report to *out*; *yours* names the inputs that the user has set."""
    from ...reports import write_report

    command = masked(shlex.join(["cachewise", *context.obj]))
    page = write_report(outcomes, out, command, yours, reads)
    ignore_signals()  # too late: from here on nothing happens that could be undone
    say(f"page: {page}")


def end_with(warnings: Sequence[str], failures: Sequence[str]) -> None:
    """Print what went wrong; a failure makes the exit code 1."""
    for line in (*warnings, *failures):
        say(f"cachewise: {line}")
    if failures:
        raise typer.Exit(FAILED)
