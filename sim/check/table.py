"""The findings as text: a table for people, Markdown, or JSON."""

import io
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .finding import Finding

HEADINGS = ("what was tried", "verdict", "what was seen")
COLOURS = {"broke": "bold red", "held": "green", "not claimed": ""}
LEAST_TABLE = 80  # columns: a narrower terminal has a few lines for each finding
Again = Mapping[int, str]  # a finding's place: the command that shows it again


def text(title: str, findings: Sequence[Finding], again: Again) -> str:
    """Return the findings of one backend as a table, in colour if standard output is a terminal."""
    width = max(shutil.get_terminal_size((120, 24)).columns, 20)
    console = Console(file=io.StringIO(), width=width, force_terminal=sys.stdout.isatty(), highlight=False)
    if width >= LEAST_TABLE:
        console.print(_table(title, findings))
    else:
        console.print(Text(title, "bold"))
        for one in findings:
            console.print(Text.assemble(f"{one.what}: ", (one.verdict, COLOURS[one.verdict])))
            console.print(Padding(Text(one.detail), (0, 0, 0, 2)))
    lines = [summary(findings)]
    for nth, command in list(again.items())[:1]:
        lines += [f"To see it again ({findings[nth].what}):", f"  {command}"]
    if len(again) > 1:
        lines.append("For the others: --format markdown.")
    return f"{console.file.getvalue().rstrip()}\n\n" + "\n".join(lines)  # type: ignore[attr-defined]


def _table(title: str, findings: Sequence[Finding]) -> Table:
    table = Table(title=Text(title, "bold"), box=None, padding=(0, 1), pad_edge=False, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=heading == "verdict")
    for one in findings:
        table.add_row(Text(one.what), Text(one.verdict, COLOURS[one.verdict]), Text(one.detail))
    return table


def markdown(title: str, findings: Sequence[Finding], again: Again) -> str:
    """Return the findings of one backend as a Markdown table."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *((one.what, one.verdict, one.detail) for one in findings)]
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    commands = [f"- {findings[nth].what}: `{command}`" for nth, command in again.items()]
    return "\n".join([f"### {title}", "", *lines, "", summary(findings), *(["", *commands] if commands else [])])


def as_json(found: Sequence[tuple[str, Sequence[Finding], Again]]) -> str:
    """Return a list of flat objects, one for each finding, with its backend."""
    rows: list[dict[str, Any]] = [
        {
            "backend": backend,
            "tried": one.what,
            "verdict": one.verdict,
            "seen": one.detail,
            "again": again.get(nth),
        }
        for backend, findings, again in found
        for nth, one in enumerate(findings)
    ]
    return json.dumps(rows, indent=1)


def summary(findings: Sequence[Finding]) -> str:
    """Return how many trials held, broke, or tested something that is not claimed."""
    counts = {verdict: sum(one.verdict == verdict for one in findings) for verdict in COLOURS}
    said = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    return f"{len(findings)} tried: {', '.join(said)}."
