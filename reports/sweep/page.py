"""The page of a sweep: the answer, the charts, the points in figures, and the provenance."""

import re
from collections.abc import Collection, Sequence
from html import escape
from math import isnan

from ...sim.sweep.found import EVERYWHERE
from ...sim.verdict.metrics import APP_METRICS, KNOWN, METRICS, shown
from ..answer import APP_LIMITS, LIMITS, SIMULATED
from ..figures import Chart
from ..frames import Case, notes_of
from ..kinds import VARIANTS
from ..page import document, html_table, inputs_table, items, marked, marked_by, own_file, picture, tagged
from ..provenance import ORIGINS, Input, inputs, own_files, versions
from ..statistics import Interval
from .answer import SweepAnswer
from .frames import known_metrics
from .points import Field, Point
from .words import parameter, short

COLUMNS = {
    "wrong_ratio": "",  # "outdated" or "wrong reads"
    "stale_age_p99_s": "age, p99",
    "hit_ratio": "hits",
    "db_queries_saved_ratio": "saved",
    "db_queries_per_s": "",  # "queries/s" or "statements/s"
    "cache_calls_per_request": "cache calls per request",
    "response_p50_s": "response p50",
    "response_p99_s": "response p99",
}
MOST_ROWS = 400


def page(
    field: Field,
    found: SweepAnswer,
    charts: Sequence[tuple[str, Chart]],
    command: str,
    yours: Collection[str] | None,
) -> str:
    """Return the report of a sweep; *charts* come with the subject of each."""
    body = [
        _header(field),
        _answer(found),
        "".join(picture(chart, about) for about, chart in charts),
        _points(field),
        _rests_on(field),
        _provenance(field, command, yours),
    ]
    return document(f"cachewise: {field.sweep.title}, a sweep", body)


def _header(field: Field) -> str:
    runs = len(field.sweep.landed)
    reads = sum(point.total("reads") for point in field.points.values())
    told = f"{runs:,} simulated runs of real cache code, {reads:,} reads judged against the history of commits."
    if field.kind is VARIANTS:
        told = f"{runs:,} simulated runs of the project's own code, {reads:,} reads held against what no cache gives."
    title = f"{field.sweep.title}: what changes with {' and '.join(axis.name for axis in field.axes) or 'nothing'}"
    return f'<header><p class="kicker">cachewise</p><h1>{escape(title)}</h1><p class="muted">{told}</p></header>\n'


def _answer(found: SweepAnswer) -> str:
    limits = f"<h3>What the limits allow</h3>\n{items(found.limits)}" if found.limits else ""
    ahead = f"<h3>Who is ahead where</h3>\n{items(found.crossovers)}" if found.crossovers else ""
    cautions = f'<div class="alarm">{items(found.cautions)}</div>\n' if found.cautions else ""
    return (
        f'<section class="answer"><h2>The answer</h2>\n<p class="lead">{marked(found.lead)}</p>\n'
        f"{limits}{ahead}{cautions}</section>\n"
    )


def _points(field: Field) -> str:
    """Return the points as a table, at most `MOST_ROWS`."""
    known = known_metrics(field)
    names = {
        "wrong_ratio": f"{field.fault} reads",
        "db_queries_saved_ratio": f"{field.kind.queries} saved",
        "db_queries_per_s": f"{field.kind.queries}/s",
    }
    columns = {metric: names.get(metric, name) for metric, name in COLUMNS.items() if metric in known}
    several = len(field.backends) > 1
    points = list(field.points.values())
    rows = [
        [
            marked_by(field.looks[point.contender], point.contender),
            *([escape(point.backend)] if several else []),
            *_at(field, point),
            str(len(point.outcomes)),
            *(_cell(point, metric) for metric in columns),
        ]
        for point in points[:MOST_ROWS]
    ]
    head = [
        field.kind.one,
        *(["backend"] if several else []),
        *(axis.name for axis in field.sweep.axes),
        "seeds",
        *columns.values(),
    ]
    more = f"The first {MOST_ROWS:,} of {len(points):,}; `points.csv` has all." if len(points) > MOST_ROWS else ""
    told = f"Means over seeds, below them 95% intervals. {more} “-”: the axis makes no difference to it."
    metrics = APP_METRICS if field.kind is VARIANTS else METRICS
    meanings = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(metrics[metric].meaning)}</dd>\n" for metric, name in columns.items()
    )
    return (
        f'<section><h2>Every point in figures</h2>\n<p class="muted">{marked(told)}</p>\n'
        f"{html_table(head, rows, 'Every point in figures', 'figures')}"
        f"<details><summary>What the columns mean</summary><dl>{meanings}</dl></details>\n</section>\n"
    )


def _at(field: Field, point: Point) -> list[str]:
    pairs = zip(field.sweep.axes, point.at, strict=True)
    return ["-" if value is EVERYWHERE else escape(short(axis, value)) for axis, value in pairs]


def _cell(point: Point, metric: str) -> str:
    found = point.interval(metric)
    if not found.mean and KNOWN[metric].of:
        return "none seen"
    return escape(shown(metric, found.mean, {})) + _below(metric, found)


def _below(metric: str, found: Interval) -> str:
    if isnan(found.mean) or not found.known or found.low == found.high:
        return ""
    return f"<small>{escape(shown(metric, found.low, {}))} to {escape(shown(metric, found.high, {}))}</small>"


def _rests_on(field: Field) -> str:
    notes = dict.fromkeys(note for point in field.points.values() for note in notes_of(point.outcomes[0]))
    texts = [note if note.startswith("`") else f"{note[:1].upper()}{note[1:]}" for note in notes]
    limits = APP_LIMITS if field.kind is VARIANTS else LIMITS
    told = items([*(f"{text}." for text in texts), SIMULATED, *limits])
    return f"<section><h2>What this rests on, and what it leaves out</h2>\n{told}</section>\n"


def _provenance(field: Field, command: str, yours: Collection[str] | None) -> str:
    facts = {"command": f"<code>{escape(command)}</code>"}
    facts |= {name: escape(version) for name, version in versions().items()}
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>\n" for name, value in facts.items())
    origins = "; ".join(f"{tagged(origin)} {escape(meaning)}" for origin, meaning in ORIGINS.items())
    found = [_case(field, backend) for backend in field.backends]
    tables = "".join(inputs_table(f"the runs on {one.backend}", _inputs(field, one, yours)) for one in found)
    return (
        "<section><h2>Where this comes from</h2>\n"
        '<p class="muted">With these inputs, versions and seeds the same reads come out.</p>\n'
        f"<dl>{rows}</dl>\n<p>{origins}.</p>\n{tables}{''.join(map(own_file, own_files(found)))}</section>\n"
    )


def _case(field: Field, backend: str) -> Case:
    """Return a case with one point of each contender, for the inputs that all points share."""
    first: dict[str, Point] = {}
    for point in field.points.values():
        if point.backend == backend:
            first.setdefault(point.contender, point)
    outcomes = tuple(outcome for point in first.values() for outcome in point.outcomes)
    return Case(outcomes[0].run.scenario, backend, outcomes)


def _inputs(field: Field, case: Case, yours: Collection[str] | None) -> list[Input]:
    """Return the inputs of a case, with all values of those that vary, and all seeds."""
    varied = {axis.name: ", ".join(short(axis, value) for value in axis.values) for axis in field.sweep.axes}
    seeds = sorted({seed for point in field.points.values() for seed in point.seeds})
    told = ", ".join(map(str, seeds)) if len(seeds) <= 20 else f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}"
    found = []
    for one in inputs(case, yours):
        if one.name in varied:
            found.append(one._replace(value=varied.pop(one.name), origin="yours"))
        elif one.name == "seeds":
            found.append(one._replace(value=told))
        elif one.name == "strategy":
            found.append(one._replace(value=_without(field, one.value)))
        else:
            found.append(one)
    return [*found, *(Input(name, values, "yours", "varies from run to run") for name, values in varied.items())]


def _without(field: Field, spec: str) -> str:
    """Return a strategy's spec with the parameters that vary marked as such."""
    for axis in field.sweep.axes:
        if axis.name.rpartition(":")[0] in ("", spec.partition(":")[0]):
            spec = re.sub(rf"(?<=[:,]){re.escape(parameter(axis))}=[^,]*", f"{parameter(axis)}=(varies)", spec)
    return spec
