"""The options of the command line: those that several verbs share, and what an option can be."""

import re
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


def print_version(asked: bool) -> None:
    """Print the version and end, if that was *asked* for."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"cachewise {version('cachewise')}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=print_version, is_eager=True, help="print the version")]
Target = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="a name (see cachewise list scenarios), or a file: ./my_scenario.py")
]
StrategyNames = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:PARAM=VALUE,...]",
        help="such as ttl-only:timeout=60 (see cachewise list strategies); repeatable; all that can run if left out",
    ),
]
_BACKEND = "see cachewise list backends; repeatable; {} if left out"
SimulatedOn = Annotated[list[str] | None, typer.Option(metavar="NAME", help=_BACKEND.format("shared"))]
RealOn = Annotated[list[str] | None, typer.Option(metavar="NAME", help=_BACKEND.format("locmem"))]
VerifiedOn = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help=_BACKEND.format("locmem, redis and memcached"))
]
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
VerifiedSeeds = Annotated[int, typer.Option(min=1, max=10_000, metavar="K", help="run with seeds 1 to K")]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="another value for a field of the scenario, such as reads_per_s=20 (cachewise init writes a file that "
        "shows them); repeatable",
    ),
]
TracePath = Annotated[str | None, typer.Option(metavar="FILE", help="replay the requests in this CSV or Parquet file")]
Timeout = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="timeout of all strategies that do not name their own, or none; if left out, that of the CACHES entry, "
        "else of the scenario, else the strategy's default",
    ),
]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="folder for summary, charts and report.html")]
VerifiedOut = Annotated[Path | None, typer.Option(metavar="FOLDER", help="folder for verify.csv and verify.png")]
Driven = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="with --conformance: repeatable; all if left out")
]
Jobs = Annotated[int, typer.Option(min=0, metavar="N", help="runs side by side; 0: one a core")]
Form = Annotated[Format, typer.Option("--format", help="what to print")]
LayoutForm = Annotated[Layout, typer.Option("--format", help="with --conformance: what to print")]
Duration = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="measured seconds of each run, instead of duration_s; warmup_s goes before them"
    ),
]
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
ServerUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="a cache server of yours to use instead of a private one, such as redis://127.0.0.1:6379/15. "
        "redis and django-redis: redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix://PATH?db=DB; "
        "memcached: memcached://HOST:PORT or unix://PATH",
    ),
]
MayBeFlushed = Annotated[
    bool,
    typer.Option(
        "--this-server-may-be-flushed",
        help="--server needs it: what that server holds is deleted before and after each run, and whenever a strategy "
        "clears the cache: on Redis all keys of database DB (FLUSHDB), on Memcached everything (flush_all), other "
        "applications' too",
    ),
]
VERIFIED = ["ttl-only", "delete-in-transaction", "delete-on-write", "clear-all", "versioning"]
VerifiedNames = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME[:PARAM=VALUE,...]", help=f"repeatable; if left out: {', '.join(VERIFIED)}"),
]

_TIME = """How long it takes: the real runs follow one another, one for each strategy, backend and seed. Each takes
warmup_s + duration_s real seconds, and 2 to 4 more to start and to end."""
_NEEDS = """What it needs: the Python packages of '.[all]' (see the README), of which hdrhistogram always, and the
servers of the backends named. What is missing is said before anything starts; cachewise doctor looks at all of it."""
ABOUT_BENCH = f"""{_TIME} So 2 strategies on 2 backends with 5 seeds, --set warmup_s=5 and --duration 10 are 20 runs
of 18 seconds: 6 minutes. Without --strategy, --set and --duration it can be hours.

{_NEEDS}

\b
Examples:
  cachewise bench wall_check --backend redis --strategy delete-on-write
  cachewise bench wall_check --backend redis --strategy delete-on-write
    --server redis://127.0.0.1:6379/15 --this-server-may-be-flushed
"""
ABOUT_VERIFY = f"""{_TIME} Then each is simulated 16 times, all cores at work. So what verify does by itself, 5
strategies on 3 backends with 6 seeds, are 90 runs of 27 seconds, 40 minutes, and 1,440 simulations, 5 to 10 minutes.
--seeds 3 --backend redis --strategy delete-on-write --duration 10 takes about a minute and a half.

{_NEEDS}
"""
ABOUT_DOCTOR = """ok: it is there and works. absent: it is not installed, and only who wants it needs it. PROBLEM:
cachewise cannot do without it; the exit code is 1. The line that begins with "fix:" says what to do."""


def plainly(message: str) -> str:
    """Return a message of typer's without the words of the library that has checked the value."""
    for theirs, ours in (
        (r"Value error, ", ""),
        (r"Input should be a valid integer, .*", "it must be a whole number"),
        (r"Input should be a valid number, .*", "it must be a number (of seconds, if it is a time)"),
        (r"Input should be ", "it must be "),
    ):
        message = re.sub(theirs, ours, message)
    return message
