"""A result's representations: one line, and a small table in a notebook."""

from dataclasses import is_dataclass
from html import escape
from typing import Any, Protocol

from .metrics import KNOWN, PARTS, UNCOMMITTED, shown

LONGEST = 80  # of a name in the line


class Summed(Protocol):
    """The parts of a result that are shown."""

    run: Any
    notes: list[str]

    @property
    def summary(self) -> dict[str, float | int]:
        """The figures by name."""

    def counts(self) -> dict[str, int]:
        """Return the counts that a zero refers to, as in "none seen in 30,000 reads"."""


def line(result: Summed) -> str:
    """Return one line: the run, and its most important figures."""
    run = result.run
    figures = f"{_figure(result, 'reads')} reads, {_figure(result, 'hit_ratio')} hits"
    return (
        f"<Result of {_cut(run.scenario.name)}, {_strategy(run.strategy)}, {_cut(run.backend)}, seed {run.seed}: "
        f"{figures}, {_wrong(result)}>"
    )


def table(result: Summed) -> str:
    """Return the summary as an HTML table: each figure with its unit and what it means; the notes below."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f"{''.join(f'<td>{escape(text)}</td>' for text in (*_value(result, name), KNOWN[name].meaning))}</tr>\n"
        for name in result.summary
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("figure", "value", "unit", "meaning"))
    notes = "".join(f"<p>{escape(note)}.</p>\n" for note in result.notes)
    return (
        f"<div><p>{escape(line(result)[1:-1])}</p>\n<table><thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody></table>\n{notes}</div>"
    )


def _wrong(result: Summed) -> str:
    """Return "outdated: 1.20%"; if there were reads of uncommitted rows, the sum and its parts."""
    told = {metric: f"{name}: {_figure(result, metric)}" for metric, name in PARTS.items() if metric in result.summary}
    uncommitted = [told[metric] for metric in UNCOMMITTED if result.summary[metric] > 0]
    parts = [told["stale_ratio"], *uncommitted]
    return f"wrong: {_figure(result, 'wrong_ratio')} ({', '.join(parts)})" if uncommitted else told["stale_ratio"]


def _figure(result: Summed, name: str) -> str:
    return shown(name, result.summary[name], result.counts())


def _value(result: Summed, name: str) -> tuple[str, str]:
    """Return the value for people, and its unit if the value does not contain it."""
    text, unit = _figure(result, name), KNOWN[name].unit
    says_it = unit in ("s", "ratio") or text == "-" or text.startswith("none seen")
    return text, "" if says_it else unit


def _strategy(strategy: Any) -> str:
    return _cut(repr(strategy) if is_dataclass(strategy) else type(strategy).__name__)


def _cut(text: str) -> str:
    said = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."
