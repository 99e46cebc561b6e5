"""The page: one self-contained HTML file that begins with the answer. It has no script and loads nothing."""

from collections.abc import Collection, Iterable, Sequence
from html import escape
from importlib.resources import files

from ..sim.own.sources import Source
from .answer import APP_LIMITS, LIMITS, REAL, SIMULATED, Answer
from .figures import Chart
from .formatting import cell, plural
from .frames import Case
from .glance import ahead, verdict
from .palette import Look
from .provenance import ORIGINS, Input, inputs, machine, own_files, versions
from .svg import marker
from .tables import REMARKS, columns

EXCERPT_CSS = (
    ".cachewise small { display: block } .cachewise .scroll { overflow-x: auto } "
    ".cachewise .marker { width: 1.15em; height: 1.15em; margin-right: .3em; vertical-align: -.2em }"
)


def page(
    answers: Sequence[Answer],
    charts: Sequence[Sequence[Chart]],
    command: str,
    yours: Collection[str] | None,
    details: Sequence[str] = (),
    further: Sequence[Sequence[Input]] = (),
) -> str:
    """Return the report of these answers (one a case) with each case's charts, the headline first.

    *details* has for each case the HTML below its figures. *further* has for each case the inputs that are not in its
    scenario.
    """
    below = details or [""] * len(answers)
    found = [one.case for one in answers]
    body = [
        _header(found),
        _overview(answers) if len(answers) > 1 else "",
        *(_answer(nth, one, alone=len(answers) == 1) for nth, one in enumerate(answers)),
        _limits(answers),
        *(_section(nth, *parts) for nth, parts in enumerate(zip(found, charts, below, strict=True))),
        _provenance(found, command, yours, further or [[] for _ in found]),
    ]
    return document(_title(found), body)


def document(title: str, body: Sequence[str]) -> str:
    """Return a whole page; *body* is HTML in pieces."""
    css = (files("cachewise.reports") / "page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<main>\n"
        f"{''.join(body)}</main>\n</body>\n</html>\n"
    )


def excerpt(answers: Sequence[Answer]) -> str:
    """Return the table and the answer of each case as a piece of HTML for a notebook, in the notebook's own looks."""
    parts = [
        f"<h3>{escape(one.case.title)}</h3>\n{_figures_table(one.case)}{_notes(one.case)}"
        f"{_answer(nth, one, alone=True)}"
        for nth, one in enumerate(answers)
    ]
    body = "".join(parts).replace("<small>", " <small>")  # where a notebook leaves the style out
    return f'<div class="cachewise">\n<style>{EXCERPT_CSS}</style>\n{body}</div>\n'


def _title(found: Sequence[Case]) -> str:
    names = ", ".join(dict.fromkeys(case.scenario.name for case in found))
    return f"cachewise: {names}{', wall clock' if _are_real(found) else ''}"


def _header(found: Sequence[Case]) -> str:
    runs = sum(len(case.outcomes) for case in found)
    reads = sum(case.judged(label) for case in found for label in case.by_strategy)
    kind = "real run" if _are_real(found) else "simulated run"
    clock = " on the wall clock" if _are_real(found) else ""
    measured = f"{plural(runs, kind)} of real cache code{clock}, {reads:,} reads judged against the history of commits."
    title = "Which cache-invalidation strategy?"
    if any(case.of_project for case in found):
        title = "How should this project cache?"
        measured = (
            f"{plural(runs, kind)} of the project's own code, {reads:,} reads held against what the same request gives "
            "without a cache."
        )
    return f'<header><p class="kicker">cachewise</p><h1>{title}</h1><p class="muted">{measured}</p></header>\n'


def _are_real(found: Sequence[Case]) -> bool:
    return all(case.on_the_wall_clock for case in found)


def marked(text: str) -> str:
    """Escape *text*, and show the parts in backticks as code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is only a backtick
        return escape(text)
    return "".join(f"<code>{part}</code>" if nth % 2 else part for nth, part in enumerate(parts))


def items(texts: Iterable[str]) -> str:
    """Return a list of texts; "" if there is none."""
    inner = "".join(f"<li>{marked(text)}</li>\n" for text in texts)
    return f"<ul>\n{inner}</ul>\n" if inner else ""


def _overview(answers: Sequence[Answer]) -> str:
    rows = [
        [
            f'<a href="#case-{nth}">{escape(one.case.title)}</a>',
            "<br>".join(map(marked, ahead(one))),
            marked(verdict(one)),
        ]
        for nth, one in enumerate(answers)
    ]
    head = ["scenario and backend", "ahead on average, the freshest first", "settled?"]
    return f"<h2>At a glance</h2>\n{html_table(head, rows, 'At a glance', 'overview')}"


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]], name: str, css: str = "", caption: str = "") -> str:
    """Return a table; its cells and its *caption* are HTML already.

    If it is too wide it scrolls, also by keys. *name* is its accessible name, and must be unique on the page.
    """
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    lines = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{one}</td>" for one in row[1:])}</tr>\n' for row in rows
    )
    above = f"<caption>{caption}</caption>" if caption else ""
    body = f"{above}<thead><tr>{top}</tr></thead>\n<tbody>\n{lines}</tbody>"
    scrolls = f'class="scroll" role="region" aria-label="{escape(name)}" tabindex="0"'
    return f'<div {scrolls}><table class="{css}">{body}</table></div>\n'


def _answer(nth: int, one: Answer, *, alone: bool) -> str:
    case = one.case
    heading = "The answer" if alone else f'The answer for <a href="#case-{nth}">{escape(case.title)}</a>'
    options, cautions = items(one.options), "".join(f"<p>{marked(text)}</p>\n" for text in one.cautions)
    warnings = (
        f'<div class="alarm"><strong>Check the scenario</strong>{items(one.alarms)}</div>\n' if one.alarms else ""
    )
    about = f"{escape(case.title)}: {escape(case.scenario.why)}" if case.scenario.why else escape(case.title)
    return (
        f'<section class="answer"><h2>{heading}</h2>\n<p class="muted">{about}</p>\n'
        f'<p class="lead">{marked(one.lead)}</p>\n<p><strong>{marked(one.choice)}</strong></p>\n{options}{cautions}'
        f"{warnings}</section>\n"
    )


def _limits(answers: Sequence[Answer]) -> str:
    notes = dict.fromkeys(_note(note, one.case, answers) for one in answers for note in one.case.notes)
    latencies = dict.fromkeys(REAL if one.case.on_the_wall_clock else SIMULATED for one in answers)
    limits = APP_LIMITS if any(one.case.of_project for one in answers) else LIMITS
    heading = "What this rests on, and what it leaves out"
    return f"<section><h2>{heading}</h2>\n{items([*notes, *latencies, *limits])}</section>\n"


def _note(note: str, case: Case, answers: Sequence[Answer]) -> str:
    """Return a note as a sentence, with the name of its scenario unless it is about all."""
    about_all = all(note in one.case.notes for one in answers)
    return _sentence(note) if about_all else f"`{case.scenario.name}`: {note}."


def _sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:]}." if not note.startswith("`") else f"{note}."


def _section(nth: int, case: Case, drawn: Sequence[Chart], below: str) -> str:
    headline, *others = drawn
    return (
        f'<section id="case-{nth}"><h2>{escape(case.title)}</h2>\n{_notes(case)}{picture(headline, case.title)}'
        f"<h3>Every {case.kind.one} in figures</h3>\n{_figures_table(case)}{_meanings(case)}{below}"
        f"{''.join(picture(chart, case.title) for chart in others)}</section>\n"
    )


def _notes(case: Case) -> str:
    return "".join(f'<p class="muted">{marked(_sentence(note))}</p>\n' for note in case.remarks)


def picture(chart: Chart, about: str) -> str:
    """Return a chart as a figure, with a text for readers who cannot see it."""
    told = escape(f"{chart.title}, {about}. {chart.subtitle} {chart.more}".rstrip(), quote=True)
    caption = f"<figcaption>{marked(chart.more)}</figcaption>" if chart.more else ""
    drawn = f'<div class="scroll chart" role="img" aria-label="{told}" tabindex="0">{chart.svg}</div>'
    return f"<figure>{drawn}{caption}</figure>\n"


def _figures_table(case: Case) -> str:
    look = case.looks
    rows = [
        [marked_by(look[label], label), *(_split(cell(case, label, metric)) for metric in columns(case))]
        for label in case.by_strategy
    ]
    name = f"Every {case.kind.one} in figures: {case.title}"
    return html_table([case.kind.one, *columns(case).values()], rows, name, "figures")


def marked_by(look: Look, label: str) -> str:
    """Return what competes, with its marker in its colour before it, as on the charts."""
    return f"{marker(look)}{escape(label)}"


def _split(text: str) -> str:
    """Return a cell with its interval, or the total that a zero is out of, on a line of its own."""
    above, between, below = text.partition(" in " if text.startswith("none seen") else " (")
    below = f"in {below}" if between == " in " else below.rstrip(")")
    return escape(above) + (f"<small>{escape(below)}</small>" if between else "")


def _meanings(case: Case) -> str:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_meaning(case, metric))}</dd>\n" for metric, name in columns(case).items()
    )
    return f"<details><summary>What the columns mean</summary><dl>{items}</dl></details>\n"


def _meaning(case: Case, metric: str) -> str:
    return case.metric(metric).meaning + ("" if case.of_project else REMARKS.get(metric, ""))


def _provenance(
    found: Sequence[Case], command: str, yours: Collection[str] | None, further: Sequence[Sequence[Input]]
) -> str:
    seeds = ", ".join(str(seed) for seed in sorted({seed for case in found for seed in case.seeds}))
    facts = {"command": f"<code>{escape(command)}</code>", "seeds": escape(seeds), "machine": escape(machine())}
    facts |= {name: escape(version) for name, version in versions().items()}
    again = "the same requests come; what they meet differs" if _are_real(found) else "the same reads come out"
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>\n" for name, value in facts.items())
    origins = "; ".join(f"{tagged(origin)} {escape(meaning)}" for origin, meaning in ORIGINS.items())
    tables = "".join(
        inputs_table(case.title, [*inputs(case, yours), *more]) for case, more in zip(found, further, strict=True)
    )
    return (
        "<section><h2>Where this comes from</h2>\n"
        f'<p class="muted">With these inputs, versions and seeds {again}.</p>\n'
        f"<dl>{rows}</dl>\n<p>{origins}.</p>\n{tables}"
        f"{''.join(map(own_file, own_files(found)))}</section>\n"
    )


def own_file(source: Source) -> str:
    """Return the text of a file of the user's own; without it nobody else could repeat these runs."""
    name, text = escape(source.shown), escape(source.text.decode("utf-8", "replace"))
    return f"<details><summary>{name}, sha256 {source.sha256}</summary>\n{verbatim(text, name)}</details>\n"


def verbatim(text: str, name: str) -> str:
    """Return preformatted text that scrolls as a table does. *text* and *name*, a unique one, are HTML already."""
    return f'<pre class="scroll" role="region" aria-label="{name}" tabindex="0">{text}</pre>'


def tagged(origin: str) -> str:
    """Return the origin of an input as a tag."""
    return f'<span class="tag {origin}">{origin}</span>'


def inputs_table(about: str, found: Sequence[Input]) -> str:
    """Return a table of inputs, collapsed at first."""
    rows = [
        [f"<code>{escape(one.name)}</code>", escape(one.value), tagged(one.origin), escape(one.meaning)]
        for one in found
    ]
    return (
        f"<details><summary>Inputs of {escape(about)}</summary>\n"
        f"{html_table(['input', 'value', 'from', 'meaning'], rows, f'Inputs of {about}', 'inputs')}</details>\n"
    )
