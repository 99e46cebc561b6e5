"""The options of the command line: those that several verbs share, and what an option can be."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How `run`, `bench` and `verify` print its results."""

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


Target = Annotated[str, typer.Argument(help="a scenario's name, or a file such as ./my_scenario.py")]
StrategyNames = Annotated[list[str] | None, typer.Option(help="NAME[:param=value,...], repeatable; all if left out")]
BackendFiles = Annotated[
    list[str] | None, typer.Option(help="a TOML file with an entry of Django's CACHES; repeatable")
]
SettingsModules = Annotated[
    list[str] | None,
    typer.Option("--settings", help="MODULE[:ALIAS]: the CACHES of your settings, never its LOCATION; repeatable"),
]
Seed = Annotated[int | None, typer.Option(min=0, help="run with this seed (1 if left out)")]
Seeds = Annotated[int | None, typer.Option(min=1, max=10_000, help="run with seeds 1 to K: error bars")]
Fields = Annotated[list[str] | None, typer.Option("--set", help="scenario field=value, repeatable")]
TracePath = Annotated[str | None, typer.Option(help="replay this file's requests")]
Timeout = Annotated[str | None, typer.Option(help="timeout of all strategies that do not name their own")]
Out = Annotated[Path | None, typer.Option(help="folder for summary, charts and report.html")]
Form = Annotated[Format, typer.Option("--format", help="what to print")]
LayoutForm = Annotated[Layout, typer.Option("--format", help="with --conformance: what to print")]
Duration = Annotated[float | None, typer.Option(help="measured seconds of each run, instead of duration_s")]
RowsIn = Annotated[str | None, typer.Option(help="postgres or sqlite; postgres if left out and installed")]
Added = Annotated[
    list[str] | None,
    typer.Option(
        help="latency of the scenario to sleep besides the real ones, repeatable; all, or none. If left out: "
        "db_read_s, render_s and transaction_tail_s, which describe an application that is not there; the round trips "
        "and the commits are real"
    ),
]
ServerUrl = Annotated[str | None, typer.Option(help="URL of a cache server to use instead of a private one")]
MayBeFlushed = Annotated[
    bool, typer.Option("--this-server-may-be-flushed", help="that server's cache is emptied before and after each run")
]
VERIFIED = ["ttl-only", "delete-in-transaction", "delete-on-write", "clear-all", "versioning"]
VerifiedNames = Annotated[list[str] | None, typer.Option(help=f"repeatable; if left out: {', '.join(VERIFIED)}")]
