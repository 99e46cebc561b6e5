"""The answers as plain lines for the terminal."""

import re
import textwrap
from collections.abc import Iterable, Sequence

from ..sim.experiment import Outcome
from .answer import Answer, answer
from .frames import cases
from .glance import ahead, verdict


def answer_text(outcomes: Sequence[Outcome], width: int) -> list[str]:
    """Return the answers as plain lines of at most *width* characters."""
    return plain_lines(map(answer, cases(outcomes)), width)


def plain_lines(answers: Iterable[Answer], width: int) -> list[str]:
    """Return *answers* as plain lines of at most *width* characters."""
    lines: list[str] = []
    several = list(answers)
    for found in several:
        case = found.case
        lines += ["", f"{case.title}:", found.lead, found.choice, *(f"  - {option}" for option in found.options)]
        lines += [*found.cautions, *(f"Check: {alarm}" for alarm in found.alarms), *_sentences(case.remarks)]
    return [*_fitted(lines, width), *glance_lines(several, width)]


def glance_lines(answers: Sequence[Answer], width: int) -> list[str]:
    """Return a line for each answer, wrapped at *width* characters; none if there is only one answer."""
    lines = [f"  - {one.case.title}: {'; or '.join(ahead(one))}. {_begun(verdict(one))}." for one in answers]
    return _fitted(["", "At a glance (ahead on average, the freshest first):", *lines], width) if len(lines) > 1 else []


def _fitted(lines: Iterable[str], width: int) -> list[str]:
    return [part for line in lines for part in wrapped(plain(line), width)]


def plain(line: str) -> str:
    """Return *line* without its backticks; a name of several words, such as a variant's, gets quotes instead."""
    return re.sub("`([^`]*)`", lambda found: f"'{found[1]}'" if _is_long_name(found[1]) else found[1], line)


def _is_long_name(text: str) -> bool:
    return " " in text and not text.startswith(("-", "cachewise "))


def wrapped(line: str, width: int) -> list[str]:
    """Return a line in pieces of at most *width* characters; an empty line is one piece."""
    indent = "    " if line.startswith("  - ") else ""
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _begun(text: str) -> str:
    """Return *text* as a sentence begins."""
    return text[:1].upper() + text[1:]


def _sentences(notes: list[str]) -> list[str]:
    return [f"Note: {note}." for note in notes]
