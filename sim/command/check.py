"""The verb `check`: tries a strategy, and attacks its claims."""

import shlex
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import complete, options
from .exit_codes import FAILED, say

if TYPE_CHECKING:
    from ..check.finding import Finding, Subject
    from ..contract import Strategy
    from ..verdict.result import Run

BACKENDS = ("shared", "locmem")  # a store that all workers share, and one for each worker
BACKEND_S = 8.0  # about how long each of them takes
STAGE = "hot_key"  # any scenario would do, as all fields that differ are set
ABOUT_CHECK = """held: it was tried, and it holds. broke: it does not hold, and the exit code is 1. not claimed: the
strategy does not claim it; the figure that was seen is shown.

These are tried: the contract (a request ends with the row of its key and no open transaction; a write commits; the same
seed gives the same reads; nothing is kept outside the cache; an emptied cache does no harm); costs, by counting the
cache's round trips; stale_at_most, in small scenarios made to break it, with a timeout of 2 seconds if there is one.

A claim of "never" counts only where all workers share one store. "timeout" limits how old an outdated read is: at
most the timeout and a load. A row that is not committed yet, or was rolled back, breaks "never" alone.

\b
Examples:
  cachewise check ./mine.py
  cachewise check ./mine.py:MyStrategy --backend shared
"""


class Layout(StrEnum):
    """How `check` prints what it has found."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


def check(
    strategy: Annotated[
        str,
        typer.Argument(
            metavar="STRATEGY",
            help="as --strategy of run takes it: ./mine.py, ./mine.py:Name, package.module:Name, or a name such as "
            "delete-on-write; with :PARAM=VALUE,... behind it",
            autocompletion=complete.strategies,
        ),
    ],
    backend: Annotated[list[str] | None, options.on_backends("shared and locmem")] = None,
    backend_settings: options.BackendFiles = None,
    settings_module: options.SettingsModules = None,
    form: Annotated[Layout, typer.Option("--format", help="what to print")] = Layout.TABLE,
    traceback: options.Traceback = False,
) -> None:
    """Try a strategy, and try to break its claims.

    It counts the round trips, attacks the bound, and checks the contract.
    """
    from ...strategies import STRATEGIES
    from ..check.finding import Subject
    from ..check.table import as_json, markdown, text
    from ..daemons.session import servers
    from .choose import choose_backends
    from .choose_strategy import choose_strategy
    from .estimate import say_if_long
    from .progress import in_words

    chosen = choose_strategy(strategy, STRATEGIES)
    backends = _backends(chosen, choose_backends(backend, backend_settings, settings_module))
    say_if_long(f"{len(backends)} backends: about {in_words(BACKEND_S * len(backends))}", BACKEND_S * len(backends))
    found = []
    with servers() as ours:
        for name in backends:
            findings = _tried(Subject(chosen, name, ours))
            again = {nth: _again(one.again) for nth, one in enumerate(findings) if one.verdict == "broke" and one.again}
            found.append((name, findings, again))
            if form is not Layout.JSON:
                show = text if form is Layout.TABLE else markdown
                typer.echo(f"{show(f'{strategy} on {name}', findings, again)}\n")
    if form is Layout.JSON:
        typer.echo(as_json(found))
    _end([one for _name, findings, _again in found for one in findings], traceback=traceback)


def _backends(strategy: "Strategy", named: list[str]) -> list[str]:
    """Return the backends to try it on: those that were named, or those of `BACKENDS` that have what it needs.

    Raises:
        UserError: if a backend that was named does not have what it needs.
    """
    from ..backends import able, backend_named, require_verbs

    for name in named:
        require_verbs(backend_named(name), strategy)
    usual = [name for name in BACKENDS if not backend_named(name).lacks(strategy)]
    found = list(dict.fromkeys(named)) or usual or able(strategy)[:1]
    if not found:
        require_verbs(backend_named(BACKENDS[0]), strategy)
    return found


def _tried(subject: "Subject") -> list["Finding"]:
    """Examine the strategy on its backend, under a progress bar."""
    from ..check.examine import STEPS, examine
    from .progress import steps

    findings = []
    with steps(STEPS, f"{subject.backend}: the contract") as advance:
        for one in examine(subject):
            findings.append(one)
            advance(f"{subject.backend}: {one.what}")
    return findings


def _again(run: "Run") -> str:
    """Return the command that repeats a run: it sets each field that differs from a shipped scenario."""
    from ..experiment import strategy_spec
    from ..world.scenario import DEFAULTS
    from .choose import choose_scenario

    stage = choose_scenario(STAGE).scenario
    values = {name: (getattr(run.scenario, name), getattr(stage, name)) for name in DEFAULTS if name != "why"}
    changed = [f"{name}={_typed(value)}" for name, (value, other) in values.items() if value != other]
    words = ["cachewise", "run", STAGE, "--strategy", strategy_spec(run.strategy), *_on(run.backend)]
    return shlex.join([*words, "--seed", str(run.seed), *(word for one in changed for word in ("--set", one))])


def _typed(value: Any) -> str:
    return "none" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def _on(backend: str) -> list[str]:
    """Return the option that names a backend."""
    from ..backends.entries import SETTINGS

    if backend.endswith(".toml"):
        return ["--backend-settings", backend]
    if backend.startswith(SETTINGS):
        return ["--settings", backend.removeprefix(SETTINGS)]
    return ["--backend", backend]


def _end(findings: list["Finding"], *, traceback: bool) -> None:
    """End with exit code 1 if something broke, and show tracebacks of the user's code if that was asked for."""
    for frames in dict.fromkeys(one.frames for one in findings if traceback and one.frames):
        say(frames.rstrip())
    if any(one.verdict == "broke" for one in findings):
        raise typer.Exit(FAILED)
