"""The verb `init`: writes a file for the user's own workload, strategy or project."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UserError, file_name, one_line
from ..processes.interrupts import ignore_signals
from . import options
from .exit_codes import say

ABOUT_INIT = """\b
Examples:
  cachewise init my_scenario.py --timeout 10m
  cachewise init --strategy mine.py
"""
Timeout = Annotated[
    str | None, typer.Option(metavar="DURATION", help="the timeout your code passes: seconds, or such as 10m, or none")
]
ReadTime = Annotated[
    str | None, typer.Option(metavar="LATENCY", help="time of the query the cache saves: seconds, or such as 5ms")
]
Tail = Annotated[
    str | None, typer.Option(metavar="LATENCY", help="time from the save to the commit: seconds, or such as 200ms")
]


def init(
    file: Annotated[
        Path | None, typer.Argument(help="the file of the scenario; my_scenario.py if left out", show_default=False)
    ] = None,
    strategy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write a strategy to start from instead, such as my_strategy.py")
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(metavar="MODULE", help="write an experiment of your own project instead; such as shop.settings"),
    ] = None,
    database: options.Database = None,
    reads_per_s: Annotated[float | None, typer.Option(help="reads a second")] = None,
    writes_per_s: Annotated[float | None, typer.Option(help="writes a second")] = None,
    keys: Annotated[int | None, typer.Option(help="how many different keys")] = None,
    timeout: Timeout = None,
    value_bytes: Annotated[int | None, typer.Option(help="size of a cached value")] = None,
    workers: Annotated[int | None, typer.Option(help="worker processes")] = None,
    threads: Annotated[int | None, typer.Option(help="threads a worker")] = None,
    db_read_s: ReadTime = None,
    transaction_tail_s: Tail = None,
    force: Annotated[bool, typer.Option(help="overwrite the file")] = False,
) -> None:
    """Write a file to start from: a scenario, a strategy, an own app.

    A scenario describes your own workload: give options for it, or answer questions. With --strategy, the file has a
    strategy of your own; with --app, the models, URL names and cache settings of your project, and a first guess at its
    traffic. All files have comments.
    """
    answers = {
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
    given: dict[str, Any] = {name: answer for name, answer in answers.items() if answer is not None}
    if app is not None:
        others = given if strategy is None else {"strategy": strategy, **given}
        _init_app(app, file or Path("cache_experiment.py"), database, others, force=force)
    elif database is not None:
        raise UserError("--database needs --app: it is the kind of database on which your own project runs")
    elif strategy is not None:
        _init_strategy(strategy, given if file is None else {"the file of a scenario": file, **given}, force=force)
    else:
        _init_scenario(file or Path("my_scenario.py"), given, force=force)


def _init_scenario(file: Path, given: dict[str, Any], *, force: bool) -> None:
    """Write a scenario file; if no option is *given* and there is a terminal, ask questions."""
    from .template import QUESTIONS, check_place, checked_answer, run_line, write_scenario

    given = {**given}
    if not given and sys.stdin.isatty():
        check_place(file, force=force)
        for name, (question, default) in QUESTIONS.items():
            check = partial(checked_answer, name)
            given[name] = typer.prompt(question, default=default, err=True, value_proc=check)
    write_scenario(file, given, force=force)
    ignore_signals()  # too late, as after a page
    defaults = "" if given else " with cachewise's defaults, as nobody could be asked here"
    say(f"wrote {file}{defaults}; now: {run_line(file)}")


def _init_strategy(file: Path, others: dict[str, Any], *, force: bool) -> None:
    """Write a strategy's file; *others* are options for a scenario, which do not go with it.

    Raises:
        UserError: if there are such options, or the file cannot be written.
    """
    from .starter import try_lines, write_strategy

    _refuse(f"--strategy {file_name(file)} writes a strategy", others)
    write_strategy(file, force=force)
    ignore_signals()  # too late, as after a page
    say(f"wrote {file}; try it: {try_lines(file)}")


def _init_app(settings: str, file: Path, database: str | None, others: dict[str, Any], *, force: bool) -> None:
    """Write an experiment's file; *others* are options for a scenario or a strategy, which do not go with it.

    Raises:
        UserError: if there are such options, the project cannot be set up, or the file cannot be written.
    """
    from .app_sketch import write_experiment

    _refuse(f"--app {one_line(settings)} writes an experiment of a project", others)
    command = write_experiment(settings, file, database, force=force)
    ignore_signals()  # too late, as after a page
    say(f"wrote {file}; change everything at REPLACE; then: {command}")


def _refuse(writes: str, others: dict[str, Any]) -> None:
    """Refuse options for another kind of file.

    Raises:
        UserError: if there are any.
    """
    if others:
        typed = ", ".join(name if " " in name else f"--{name.replace('_', '-')}" for name in others)
        verb = "belongs" if len(others) == 1 else "belong"
        whose = "a strategy" if "strategy" in others else "a scenario"
        raise UserError(f"{writes}; {typed} {verb} to {whose}: one at a time")
