"""The parts of the page that only a project has: functions, call sites, failures."""

from collections.abc import Iterator
from html import escape

from ..formatting import plural
from ..page import html_table, marked_by, verbatim
from .answer import tracebacks
from .frames import Project, Where
from .tables import SITE_COLUMNS, cell, columns, site_rows
from .words import DIFFERENCES, FUNCTION_COLUMNS, meaning

SITES_OPEN = 12  # call sites that are shown at once; the rest is collapsed


def details(project: Project) -> str:
    """Return the tables of a project as HTML."""
    return "".join([*_functions(project), _function_meanings(project), *_sites(project), *_failures(project)])


def _functions(project: Project) -> Iterator[str]:
    if not project.functions:
        return
    yield f'<h3>Every read function</h3>\n<p class="muted">{_sentence(DIFFERENCES)}</p>\n'
    look = project.case.looks
    for function in project.functions:
        reads = plural(max(project.total(function, label, "reads") for label in project.by_variant), "read")
        shown = columns(project, function)
        rows = []
        for label in project.by_variant:
            cells = [_cell(*cell(project, function, label, metric)) for metric in shown]
            rows.append([marked_by(look[label], label), *cells])
        caption = f"<code>{escape(function)}</code>: {reads}"
        yield html_table(["variant", *shown.values()], rows, f"{function}: {project.case.title}", "figures", caption)


def _sentence(text: str) -> str:
    before, code, after = text.partition("`as it is`")
    return f"{before[:1].upper()}{escape(before[1:])}{'<em>as it is</em>' if code else ''}{escape(after)}."


def _cell(text: str, difference: str) -> str:
    return escape(text) + (f"<small>{escape(difference)}</small>" if difference else "")


def _function_meanings(project: Project) -> str:
    shown = {metric for function in project.functions for metric in columns(project, function)}
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(meaning(metric))}</dd>\n"
        for metric, name in FUNCTION_COLUMNS.items()
        if metric in shown
    )
    return f"<details><summary>What these columns mean</summary><dl>{items}</dl></details>\n" if items else ""


def _sites(project: Project) -> Iterator[str]:
    if not project.sites:
        return
    yield (
        "<h3>The cache call sites</h3>\n"
        '<p class="muted">Call sites with the most outdated reads come first. An outdated read counts at a call site '
        "if it hit an entry there that is older than the commit that made the read outdated. Counts are for all "
        "seeds together. The variant without a cache is not shown, as nothing hits there.</p>\n"
    )
    head = ["file and line, keys", "variant", "timeout", *(name for name, _meaning in SITE_COLUMNS.values())]
    rows = [_site(project, where) for where in project.sites]
    name = f"The cache call sites: {project.case.title}"
    yield html_table(head, rows[:SITES_OPEN], name, "sites")
    if rows[SITES_OPEN:]:
        more = plural(len(rows) - SITES_OPEN, "more call site")
        folded = html_table(head, rows[SITES_OPEN:], f"{name}, {more}", "sites")
        yield f"<details><summary>{more}</summary>{folded}</details>\n"


def _site(project: Project, where: Where) -> list[str]:
    """Return the row of a call site; each cell has a line for each variant."""
    site, keys = (f"<code>{escape(text)}</code>" for text in where)
    lines = zip(*site_rows(project, where), strict=True)
    return [f"{site}<small>{keys}</small>", *("<br>".join(map(escape, column)) for column in lines)]


def _failures(project: Project) -> Iterator[str]:
    found = tracebacks(project)
    if found:
        yield "<h3>What failed, and the first traceback</h3>\n"
    for said, frames in found:
        yield f"<details><summary>{escape(said)}</summary>\n{verbatim(escape(frames), escape(said))}</details>\n"
