"""Tables: the outcomes for the terminal, as Markdown, as CSV and as JSON."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from ..sim.experiment import Outcome
from ..sim.verdict.metrics import PARTS
from .fitted import Heading, fitted, printed, terminal, terminal_width
from .formatting import cell, figure, oldest, plural
from .frames import Case, cases, run_frame, run_row

COLUMNS = {
    "stale_ratio": "outdated reads",
    "stale_reads_per_day": "outdated a day",
    "stale_age_max_s": "oldest",
    "hit_ratio": "hits",
    "db_queries_saved_ratio": "queries saved",
    "db_queries_per_s": "queries/s",
    "cache_calls_per_request": "cache calls per request",
    "db_peak_in_flight": "most queries at once",
    "response_p99_s": "response p99",
    "entries_end": "entries stored at the end",
    "keys_left_wrong": "keys left outdated",
}
APP_COLUMNS = {  # of a project's variants, all reads together
    "stale_ratio": "outdated reads",
    "stale_reads_per_day": "outdated a day",
    "stale_age_max_s": "oldest",
    "own_edit_unseen_ratio": "own edit not seen",
    "hit_ratio": "hits",
    "statements_per_read": "statements a read",
    "db_queries_saved_ratio": "statements saved",
    "db_s_per_read": "database time a read",
    "db_time_saved_ratio": "database time saved",
    "db_queries_per_s": "statements/s",
    "cache_calls_per_request": "cache calls per request",
    "response_p50_s": "response p50",
    "response_p99_s": "response p99",
    "errors": "failed requests",
    "logouts": "lost from stores",
}
WRONG_COLUMNS = {"wrong_ratio": "wrong reads", "wrong_reads_per_day": "wrong a day"}  # where not all are outdated
WALL_COLUMNS = {  # of a case on the wall clock, besides
    "response_p50_s": "response p50",
    "response_p999_s": "response p99.9",
    "throughput_per_s": "answered/s",
    "db_reads": "database loads",
    "errors": "errors",
    "undecidable": "undecidable",
    "late_p99_s": "generator late, p99",
    "late_max_s": "generator late, at most",
}
REMARKS = {  # additions to a metric's own meaning
    "db_queries_per_s": "; the writes' own statements are not counted",
    "db_queries_saved_ratio": "; read queries, the writes' own statements are not counted",
}
_TERMINAL = {  # short headings, and their meanings
    "stale_ratio": ("outdated reads", ""),
    "stale_age_max_s": ("oldest", ""),
    "db_queries_saved_ratio": (
        "saved",
        "read queries saved against no cache (the writes' own statements are not counted)",
    ),
    "db_queries_per_s": ("queries/s", ""),
    "cache_calls_per_request": ("calls", "cache calls per request"),
    "response_p99_s": ("p99", "response time"),
    "entries_end": ("entries", "stored at the end, expired ones included where the backend keeps them"),
}

_TERMINAL_APP = {
    "stale_ratio": ("outdated reads", ""),
    "stale_age_max_s": ("oldest", ""),
    "db_queries_saved_ratio": ("saved", "SQL statements saved against no cache, the writes' included in both"),
    "db_queries_per_s": ("statements/s", ""),
    "db_s_per_read": ("database", "time that a read waits for it"),
    "response_p99_s": ("p99", "response time"),
    "hit_ratio": ("hits", "of the cache lookups; stores, such as sessions, are left out"),
    "cache_calls_per_request": ("calls", "cache calls per request"),
}
_TERMINAL_WRONG = {  # the first columns if not all wrong reads are outdated
    "wrong_ratio": ("wrong reads", "each counted once"),
    "stale_ratio": ("outdated", ""),
    "dirty_ratio": ("dirty", "not yet committed when they were returned"),
    "aborted_ratio": ("aborted", "never committed"),
    "never_true_ratio": ("never true", "true at no time so far"),
}
_TERMINAL_WALL = {  # the second table of a case on the wall clock
    "response_p50_s": ("p50", "half of the reads were answered within it, from their arrival"),
    "response_p99_s": ("p99", "99 of 100 were"),
    "response_p999_s": ("p99.9", "999 of 1,000"),
    "throughput_per_s": ("answered/s", "requests without an error"),
    "hit_ratio": ("hits", ""),
    "db_reads": ("loads", "rows read from the database"),
    "stale_age_p99_s": ("age p99", "99 of 100 outdated reads were no older"),
    "errors": ("errors", "requests that raised an exception"),
    "undecidable": ("undecidable", "reads during a COMMIT that may be outdated or not: not counted as outdated"),
    "late_p99_s": ("late p99", "99 of 100 requests with a free thread were sent no later than this after their time"),
    "late_max_s": ("at most", "all of them"),
}


def columns(case: Case) -> dict[str, str]:
    """Return the columns of a case's table, without figures per day if the traffic has something that comes only once.

    If some reads returned rows that were not committed, the wrong reads come first, with their kinds.
    """
    shown = APP_COLUMNS if case.of_project else COLUMNS | WALL_COLUMNS if case.on_the_wall_clock else COLUMNS
    if case.mixed:
        shown = {**WRONG_COLUMNS, **case.parts, **shown}
        del shown["stale_reads_per_day"]
    if "keys_left_wrong" in shown and (case.mixed or case.rolls_back):  # also rolled-back rows that are never read
        shown = {**shown, "keys_left_wrong": "keys left wrong"}
    return {metric: name for metric, name in shown.items() if not (case.is_one_off and metric.endswith("_per_day"))}


def render(outcomes: Sequence[Outcome], form: str) -> str:
    """Return the outcomes as text: *form* is "table", "markdown", "csv" or "json"."""
    return {"table": terminal_text, "markdown": markdown, "csv": csv_text, "json": json_text}[form](outcomes)


def terminal_text(outcomes: Sequence[Outcome]) -> str:
    """Return one table a case for the terminal, in colour if standard output is one. The answer has the remarks."""
    console = terminal()
    for case in cases(outcomes):
        console.print(_table(case, _terminal_columns(case), case.title, _means_of(case)))
        if case.on_the_wall_clock:
            console.print(_table(case, _TERMINAL_WALL, "", ""))
    return printed(console)


def _terminal_columns(case: Case) -> dict[str, tuple[str, str]]:
    usual = _TERMINAL_APP if case.of_project else _TERMINAL
    if not case.mixed:
        return usual
    known = ("wrong_ratio", *case.parts)
    first = {metric: shown for metric, shown in _TERMINAL_WRONG.items() if metric in known}
    return {**first, **{metric: shown for metric, shown in usual.items() if metric not in PARTS}}


def _table(case: Case, shown: Mapping[str, tuple[str, str]], title: str, remarks: str) -> RenderableType:
    """Return the table of the metrics *shown*, each with its heading and meaning."""
    rows = [[label, *(_short(case, label, metric) for metric in shown)] for label in case.by_strategy]
    return explained(case.kind.one, shown.values(), rows, title, remarks)


def explained(
    first: str, shown: Collection[tuple[str, str]], rows: Iterable[Sequence[str]], title: str, remarks: str
) -> RenderableType:
    """Return a table as wide as the terminal, with the meanings of its headings below it.

    *shown* has the heading and the meaning of each column; before them comes the *first* column, as in the *rows*.
    """
    meanings = [f"{name}: {meaning}" for name, meaning in shown if meaning]
    headings = [Heading(first, left=True), *(Heading(name) for name, _meaning in shown)]
    caption = "; ".join(filter(None, [*meanings, remarks])).replace("`", "")
    # Names come from users: in a Text, square brackets are not taken for colours.
    cells = [[*map(Text, row)] for row in rows]
    return fitted(headings, cells, terminal_width(), title=title, caption=caption)


def _short(case: Case, label: str, metric: str) -> str:
    if metric == ("wrong_ratio" if case.mixed else "stale_ratio"):
        return cell(case, label, metric)
    if metric == "stale_age_max_s":
        return oldest(case, label)
    text = figure(case, label, metric)
    return "none" if text.startswith("none seen") else text  # the first column says out of how many reads


def _means_of(case: Case) -> str:
    count = len(case.seeds)
    return "one seed: no intervals" if count == 1 else f"means of {plural(count, 'seed')}, in brackets 95% intervals"


def markdown(outcomes: Sequence[Outcome]) -> str:
    """Return one Markdown table a case, with its notes."""
    parts = []
    for case in cases(outcomes):
        shown = columns(case)
        rows = [[case.kind.one, *shown.values()]]
        rows += [[label, *(cell(case, label, metric) for metric in shown)] for label in case.by_strategy]
        remarks = "; ".join([_means_of(case), *case.remarks])
        parts.append("\n".join([f"### {case.title}", "", markdown_table(rows), "", remarks]))
    return "\n\n".join(parts)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first of *rows* is its head."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(_no_bars(text) for text in line)} |" for line in lines)


def _no_bars(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def csv_text(outcomes: Sequence[Outcome]) -> str:
    """Return one CSV row a run."""
    return run_frame(outcomes).to_csv(index=False).rstrip("\n")


def json_text(outcomes: Sequence[Outcome]) -> str:
    """Return one JSON list of flat objects, one a run; a value that could not be measured is null."""
    return json.dumps(json_value([run_row(outcome) for outcome in outcomes]), indent=1)


def json_value(value: Any) -> Any:
    """Return *value* for JSON; one that could not be measured is null."""
    if isinstance(value, Mapping):
        return {str(name): json_value(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(one) for one in value]
    if isinstance(value, (str, int)) or value is None:
        return value
    number = float(value)
    return None if isnan(number) else number
