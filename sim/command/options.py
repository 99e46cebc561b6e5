"""The options that several verbs share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UserError, one_line
from . import complete


class Format(StrEnum):
    """How `run`, `bench` and `verify` print their results."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def folder(text: str | Path) -> Path:
    """Return the folder that an option names.

    Raises:
        typer.BadParameter: if it names none.
    """
    if not str(text).strip():
        raise typer.BadParameter("it must name a folder; . is the current one")
    return Path(text)


Target = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help="a name (cachewise list scenarios shows them), or a file: ./my_scenario.py",
        autocompletion=complete.scenarios,
    ),
]
StrategyNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:PARAM=VALUE,...]",
        help="such as ttl-only:timeout=10m (see cachewise list strategies); or one of yours: ./mine.py, "
        "./mine.py:Name, package.module:Name; repeatable; all of cachewise's that can run if left out",
        autocompletion=complete.strategies,
    ),
]


def on_backends(if_left_out: str) -> Any:
    """Return the option ``--backend``, with what is taken *if_left_out*."""
    return typer.Option(
        metavar="NAME",
        help=f"see cachewise list backends; repeatable; {if_left_out} if left out",
        autocompletion=complete.backends,
    )


BackendFiles = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE.toml", help="use the entry of Django's CACHES in this file as a backend; repeatable"),
]
SettingsModules = Annotated[
    list[str] | None,
    typer.Option(
        "--settings",
        metavar="MODULE[:ALIAS]",
        help="use the entry ALIAS (default if left out) of the CACHES in your settings module, such as shop.settings, "
        "as a backend; the module is imported; the entry's LOCATION is never used; repeatable",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, metavar="N", help="run with this seed (1 if left out)")]
Seeds = Annotated[
    int | None, typer.Option(min=1, max=10_000, metavar="K", help="run with seeds 1 to K, which gives error bars")
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="another value for a field of the scenario, such as reads_per_s=20 (cachewise init writes a file that "
        "shows them); repeatable",
        autocompletion=complete.fields,
    ),
]
TracePath = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="replay the requests in this file: CSV, Parquet, an access log, or a trace of Twitter or CacheLib",
    ),
]
TraceColumns = Annotated[
    str | None,
    typer.Option(
        metavar="NAME=COLUMN,...",
        help="what the trace's file calls time (time_s, time_ms, time_us), key, op, size and timeout, such as "
        "time=ts,key=url; op=- leaves one out; without a header their numbers: time=1,key=2",
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help="timeout of all strategies that do not name their own: seconds, or such as 10m or 2h, or none; if left "
        "out, that of the CACHES entry, else of the scenario, else the strategy's default",
    ),
]
Out = Annotated[
    Path | None, typer.Option(parser=folder, metavar="FOLDER", help="folder for summary, charts and report.html")
]
KeepReads = Annotated[
    bool,
    typer.Option(
        "--keep-reads", help="write every judged read to FOLDER/reads/STRATEGY-BACKEND-SEED.parquet; goes with --out"
    ),
]
Jobs = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="how many runs go side by side; 0: one per core (own app: per two cores)"),
]
Form = Annotated[Format, typer.Option("--format", help="what to print")]
Traceback = Annotated[
    bool,
    typer.Option("--traceback", help="if a file of yours raises an exception, print its traceback, too"),
]
Duration = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION",
        help="measured time of each run, instead of duration_s: seconds, or such as 10m or 2h; warmup_s goes before it",
    ),
]
Variants = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="own app: a variant of its file, besides 'as it is' and 'no cache'; repeatable",
        autocompletion=complete.variants,
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="own app: sqlite or postgres, instead of its DATABASES' own kind",
        autocompletion=complete.families,
    ),
]
Refill = Annotated[bool, typer.Option("--refill", help="own app: migrate and fill its databases again")]
RowsIn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="where the rows are: postgres or sqlite; a database of its own, never one of your DATABASES; postgres if "
        "left out and installed",
        autocompletion=complete.families,
    ),
]
Added = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD",
        help="a latency of the scenario to add to the real ones: its name, all, or none; repeatable. If left out: "
        "db_read_s, render_s and transaction_tail_s, as no real application takes that time here; queries are really "
        "sent, round trips and commits are real",
        autocompletion=complete.latencies,
    ),
]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUES",
        help="a sweep: a field of the scenario, timeout, or STRATEGY:param, with its values: timeout=20s,1m,5m, or "
        "writes_per_s=log:0.1:100:7 (lin:FROM:TO:COUNT spreads evenly); repeatable: all combinations are run",
        autocompletion=complete.axes,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="FIGURE:HALF,...",
        help="run as many seeds as it takes for 95% intervals of +/- HALF, such as stale_ratio:0.002,hit_ratio:0.005",
        autocompletion=complete.precisions,
    ),
]
MaxSeeds = Annotated[
    int | None, typer.Option(min=2, max=10_000, metavar="K", help="with --precision: at most K seeds (60 if left out)")
]
Limits = Annotated[
    list[str] | None,
    typer.Option(
        "--max",
        metavar="FIGURE=LIMIT",
        help="a sweep: say which strategies and values stay within it, such as stale_ratio=1% or stale_age_p99_s=2s; "
        "repeatable",
        autocompletion=complete.limits,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="run on the Dask cluster with this scheduler, where the same versions must be installed; it must "
        "be yours, because it runs whatever code is sent to it",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="allow a sweep of more than 100,000 cells")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be run, and how long it would take")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="a sweep: run failed cells again")]
HOW_LONG = """How long it takes: there is one real run for each strategy, backend and seed, one after the other. Each
takes warmup_s + duration_s real seconds, and 2 to 4 more to start and to end."""
NEEDED = """What it needs: the Python packages of '.[all]' (see docs/install.md), of which hdrhistogram always, and the
servers of the backends named. If anything is missing, you hear of it before a run starts; cachewise doctor looks for
all of it."""


def require_family(database: str | None) -> None:
    """Make sure that --database names a kind of databases.

    Raises:
        UserError: if it does not.
    """
    if database is not None and database not in complete.families():
        raise UserError(f"--database {one_line(database)}: it must be {' or '.join(complete.families())}")
