"""The verb `doctor`: checks that everything that cachewise needs is there, and shows what the backends really do."""

from enum import StrEnum
from typing import Annotated

import typer

from ..errors import UserError
from .complete import backends
from .exit_codes import FAILED

ABOUT_DOCTOR = """ok: it is there and works. absent: it is not installed, and not everybody needs it. PROBLEM: cachewise
cannot work without it; the exit code is 1. The line that begins with "fix:" says what to do.

\b
Examples:
  cachewise doctor
  cachewise doctor --conformance --backend locmem
"""


class Layout(StrEnum):
    """How `doctor --conformance` prints its findings."""

    TABLE = "table"
    MARKDOWN = "markdown"


def doctor(
    conformance: Annotated[bool, typer.Option("--conformance", help="show what every backend's calls do")] = False,
    backend: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="with --conformance: repeatable; all if left out", autocompletion=backends),
    ] = None,
    form: Annotated[Layout, typer.Option("--format", help="with --conformance: what to print")] = Layout.TABLE,
) -> None:
    """Check that everything that cachewise needs is there.

    It also checks that it works, and says what to do if not.
    """
    from .findings import check_up, drive

    if backend and not conformance:
        raise UserError("--backend needs --conformance: without it the doctor looks at all backends")
    markdown = conformance and form is Layout.MARKDOWN
    healthy = True
    for finding in drive(backend or [], markdown=markdown, show=typer.echo) if conformance else check_up():
        healthy &= finding.verdict != "PROBLEM"
        typer.echo(f"{finding.verdict:<7}  {finding.what}: {finding.found}", err=markdown)
        if finding.mend:
            typer.echo(f"         fix: {finding.mend}", err=markdown)
    if not healthy:
        raise typer.Exit(FAILED)
