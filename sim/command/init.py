"""The verb `init`: a scenario file for one's own workload."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..processes.interrupts import ignore_signals
from .exit_codes import say


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
    from .template import QUESTIONS, check_place, checked_answer, run_line, write_scenario

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
    if not given and sys.stdin.isatty():
        check_place(file, force=force)
        for name, (question, default) in QUESTIONS.items():
            check = partial(checked_answer, name)
            given[name] = typer.prompt(question, default=default, err=True, value_proc=check)
    write_scenario(file, given, force=force)
    ignore_signals()  # too late, as after a page
    defaults = "" if given else " with cachewise's defaults, as nobody could be asked here"
    say(f"wrote {file}{defaults}; now: {run_line(file)}")
