"""The command line: its verbs, and how it starts and ends."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ..processes.interrupts import raise_on_signals
from .bench import ABOUT_BENCH, bench
from .check import ABOUT_CHECK, check
from .demo import ABOUT_DEMO, demo
from .doctor import ABOUT_DOCTOR, doctor
from .environment import allow_many_files, drop_postgres_variables, hush_key_warnings
from .exit_codes import BAD_INPUT, exit_code_of
from .init import ABOUT_INIT, init
from .list import ABOUT_LIST, list_
from .resume import ABOUT_RESUME, resume
from .run import ABOUT_RUN, run
from .verify import ABOUT_VERIFY, verify

app = typer.Typer(
    name="cachewise",
    help="Which cache-invalidation strategy should a Django workload use, with which timeout, and what does it cost?",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def print_version(asked: bool) -> None:
    """Print the version and end, if that was *asked* for."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"cachewise {version('cachewise')}")
        raise typer.Exit


@app.callback()
def cachewise(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Which cache-invalidation strategy should a Django workload use, with which timeout, and what does it cost?"""


app.command(epilog=ABOUT_DEMO)(demo)
app.command(epilog=ABOUT_RUN)(run)
app.command(epilog=ABOUT_RESUME)(resume)
app.command(epilog=ABOUT_BENCH)(bench)
app.command(epilog=ABOUT_VERIFY)(verify)
app.command(epilog=ABOUT_CHECK)(check)
app.command(epilog=ABOUT_INIT)(init)
app.command("list", epilog=ABOUT_LIST)(list_)
app.command(epilog=ABOUT_DOCTOR)(doctor)


def run_script(file: str) -> None:
    """Run the scenario in *file* with the options of `cachewise run`; the file's own `__main__` block calls this."""
    main(["run", f".{os.sep}{os.path.relpath(file)}", *sys.argv[1:]])


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line, and end with its exit code: see `exit_codes`."""
    typed = sys.argv[1:] if args is None else list(args)

    def command() -> Any:
        raise_on_signals()
        allow_many_files()
        drop_postgres_variables()
        hush_key_warnings()
        code = app(args=typed or ["--help"], prog_name="cachewise", standalone_mode=False, obj=typed)
        return code if typed else BAD_INPUT  # no verb was typed

    sys.exit(exit_code_of(command))
