"""The command line, and the one place where simulator, strategies, scenarios and reports meet."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from . import options
from .ending import exit_code_of, say
from .errors import UserError, masked
from .interrupts import ignore_signals, raise_on_signals
from .surroundings import allow_many_files, forget_detours

if TYPE_CHECKING:
    from .choose import Choice
    from .experiment import Outcome
    from .result import Run

Found = TypeVar("Found")  # what comes of a run
app = typer.Typer(
    name="cachewise",
    help="Which cache-invalidation strategy should a Django workload use, with which timeout, and what does it cost?",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def cachewise(version: options.Version = False) -> None:
    """Which cache-invalidation strategy should a Django workload use, with which timeout, and what does it cost?"""


@app.command()
def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="folder for charts, tables and the page")] = Path("out/demo"),
    jobs: options.Jobs = 0,
) -> None:
    """Compare all strategies on three workloads.

    One of them is a real trace; it takes about a minute.
    """
    from .demo import DEMO

    runs = []
    for part in DEMO:
        choice = _choice(part.scenario)
        cut = ", ".join(f"{name}={value}" for name, value in part.settings.items())
        scenario = replace(choice.scenario, why=f"{choice.scenario.why} (shortened for the demo: {cut})")
        shorter = replace(choice, scenario=scenario.with_settings(part.settings))
        runs += _planned(shorter, [], ["shared"], range(1, part.seeds + 1), part.timeout)
    outcomes = _run(runs, jobs, out)
    _print_results(outcomes, options.Format.TABLE)
    _say_what_is_left_out([], ["shared"])
    _write_page(outcomes, out, context)


@app.command()
def run(
    context: typer.Context,
    scenario: options.Target,
    strategy: options.StrategyNames = None,
    backend: options.SimulatedOn = None,
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
    jobs: options.Jobs = 0,
) -> None:
    """Simulate a scenario, and say which strategy to choose.

    With --out it also draws charts and writes a page.
    """
    from .plan import backends_of, note_timeouts, seeds_of, with_duration

    settings = with_duration(settings, duration)
    choice = _settled(_choice(scenario), settings, trace)
    backends = backends_of(backend, backend_settings, settings_module)
    runs = _planned(choice, strategy or [], backends or ["shared"], seeds_of(seed, seeds), timeout)
    outcomes = _run(runs, jobs, out)
    note_timeouts(outcomes, choice, timeout)
    _print_results(outcomes, form)
    _say_what_is_left_out(strategy or [], backends or ["shared"])
    if out is not None:
        given = {"strategies": strategy, "backend": backends, "timeout": timeout, "trace": trace}
        _write_page(outcomes, out, context, choice, settings, {**given, "seeds": seeds or seed is not None})


@app.command(epilog=options.ABOUT_BENCH)
def bench(
    context: typer.Context,
    scenario: options.Target,
    strategy: options.StrategyNames = None,
    backend: options.RealOn = None,
    backend_settings: options.BackendFiles = None,
    settings_module: options.SettingsModules = None,
    seed: options.Seed = None,
    seeds: options.Seeds = None,
    settings: options.Fields = None,
    trace: options.TracePath = None,
    timeout: options.Timeout = None,
    duration: options.Duration = None,
    database: options.RowsIn = None,
    added_latency: options.Added = None,
    server: options.ServerUrl = None,
    this_server_may_be_flushed: options.MayBeFlushed = False,
    out: options.Out = None,
    form: options.Form = options.Format.TABLE,
) -> None:
    """Run a scenario for real, in real time.

    With processes, threads, a cache and a database.
    """
    from .plan import backends_of, note_timeouts, seeds_of, with_duration
    from .wall.bench import around_of, bench_all, failures, how_long, warnings
    from .wall.run import can_be_real

    around = around_of(database, added_latency, server, may_be_flushed=this_server_may_be_flushed)
    settings = with_duration(settings, duration)
    choice = _settled(_choice(scenario), settings, trace)
    backends = backends_of(backend, backend_settings, settings_module)
    runs = _planned(choice, strategy or [], backends or ["locmem"], seeds_of(seed, seeds), timeout)
    runs = [one for one in runs if strategy or can_be_real(one.strategy)]
    outcomes = _shown(runs, out, lambda advance: bench_all(runs, around, advance), how_long(runs))
    note_timeouts(outcomes, choice, timeout)
    _print_results(outcomes, form)
    _say_what_is_left_out(strategy or [], backends or ["locmem"])
    if out is not None:
        given = {"strategies": strategy, "backend": backends, "timeout": timeout, "trace": trace}
        _write_page(outcomes, out, context, choice, settings, {**given, "seeds": seeds or seed is not None})
    _end_with(warnings(outcomes), failures(outcomes))


@app.command(epilog=options.ABOUT_VERIFY)
def verify(
    scenario: options.Target = "wall_check",
    strategy: options.VerifiedNames = None,
    backend: options.VerifiedOn = None,
    backend_settings: options.BackendFiles = None,
    settings_module: options.SettingsModules = None,
    seeds: options.VerifiedSeeds = 6,
    settings: options.Fields = None,
    trace: options.TracePath = None,
    timeout: options.Timeout = None,
    duration: options.Duration = None,
    database: options.RowsIn = None,
    added_latency: options.Added = None,
    out: options.VerifiedOut = None,
    form: options.Form = options.Format.TABLE,
) -> None:
    """Hold real runs against their simulation.

    A scenario is run for real, then simulated with the latencies that were measured.
    """
    from ..reports import compare, render_verification, write_verification
    from .plan import backends_of, note_timeouts, with_duration
    from .wall.bench import around_of, failures, how_long, warnings
    from .wall.verify import REPLICATES, verify_all

    around = around_of(database, added_latency, None, may_be_flushed=False)
    choice = _settled(_choice(scenario), with_duration(settings, duration), trace)
    backends = backends_of(backend, backend_settings, settings_module) or ["locmem", "redis", "memcached"]
    runs = _planned(choice, strategy or options.VERIFIED, backends, range(1, seeds + 1), timeout)
    lasts = how_long(runs, REPLICATES)
    pairs = _shown(runs, out, lambda advance: verify_all(runs, around, advance), lasts, each=1 + REPLICATES)
    real = [pair.measured for pair in pairs]
    note_timeouts(real, choice, timeout)
    found = compare(pairs)
    typer.echo(render_verification(found, form.value))
    if out is not None:
        chart = write_verification(found, out)
        ignore_signals()  # too late, as after a page
        say(f"chart: {chart}")
    _end_with([], [*warnings(real), *failures(real), *found.missed])  # whatever failed is in no figure


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="the file to write")] = Path("my_scenario.py"),
    reads_per_s: Annotated[float | None, typer.Option(help="reads a second")] = None,
    writes_per_s: Annotated[float | None, typer.Option(help="writes a second")] = None,
    keys: Annotated[int | None, typer.Option(help="how many different keys")] = None,
    timeout: Annotated[str | None, typer.Option(help="the timeout your code passes, in seconds, or none")] = None,
    value_bytes: Annotated[int | None, typer.Option(help="size of a cached value")] = None,
    workers: Annotated[int | None, typer.Option(help="worker processes")] = None,
    threads: Annotated[int | None, typer.Option(help="threads a worker")] = None,
    db_read_s: Annotated[str | None, typer.Option(help="time of the query the cache saves")] = None,
    transaction_tail_s: Annotated[str | None, typer.Option(help="from the save to the commit")] = None,
    force: Annotated[bool, typer.Option(help="overwrite the file")] = False,
) -> None:
    """Write a scenario file for your own workload.

    It is commented; what is in it comes from the options, or is asked for.
    """
    from .starter import QUESTIONS, check_place, checked_answer, run_line, write_starter

    answers: dict[str, Any] = {
        "reads_per_s": reads_per_s,
        "writes_per_s": writes_per_s,
        "keys": keys,
        "timeout": timeout,
        "value_bytes": value_bytes,
        "workers": workers,
        "threads": threads,
        "db_read_s": db_read_s,
        "transaction_tail_s": transaction_tail_s,
    }
    given = {name: answer for name, answer in answers.items() if answer is not None}
    asked = not given and sys.stdin.isatty()
    if asked:
        check_place(file, force=force)
        for name, (question, default) in QUESTIONS.items():
            check = partial(checked_answer, name)
            given[name] = typer.prompt(question, default=default, err=True, value_proc=check)
    write_starter(file, given, force=force)
    ignore_signals()  # too late, as after a page
    defaults = "" if given else " with cachewise's defaults, as nobody could be asked here"
    say(f"wrote {file}{defaults}; now: {run_line(file)}")


@app.command("list")
def list_(what: Annotated[options.Listing, typer.Argument(help="what to list")]) -> None:
    """List the scenarios, the strategies or the backends."""
    from ..strategies import STRATEGIES
    from . import listings

    listed = {
        options.Listing.SCENARIOS: lambda: listings.scenarios(_scenarios_folder()),
        options.Listing.STRATEGIES: lambda: listings.strategies(STRATEGIES),
        options.Listing.BACKENDS: listings.backends,
    }
    for name, text in listed[what]():
        typer.echo(f"{name}\n    {text}")


@app.command(epilog=options.ABOUT_DOCTOR)
def doctor(
    conformance: Annotated[bool, typer.Option("--conformance", help="show what every backend's calls do")] = False,
    backend: options.Driven = None,
    form: options.LayoutForm = options.Layout.TABLE,
) -> None:
    """Check that all that cachewise needs is here.

    And that it works; where it does not, it says what to do.
    """
    from .conformance.report import drive
    from .doctor import check_up

    if backend and not conformance:
        raise UserError("--backend needs --conformance: without it the doctor looks at all backends")
    markdown = conformance and form is options.Layout.MARKDOWN
    healthy = True
    for finding in drive(backend or [], markdown=markdown, show=typer.echo) if conformance else check_up():
        healthy &= finding.verdict != "PROBLEM"
        typer.echo(f"{finding.verdict:<7}  {finding.what}: {finding.found}", err=markdown)
        if finding.mend:
            typer.echo(f"         fix: {finding.mend}", err=markdown)
    if not healthy:
        raise typer.Exit(1)


def _scenarios_folder() -> Path:
    from .. import scenarios

    return Path(str(scenarios.__file__)).parent


def _choice(target: str) -> "Choice":
    from .choose import choose_scenario

    return choose_scenario(target, _scenarios_folder())


def _settled(choice: "Choice", settings: Sequence[str], trace: str | None) -> "Choice":
    """Return the choice with `--trace` and then `--set` applied."""
    from .choose import choose_settings, with_trace

    scenario = choice.scenario if trace is None else with_trace(choice.scenario, trace)
    return replace(choice, scenario=scenario.with_settings(choose_settings(settings)))


def _planned(
    choice: "Choice", strategies: Sequence[str], backends: Sequence[str], seeds: Sequence[int], timeout: str | None
) -> list["Run"]:
    from ..strategies import STRATEGIES
    from .plan import planned

    return planned(choice, STRATEGIES, strategies, backends, seeds, timeout)


def _say_what_is_left_out(strategies: Sequence[str], backends: Sequence[str]) -> None:
    from ..strategies import STRATEGIES
    from .plan import left_out

    for line in left_out(STRATEGIES, strategies, backends):
        say(line)


def _end_with(warnings: Sequence[str], failures: Sequence[str]) -> None:
    """Say what went wrong; a failure makes the exit code 1."""
    for line in (*warnings, *failures):
        say(f"cachewise: {line}")
    if failures:
        raise typer.Exit(1)


def _run(runs: Sequence["Run"], jobs: int, out: Path | None) -> list["Outcome"]:
    from .experiment import default_processes, run_all

    return _shown(runs, out, lambda advance: run_all(runs, jobs or default_processes(), advance))


def _shown(
    runs: Sequence["Run"],
    out: Path | None,
    run_them: Callable[[Callable[["Run"], None]], list[Found]],
    first: str = "the first run",
    each: int = 1,
) -> list[Found]:
    """Run them under a progress bar, *each* in so many steps, once it is known that all of it can end well."""
    from .progress import progress
    from .workload import build_workload

    if out is not None:
        from ..reports import check_writable

        check_writable(out)
    for scenario in dict.fromkeys(one.scenario for one in runs):
        if scenario.trace is not None:
            build_workload(scenario, 1)  # a broken trace is refused before anything starts
    with progress(each * len(runs), first) as advance:
        return run_them(advance)


def _print_results(outcomes: list["Outcome"], form: options.Format) -> None:
    from ..reports import answer_text, render, split

    if form is not options.Format.TABLE:
        typer.echo(render(outcomes, form.value))
        return
    for part in split(outcomes):
        typer.echo("\n".join([render(part, form.value), *answer_text(part), ""]))


def _write_page(
    outcomes: list["Outcome"],
    out: Path,
    context: typer.Context,
    choice: "Choice | None" = None,
    settings: Sequence[str] = (),
    given: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write the report; without a *choice* nothing in it was set by the user."""
    from ..reports import write_report
    from .plan import set_by_user

    yours = set() if choice is None else set_by_user(choice, settings, given)
    command = masked(shlex.join(["cachewise", *context.obj]))
    page = write_report(outcomes, out, command, yours)
    ignore_signals()  # too late: from here on nothing happens that could be undone
    say(f"page: {page}")


def run_script(file: str) -> None:
    """Run the scenario in *file* with the options of `cachewise run`; a scenario file's `__main__` block calls this."""
    main(["run", f".{os.sep}{os.path.relpath(file)}", *sys.argv[1:]])


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line: exit code 0, 2 with one line on standard error for bad input, 130 for Ctrl-C."""
    typed = sys.argv[1:] if args is None else list(args)

    def command() -> Any:
        raise_on_signals()
        allow_many_files()
        forget_detours()
        code = app(args=typed or ["--help"], prog_name="cachewise", standalone_mode=False, obj=typed)
        return code if typed else 2  # nothing was asked for

    sys.exit(exit_code_of(command))


if __name__ == "__main__":
    main()
