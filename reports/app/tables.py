"""Tables of a project's functions and call sites, for the terminal, as Markdown, as CSV and as JSON."""

import json
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from ...sim.app.outcome import AppOutcome
from ..fitted import printed, terminal
from ..formatting import plural
from ..frames import run_row
from ..labels import shortened
from ..tables import csv_text, explained, json_value, markdown, markdown_table, terminal_text
from ..text import plain
from .frames import Project, Where, projects, with_savings
from .words import DIFFERENCES, FUNCTION_COLUMNS, MEANINGS, against_it, figure, statuses, timeout_text

RARE = ("never_true_ratio", "own_edit_unseen_ratio")
SITES_SHOWN = 6  # in the terminal; the page has all
SITE_COLUMNS = {
    "outdated_reads": (
        "outdated reads",
        "that hit an entry here, older than the commit that made them outdated",
    ),
    "calls": ("calls", ""),
    "hits": ("hits", ""),
}


def render(outcomes: Sequence[AppOutcome], form: str) -> str:
    """Return the outcomes as text: *form* is "table", "markdown", "csv" or "json"."""
    forms = {"table": _terminal_text, "markdown": _markdown, "csv": _csv_text, "json": _json_text}
    return forms[form](outcomes)


def _terminal_text(outcomes: Sequence[AppOutcome]) -> str:
    parts = []
    for one in projects(outcomes):
        console = terminal()
        meanings = [f"{FUNCTION_COLUMNS[metric]}: {told}" for metric, told in MEANINGS.items()]
        for function in one.functions:
            console.print(_function_table(one, function), "")
        console.print(Text(plain("; ".join([*meanings, DIFFERENCES]))), "")
        if one.sites:
            console.print(_site_table(one))
        parts.append(f"{terminal_text(one.case.outcomes)}\n\n{printed(console)}")
    return "\n\n".join(parts)


def _function_table(one: Project, function: str) -> RenderableType:
    shown = columns(one, function)
    rows = [
        [shortened(label), *("\n".join(cell(one, function, label, metric)).rstrip() for metric in shown)]
        for label in one.by_variant
    ]
    reads = plural(max(one.total(function, label, "reads") for label in one.by_variant), "read")
    return explained("variant", [(name, "") for name in shown.values()], rows, f"{function}: {reads}", "")


def columns(one: Project, function: str) -> dict[str, str]:
    """Return the columns of a function's table; rare metrics have one only if they occurred."""
    shown = {
        metric: name
        for metric, name in FUNCTION_COLUMNS.items()
        if metric not in RARE or one.was_seen(function, metric)
    }
    return {**shown, "statuses": "statuses"}


def cell(one: Project, function: str, label: str, metric: str) -> tuple[str, str]:
    """Return a figure, and its difference from the project as it is ("" if that tells nothing)."""
    if metric == "statuses":
        return statuses(one, function, label), ""
    return figure(one, function, label, metric), against_it(one, function, label, metric)


def _site_table(one: Project) -> RenderableType:
    places = list(one.sites)[:SITES_SHOWN]
    more = len(one.sites) - len(places)
    remarks = (
        f"{plural(more, 'more call site')} with no more outdated reads: the page (`--out`) has all" if more else ""
    )
    title = "Cache call sites: file and line, keys; all seeds together"
    rows = (row for where in places for row in _site_lines(one, where))
    return explained("call site", SITE_COLUMNS.values(), rows, title, remarks)


def _site_lines(one: Project, where: Where) -> Iterator[list[str]]:
    nothing = [""] * len(SITE_COLUMNS)
    yield [shortened(where[0]), *nothing]
    yield [f"  {shortened(where[1])}", *nothing]
    for label, several in one.sites[where].items():
        for row in several:
            timeout = timeout_text(row["timeout"])
            called = f"    {label}, timeout {timeout}" if timeout else f"    {label}"
            yield [called, *(f"{row[name]:,}" for name in SITE_COLUMNS)]


def site_rows(one: Project, where: Where) -> Iterator[list[str]]:
    """Yield a row a variant and timeout of a call site: the variant, the timeout, and the counts."""
    for label, several in one.sites[where].items():
        for row in several:
            yield [label, timeout_text(row["timeout"]), *(f"{row[name]:,}" for name in SITE_COLUMNS)]


def _markdown(outcomes: Sequence[AppOutcome]) -> str:
    parts = []
    for one in projects(outcomes):
        parts.append(markdown(one.case.outcomes))
        for function in one.functions:
            shown = columns(one, function)
            rows = [
                [label, *(_in_brackets(*cell(one, function, label, metric)) for metric in shown)]
                for label in one.by_variant
            ]
            parts.append(f"#### {function}\n\n{markdown_table([['variant', *shown.values()], *rows])}")
        parts.append(f"In brackets: {DIFFERENCES.partition(': ')[2]}.")
        if one.sites:
            head = ["call site", "keys", "variant", "timeout", *(name for name, _meaning in SITE_COLUMNS.values())]
            rows = [[*where, *row] for where in one.sites for row in site_rows(one, where)]
            parts.append(f"#### Cache call sites\n\n{markdown_table([head, *rows])}")
    return "\n\n".join(parts)


def _in_brackets(text: str, difference: str) -> str:
    return f"{text} ({difference})" if difference else text


def _csv_text(outcomes: Sequence[AppOutcome]) -> str:
    return csv_text([one.outcome for one in with_savings(outcomes)])


def _json_text(outcomes: Sequence[AppOutcome]) -> str:
    rows = [{**run_row(one.outcome), "functions": one.functions, "sites": one.sites} for one in with_savings(outcomes)]
    return json.dumps(json_value(rows), indent=1)
