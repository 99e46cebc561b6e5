"""The options that several verbs share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UserError, one_line


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
    str, typer.Argument(metavar="SCENARIO", help="a name (see cachewise list scenarios), or a file: ./my_scenario.py")
]
StrategyNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:PARAM=VALUE,...]",
        help="such as ttl-only:timeout=60 (see cachewise list strategies); or one of yours: ./mine.py, ./mine.py:Name, "
        "package.module:Name; repeatable; all of cachewise's that can run if left out",
    ),
]
ON_BACKEND = "see cachewise list backends; repeatable; {} if left out"
BackendFiles = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE.toml", help="a backend: a file with one entry of Django's CACHES; repeatable"),
]
SettingsModules = Annotated[
    list[str] | None,
    typer.Option(
        "--settings",
        metavar="MODULE[:ALIAS]",
        help="a backend: the entry ALIAS (default if left out) of the CACHES in your settings module, such as "
        "shop.settings, which is imported; its LOCATION is never used; repeatable",
    ),
]
Seed = Annotated[int | None, typer.Option(min=0, metavar="N", help="run with this seed (1 if left out)")]
Seeds = Annotated[int | None, typer.Option(min=1, max=10_000, metavar="K", help="run with seeds 1 to K: error bars")]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="another value for a field of the scenario, such as reads_per_s=20 (cachewise init writes a file that "
        "shows them); repeatable",
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
        metavar="SECONDS",
        help="timeout of all strategies that do not name their own, or none; if left out, that of the CACHES entry, "
        "else of the scenario, else the strategy's default",
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
    int, typer.Option(min=0, metavar="N", help="runs side by side; 0: one a core (own app: one per two cores)")
]
Form = Annotated[Format, typer.Option("--format", help="what to print")]
Traceback = Annotated[
    bool,
    typer.Option("--traceback", help="where a file of yours raises an exception, print its traceback, too"),
]
Duration = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="measured seconds of each run, instead of duration_s; warmup_s goes before them"
    ),
]
Variants = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="own app: a variant of its file, besides 'as it is' and 'no cache'; repeatable"),
]
Database = Annotated[
    str | None, typer.Option(metavar="NAME", help="own app: sqlite or postgres, instead of its DATABASES' own kind")
]
Refill = Annotated[bool, typer.Option("--refill", help="own app: migrate and fill its databases anew")]
RowsIn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="where the rows live, private to the run, never your DATABASES: postgres or sqlite; postgres if left out "
        "and installed",
    ),
]
Added = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD",
        help="latency of the scenario to sleep besides the real ones, repeatable; all, or none. If left out: "
        "db_read_s, render_s and transaction_tail_s, which describe an application that is not there; sending "
        "queries, the round trips and the commits are real",
    ),
]
Vary = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUES",
        help="a sweep: a field of the scenario, timeout, or STRATEGY:param, with its values: timeout=20,60,300, or "
        "writes_per_s=log:0.1:100:7 (lin:FROM:TO:COUNT spreads evenly); repeatable: all combinations are run",
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        metavar="FIGURE:HALF,...",
        help="as many seeds as it takes for 95% intervals of +/- HALF, such as stale_ratio:0.002,hit_ratio:0.005",
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
        help="a sweep: say which strategies and values keep to it, such as stale_ratio=1% or stale_age_p99_s=2; "
        "repeatable",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="run on the Dask cluster with this scheduler, where the same versions must be installed; it runs code "
        "that is sent to it, so it must be yours",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="a sweep of more than 100,000 cells is meant")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be run, and how long it would take")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="a sweep: run cells again that failed")]
HOW_LONG = """How long it takes: the real runs follow one another, one for each strategy, backend and seed. Each takes
warmup_s + duration_s real seconds, and 2 to 4 more to start and to end."""
NEEDED = """What it needs: the Python packages of '.[all]' (see docs/install.md), of which hdrhistogram always, and the
servers of the backends named. What is missing is said before anything starts; cachewise doctor looks at all of it."""


def require_family(database: str | None) -> None:
    """Make sure that --database names a kind of databases.

    Raises:
        UserError: if it does not.
    """
    if database not in (None, "sqlite", "postgres"):
        raise UserError(f"--database {one_line(database)}: it must be sqlite or postgres")
