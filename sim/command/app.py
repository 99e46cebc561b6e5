"""The verb `run` for a file that has ``APP``: runs an own project on virtual time, its variants side by side."""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..app.choice import require_meaning
from ..app.cost import SHORT, Cost, cost_of
from ..app.description import Description
from ..app.errand import Answer, Errand
from ..app.found import Experiment
from ..app.kept import kept_in, sweep
from ..app.launch import default_jobs, run_all
from ..app.scouting import Scouted, scout
from ..application import AS_IT_IS
from ..daemons.session import Servers, servers
from ..errors import UserError, masked, one_line
from ..processes.interrupts import ignore_signals
from .app_plan import AppPlan, make_app_plan
from .choose import choose_settings, with_duration
from .exit_codes import BAD_INPUT, FAILED, say, say_own_frames
from .options import Format, require_family
from .plan import seeds_of

if TYPE_CHECKING:
    from ..app.outcome import AppOutcome


@dataclass(frozen=True)
class Wishes:
    """The options of `run` for an own app."""

    variants: Sequence[str]
    backends: Sequence[str]
    database: str | None
    seeds: Sequence[int]
    settings: dict[str, str]  # fields of the scenario, as text
    jobs: int
    out: Path | None
    form: Format
    refill: bool


def wishes_of(
    variants: Sequence[str] | None,
    backends: Sequence[str] | None,
    database: str | None,
    seed: int | None,
    seeds: int | None,
    settings: Sequence[str] | None,
    duration: str | None,
    jobs: int,
    out: Path | None,
    form: Format,
    *,
    refill: bool,
    of_sweep: bool = False,
) -> Wishes:
    """Return the options, checked as far as possible before the project is known.

    Raises:
        UserError: for an option that is not valid.
    """
    from ..backends import backend_named
    from ..daemons.programs import TIME_MACHINE, require_all

    for text in settings or ():
        require_meaning(text.partition("=")[0].strip(), f"--set {one_line(text)}")
    changed = choose_settings(with_duration(settings, duration))
    require_family(database)
    require_all([TIME_MACHINE, *(need for name in backends or () for need in backend_named(name).needs)])
    if out is not None:
        from ...reports import check_writable

        check_writable(out, "sweep" if of_sweep else "app")
    return Wishes(variants or (), backends or (), database, seeds_of(seed, seeds), changed, jobs, out, form, refill)


def run_app(experiment: Experiment, wishes: Wishes, context: typer.Context) -> None:
    """Run the variants of *experiment* on virtual time, and report the results.

    Raises:
        UserError: for bad input, or if the project's code raises an exception.
    """
    jobs = wishes.jobs or default_jobs()
    with servers() as session, session.folder() as rows:
        scouted = _scouted(experiment, wishes, session, rows)
        description = scouted.description
        plan = make_app_plan(description, wishes.variants, wishes.backends, wishes.seeds, wishes.settings, jobs)
        show_found(description)
        if plan.is_long:
            whole = bool({"duration_s", "warmup_s"} & wishes.settings.keys())
            plan = plan.sampled(_cost(plan, scouted, session), whole=whole)
        for line in plan.said():
            say(line)
        answers = _carried_out(plan.errands(scouted), plan, jobs, session)
    crashes = [f"{_named(errand)}: {answer.crash}" for errand, answer in answers if answer.crash]
    outcomes = [answer.opened() for _, answer in answers if not answer.crash]
    if not any(errand.variant == AS_IT_IS and not answer.crash for errand, answer in answers):
        raise UserError(f"there is nothing to compare with: {crashes[0]}")
    _report(outcomes, wishes, context)
    say_own_frames(answer.frames for _, answer in answers if answer.crash)
    for line in crashes:
        say(f"cachewise: {line}")
    if crashes:
        raise typer.Exit(FAILED)


def _scouted(experiment: Experiment, wishes: Wishes, session: Servers, rows: Path) -> Scouted:
    """Scout the project."""
    from .progress import steps

    kept = kept_in(os.environ)
    sweep(kept)
    with steps(1, "the project is set up, its databases are filled") as advance:
        found = scout(experiment, wishes.database, session, rows, kept, refill=wishes.refill)
        advance("")
    return found


def show_found(description: Description) -> None:
    """Print what each function did, and notes before the runs; refuse what cannot be judged."""
    if description.shown:
        say(_table(description.shown))
    if description.refusals:
        for line in description.refusals:
            say(f"cachewise: {masked(line)}")
        raise typer.Exit(BAD_INPUT)
    if description.kept:
        say("databases: filled by an earlier command; nothing that fills them has changed (--refill fills them anew)")
    for line in description.notes:
        say(masked(line))


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return *rows*, at least one, as plain text: the first column aligned left, figures aligned right."""
    lines = [[*rows[0]], *([*row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    first, *others = widths
    aligned = (
        "  ".join([name.ljust(first), *(one.rjust(width) for one, width in zip(figures, others, strict=True))])
        for name, *figures in lines
    )
    return "\n".join(aligned)


def _cost(plan: AppPlan, scouted: Scouted, session: Servers) -> Cost:
    """Estimate the cost of a run with two short runs of the project as it is."""
    from .progress import steps

    with steps(len(SHORT), "two short runs show how long the others take") as advance:
        return cost_of(scouted, plan.whole, plan.backends[0], plan.seeds[0], session, lambda: advance(""))


def _carried_out(errands: Sequence[Errand], plan: AppPlan, jobs: int, session: Servers) -> list[tuple[Errand, Answer]]:
    """Run all errands; if one of them is refused, all end."""
    from .progress import fractions

    ended = 0
    with fractions(len(errands), _named(errands[0])) as show:

        def done(errand: Errand, answer: Answer) -> None:
            nonlocal ended
            if answer.refusal:
                answer = replace(answer, refusal=f"{_named(errand)}: {answer.refusal}")
            if not answer.crash:
                answer.opened()
            ended += 1
            show(ended, f"last: {_named(errand)}")

        def served(requests: int) -> None:
            show(ended + min(jobs, requests / plan.requests(plan.scenario)), "")

        return list(zip(errands, run_all(errands, jobs, session, done, served), strict=True))


def _named(errand: Errand) -> str:
    where = f" on {errand.backend}" if errand.backend else ""
    return f"{one_line(errand.variant)}{where}, seed {errand.seed}"


def _report(outcomes: Sequence["AppOutcome"], wishes: Wishes, context: typer.Context) -> None:
    """Print the results, and the answer for people; write the page if it was asked for."""
    from ...reports import app_answer_text, render_app, write_app_report

    text = render_app(outcomes, wishes.form.value)
    if wishes.form is Format.TABLE:
        text = "\n".join([text, "", *app_answer_text(outcomes)])
    else:  # the answer has the first of them
        say_own_frames(frames for outcome in outcomes for _, _, frames in outcome.failures)
    typer.echo(text)
    if wishes.out is not None:
        command = masked(shlex.join(["cachewise", *context.obj]))
        page = write_app_report(outcomes, wishes.out, command)
        ignore_signals()  # too late: the report is written, and nothing can be undone
        say(f"page: {page}")
