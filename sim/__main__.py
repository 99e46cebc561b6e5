"""The command line, and the one place where simulator, strategies, scenarios and reports meet."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from sim.errors import UserError, one_line
from sim.interrupts import ignore_signals, raise_on_signals

if TYPE_CHECKING:
    from sim.choose import Choice
    from sim.experiment import Outcome
    from sim.result import Run

app = typer.Typer(
    name="cachewise",
    help="Which cache-invalidation strategy should a Django workload use, with which timeout, and what does it cost?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Where a cache refuses what a strategy asks of it (a value too large, a script it does not know), its client says why.
CACHE_CLIENTS = ("redis", "django_redis", "valkey", "django_valkey", "pymemcache", "pylibmc", "psycopg")
INTERRUPTED = 130  # the exit code after Ctrl-C: 128 + SIGINT


class Format(StrEnum):
    """How `run` prints its results."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


class Layout(StrEnum):
    """How `doctor --conformance` prints what it has seen."""

    TABLE = "table"
    MARKDOWN = "markdown"


class Listing(StrEnum):
    """What `list` lists."""

    SCENARIOS = "scenarios"
    STRATEGIES = "strategies"
    BACKENDS = "backends"


class Part(NamedTuple):
    """A part of the demo: a scenario, shortened so that the whole takes less than a minute on two cores."""

    scenario: str
    settings: Mapping[str, str]
    timeout: str | None
    seeds: int


DEMO = (
    Part("product_list", {"duration_s": "600"}, None, 8),
    Part("transactional", {"warmup_s": "10", "duration_s": "12"}, "10", 5),
    Part("twitter_cluster52", {"duration_s": "450"}, None, 5),
)


@app.command()
def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="folder for charts, tables and the page")] = Path("out/demo"),
    jobs: Annotated[int, typer.Option(min=0, help="runs side by side; 0: one a core")] = 0,
) -> None:
    """Compare every strategy on three workloads, one of them real, in under a minute."""
    runs = []
    for part in DEMO:
        choice = _choice(part.scenario)
        cut = ", ".join(f"{name}={value}" for name, value in part.settings.items())
        scenario = replace(choice.scenario, why=f"{choice.scenario.why} (shortened for the demo: {cut})")
        shorter = replace(choice, scenario=scenario.with_settings(part.settings))
        runs += _runs(shorter, [], ["shared"], range(1, part.seeds + 1), part.timeout)
    outcomes = _run(runs, jobs, out)
    _print_results(outcomes, Format.TABLE)
    _write_page(outcomes, out, context, set())


@app.command()
def run(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="a scenario's name, or a file such as ./my_scenario.py")],
    strategy: Annotated[
        list[str] | None, typer.Option(help="NAME[:param=value,...], repeatable; all if left out")
    ] = None,
    backend: Annotated[list[str] | None, typer.Option(help="repeatable; shared if left out")] = None,
    backend_settings: Annotated[
        list[str] | None, typer.Option(help="a TOML file with an entry of Django's CACHES; repeatable")
    ] = None,
    settings_module: Annotated[
        list[str] | None,
        typer.Option("--settings", help="MODULE[:ALIAS]: the CACHES of your settings, never its LOCATION; repeatable"),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="run with this seed (1 if left out)")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=10_000, help="run with seeds 1 to K: error bars")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="scenario field=value, repeatable")] = None,
    trace: Annotated[str | None, typer.Option(help="replay this file's requests")] = None,
    timeout: Annotated[str | None, typer.Option(help="timeout of all strategies that do not name their own")] = None,
    out: Annotated[Path | None, typer.Option(help="folder for summary, charts and report.html")] = None,
    form: Annotated[Format, typer.Option("--format", help="what to print")] = Format.TABLE,
    jobs: Annotated[int, typer.Option(min=0, help="runs side by side; 0: one a core")] = 0,
) -> None:
    """Run a scenario under strategies, and print (and with --out draw) how they compare."""
    if seed is not None and seeds is not None:
        raise UserError("--seed and --seeds exclude each other: --seed N is one run, --seeds K runs seeds 1 to K")
    choice = _settled(_choice(scenario), settings or [], trace)
    numbers = [1 if seed is None else seed] if seeds is None else list(range(1, seeds + 1))
    backends = _backends(backend, backend_settings, settings_module)
    outcomes = _run(_runs(choice, strategy or [], backends or ["shared"], numbers, timeout), jobs, out)
    _print_results(outcomes, form)
    if out is not None:
        given: dict[str, Any] = {"strategies": strategy, "backend": backends, "timeout": timeout, "trace": trace}
        given["seeds"] = seeds if seed is None else [seed]
        _write_page(outcomes, out, context, _yours(choice, settings or [], given))


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
    """Write a commented scenario file for your own workload, from flags or by asking."""
    from sim.starter import QUESTIONS, write_starter

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
    if all(answer is None for answer in answers.values()) and sys.stdin.isatty():
        for name, (question, default) in QUESTIONS.items():
            answers[name] = typer.prompt(question, default=default, err=True)
    write_starter(file, {name: answer for name, answer in answers.items() if answer is not None}, force=force)
    _say(f"wrote {file}; now: cachewise run {file} --seeds 5 --out out/{file.stem}")


@app.command("list")
def list_(what: Annotated[Listing, typer.Argument(help="what to list")]) -> None:
    """List the scenarios, the strategies or the backends."""
    for name, text in _LISTINGS[what]():
        typer.echo(f"{name}\n    {text}")


@app.command()
def doctor(
    conformance: Annotated[bool, typer.Option("--conformance", help="show what every backend's calls do")] = False,
    backend: Annotated[list[str] | None, typer.Option(help="with --conformance: repeatable; all if left out")] = None,
    form: Annotated[Layout, typer.Option("--format", help="with --conformance: what to print")] = Layout.TABLE,
) -> None:
    """Check that everything cachewise needs is here and works, and say what to do where it does not."""
    from sim.conformance.report import drive
    from sim.doctor import check_up

    if backend and not conformance:
        raise UserError("--backend needs --conformance: without it the doctor looks at all backends")
    markdown = conformance and form is Layout.MARKDOWN
    healthy = True
    for finding in drive(backend or [], markdown=markdown, show=typer.echo) if conformance else check_up():
        healthy &= finding.verdict != "PROBLEM"
        typer.echo(f"{finding.verdict:<7}  {finding.what}: {finding.found}", err=markdown)
        if finding.mend:
            typer.echo(f"         mend: {finding.mend}", err=markdown)
    if not healthy:
        raise typer.Exit(1)


def _scenarios_folder() -> Path:
    import scenarios

    return Path(str(scenarios.__file__)).parent


def _choice(target: str) -> "Choice":
    from sim.choose import choose_scenario

    return choose_scenario(target, _scenarios_folder())


def _settled(choice: "Choice", settings: Sequence[str], trace: str | None) -> "Choice":
    """Return the choice with `--trace` and then `--set` applied."""
    from sim.choose import choose_settings, with_trace

    scenario = choice.scenario if trace is None else with_trace(choice.scenario, trace)
    return replace(choice, scenario=scenario.with_settings(choose_settings(settings)))


def _backends(
    names: Sequence[str] | None, files: Sequence[str] | None, settings_modules: Sequence[str] | None
) -> list[str]:
    """Return all backends that were asked for, as `sim.backends.backend_named` takes them."""
    from sim.backends.own import SETTINGS

    for file in files or ():
        if not file.endswith(".toml"):
            raise UserError(f"--backend-settings {one_line(file)}: it must be a TOML file, FILE.toml")
    return [*(names or ()), *(files or ()), *(f"{SETTINGS}{module}" for module in settings_modules or ())]


def _timeout_of(choice: "Choice") -> dict[str, Any]:
    return {"timeout": choice.timeout} if choice.has_timeout else {}


def _runs(
    choice: "Choice", strategies: Sequence[str], backends: Sequence[str], seeds: Sequence[int], timeout: str | None
) -> list["Run"]:
    from sim.backends import backend_named, require_verbs
    from sim.backends.own import default_timeout
    from sim.choose import choose_strategy, choose_timeout
    from sim.result import Run
    from strategies import STRATEGIES

    runs = []
    for where in map(backend_named, dict.fromkeys(backends)):
        default = default_timeout(where.name) | _timeout_of(choice)
        if timeout is not None:
            default = {"timeout": choose_timeout(timeout)}
        chosen = [choose_strategy(text, STRATEGIES, **default) for text in strategies or list(STRATEGIES)]
        for strategy in dict.fromkeys(chosen):
            if strategies:
                require_verbs(where, strategy)
            if not where.lacks(strategy):
                runs += [Run(choice.scenario, strategy, where.name, seed) for seed in seeds]
    return runs


def _yours(choice: "Choice", settings: Sequence[str], given: Mapping[str, Any]) -> set[str]:
    """Return the inputs that the user, not cachewise or a scenario that it ships, has set."""
    from sim.scenario import DEFAULTS

    own = {text.partition("=")[0].strip() for text in settings} | {name for name, value in given.items() if value}
    if choice.own_file:
        own |= {name for name, default in DEFAULTS.items() if getattr(choice.scenario, name) != default}
        own |= {"name", "why"} | ({"timeout"} if choice.has_timeout else set())
    return own


def _run(runs: Sequence["Run"], jobs: int, out: Path | None) -> list["Outcome"]:
    from sim.experiment import default_processes, run_all
    from sim.workload import build_workload

    if out is not None:
        from reports import check_writable

        check_writable(out)
    for scenario in dict.fromkeys(one.scenario for one in runs):
        if scenario.trace is not None:
            build_workload(scenario, 1)  # a broken trace is refused before anything starts
    with _progress(len(runs)) as advance:
        return run_all(runs, jobs or default_processes(), advance)


@contextmanager
def _progress(total: int) -> Iterator[Callable[["Run"], None]]:
    """Show a bar on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=total)
        yield lambda one: bar.update(task, advance=1, description=f"{one.scenario.name}: {one.strategy.name}")


def _print_results(outcomes: list["Outcome"], form: Format) -> None:
    from reports import answer_text, render, split

    if form is not Format.TABLE:
        typer.echo(render(outcomes, form.value))
        return
    for part in split(outcomes):
        typer.echo("\n".join([render(part, form.value), *answer_text(part), ""]))


def _write_page(outcomes: list["Outcome"], out: Path, context: typer.Context, yours: set[str]) -> None:
    from reports import write_report

    command = shlex.join(["cachewise", *context.obj])
    page = write_report(outcomes, out, command, yours)
    ignore_signals()  # too late: from here on nothing happens that could be undone
    _say(f"page: {page}")


def _list_scenarios() -> list[tuple[str, str]]:
    from sim.choose import scenario_names

    return [(name, _choice(name).scenario.why) for name in scenario_names(_scenarios_folder())]


def _list_strategies() -> list[tuple[str, str]]:
    from sim.choose import parameters_of
    from strategies import STRATEGIES

    listed = []
    for name, strategy in STRATEGIES.items():
        params = ",".join(f"{param}={default}" for param, default in parameters_of(strategy).items())
        listed.append((f"{name}:{params}" if params else name, str(strategy.__doc__).splitlines()[0]))
    return listed


def _list_backends() -> list[tuple[str, str]]:
    from sim.backends import BACKENDS

    return [(backend.name, backend.what) for backend in BACKENDS.values()]


_LISTINGS = {
    Listing.SCENARIOS: _list_scenarios,
    Listing.STRATEGIES: _list_strategies,
    Listing.BACKENDS: _list_backends,
}


def _say(message: str) -> None:
    typer.echo(message, err=True)


def run_script(file: str) -> None:
    """Run the scenario in *file* with the options of `cachewise run`; a scenario file's `__main__` block calls this."""
    main(["run", f".{os.sep}{os.path.relpath(file)}", *sys.argv[1:]])


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line: exit code 0, 2 with one line on standard error for bad input, 130 for Ctrl-C."""
    raise_on_signals()
    typed = sys.argv[1:] if args is None else list(args)
    bad_usage: Any = typer.BadParameter.__mro__[2]  # typer's base class of all usage errors
    try:
        code = app(args=typed, prog_name="cachewise", standalone_mode=False, obj=typed)
    except UserError as error:
        code = _fail(str(error))
    except bad_usage as error:
        code = _fail(
            one_line(" ".join(error.format_message().split()), 300) or "what should it do? see cachewise --help"
        )
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:
        library = type(error).__module__.partition(".")[0].removeprefix("_")
        if library not in CACHE_CLIENTS:
            raise
        where = "; ".join(getattr(error, "__notes__", ()))
        code = _fail(one_line(f"{library}: {type(error).__name__}: {error} ({where})", 300))
    ignore_signals()
    if code == INTERRUPTED:  # typer turns some Ctrl-C into this code by itself
        _say("cachewise: interrupted; nothing was written")
    sys.exit(code or 0)


def _fail(message: str) -> int:
    _say(f"cachewise: {message}")
    return 2


if __name__ == "__main__":
    main()
