"""Tables that fit the terminal, however narrow: no cell is cut, and none is left out."""

import io
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

BETWEEN = 2  # columns between two columns of a table
LEAST_WIDTH = 20


class Heading(NamedTuple):
    """The head of a column: its name, the alignment of its cells, and its least width."""

    name: str
    left: bool = False
    least: int = 0


def terminal_width() -> int:
    """Return the width of tables and texts, in characters."""
    return max(shutil.get_terminal_size((120, 24)).columns, LEAST_WIDTH)


def terminal() -> Console:
    """Return a console that writes the text for the terminal to its file."""
    return Console(file=io.StringIO(), width=terminal_width(), force_terminal=sys.stdout.isatty(), highlight=False)


def printed(console: Console) -> str:
    """Return what was printed on a `terminal`, without spaces at the ends of lines."""
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in lines).rstrip()


def fitted(
    headings: Sequence[Heading],
    rows: Sequence[Sequence[Text]],
    width: int,
    *,
    title: str = "",
    caption: str = "",
    head_style: str = "table.header",
) -> RenderableType:
    """Return *rows* as a table that fits *width*.

    A table that would be wider becomes several, below each other, each of which begins with the first column. If no
    column has room beside the first one, each row becomes a few lines: its first cell, then the others, each with its
    heading.
    """
    columns = list(zip(*([*map(_width_of, row)] for row in rows), strict=True)) or [()] * len(headings)
    widths = [max(one.least, len(one.name), *cells) for one, cells in zip(headings, columns, strict=True)]
    parts = _parts(widths, width)
    tables = [_table([headings[nth] for nth in part], [[row[nth] for nth in part] for row in rows]) for part in parts]
    for table in tables:
        table.header_style = head_style
    if len(tables) == 1:
        tables[0].title, tables[0].caption = Text(title, "bold") if title else None, Text(caption) if caption else None
        return tables[0]
    above = [Text(title, "bold")] if title else []
    below = [Text(caption, "table.caption")] if caption else []
    between = [one for table in tables for one in (Text(), table)][1:]
    return Group(*above, *(between or _stacked(headings, rows)), *below)


def _width_of(cell: Text) -> int:
    return max((line.cell_len for line in cell.split("\n")), default=0)


def _parts(widths: Sequence[int], width: int) -> list[list[int]]:
    """Return the numbers of the columns of each table; none if a column has no room beside the first one."""
    first, *others = widths
    if others and first + BETWEEN + max(others) > width:
        return []
    parts, taken = [[0]], first
    for nth, one in enumerate(others, start=1):
        if taken + BETWEEN + one > width:
            parts.append([0])
            taken = first
        parts[-1].append(nth)
        taken += BETWEEN + one
    return parts


def _table(headings: Sequence[Heading], rows: Sequence[Sequence[Text]]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.title_justify = table.caption_justify = "left"
    for one in headings:
        name = one.name.ljust(one.least) if one.left else one.name.rjust(one.least)
        table.add_column(Text(name), justify="left" if one.left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _stacked(headings: Sequence[Heading], rows: Sequence[Sequence[Text]]) -> Iterator[RenderableType]:
    for first, *others in rows:
        yield first
        for heading, cell in zip(headings[1:], others, strict=True):
            if cell.plain:
                name = f"{heading.name}: " if heading.name else ""
                yield Padding(Text.assemble(name, Text(", ").join(cell.split("\n"))), (0, 0, 0, 2))
