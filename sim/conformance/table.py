"""The printed tables: one text for a terminal, one in Markdown, from the same cells."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from .cases import TIMEOUTS, USUAL, WITH_TIMEOUT
from .observe import Conformance, Observation
from .stage import Raised

Cells = Sequence[str]


class Table(NamedTuple):
    """A table: a line above it, its head, its rows."""

    title: str
    head: Cells
    rows: Sequence[Cells]

    def text(self) -> str:
        """Return it for a terminal, in columns."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in self._all()]
        return "\n".join([self.title, "", *(line.rstrip() for line in lines)])

    def markdown(self) -> str:
        """Return it as a Markdown table."""
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in self._all()]
        lines.insert(1, "|" + " --- |" * len(self.head))
        return "\n".join([self.title, "", *lines])

    def _all(self) -> list[Cells]:
        return [self.head, *self.rows]


def tables(found: Conformance) -> list[Table]:
    """Return the tables of one backend: calls with a timeout, and calls without one."""
    timed = [one for one in found.observations if one.case.call in WITH_TIMEOUT]
    rest = [one for one in found.observations if one.case.call not in WITH_TIMEOUT]
    tail = ("returned", "round trips", "atomic", "decided by")
    return [
        Table(
            f"Seconds that the entry lives after a call with a timeout (made an expiry by {found.timeouts_by}):",
            ("call", "key", *TIMEOUTS, *tail),
            [_row(found, group) for group in _grouped(timed)],
        ),
        Table(
            "Seconds that the entry lives after a call without one:",
            ("call", "key", "lives", *tail),
            [_row(found, group) for group in _grouped(rest)],
        ),
    ]


def twins_line(found: Conformance) -> str:
    """Return the sentence about the async twins."""
    alike = f"{found.twins} calls were compared with their async twins, on the real clock"
    if not found.unlike:
        return f"{alike}; all had the same results and effects."
    return f"{alike}; not the same: {', '.join(f'a{call}' for call in found.unlike)}."


def _grouped(observations: Sequence[Observation]) -> list[list[Observation]]:
    return [list(group) for _, group in groupby(observations, key=lambda one: (one.case.call, one.case.state))]


def _row(found: Conformance, group: Sequence[Observation]) -> list[str]:
    """Return one row: a call on a key in one state, with all its timeouts."""
    call, state = group[0].case.call, group[0].case.state
    return [
        call,
        state,
        *(str(one.lives) for one in group),
        _merged(group, lambda one: _result(one.returned)),
        _merged(group, lambda one: _trips(one.trips)),
        _atomic(found, call),
        found.deciders[call],
    ]


def _atomic(found: Conformance, call: str) -> str:
    """Return whether a call is atomic; "yes" only if another caller could have come in between."""
    if rivals := found.rivals.get(call):
        return f"no: beside {', '.join(rivals)}"
    if max(one.waits for one in found.observations if one.case.call == call and one.case.asked in ("", USUAL)) > 1:
        return "yes"
    return "one send" if found.by_wire else "one instant"


def _merged(group: Sequence[Observation], words: Callable[[Observation], str]) -> str:
    """Return the result of most timeouts, and the different results of the others."""
    told: dict[str, list[str]] = {}
    for one in group:
        told.setdefault(words(one), []).append(one.case.asked)
    usual = max(told, key=lambda word: len(told[word]))
    return "; ".join([usual, *(f"timeout {', '.join(asked)}: {word}" for word, asked in told.items() if word != usual)])


def _result(returned: object) -> str:
    return f"raises {returned.name}" if isinstance(returned, Raised) else repr(returned)


def _trips(trips: tuple[str, ...]) -> str:
    """Return their number and names, as ``3 (get, set, del)``; repetitions are shortened."""
    for period in range(1, len(trips)):
        times = len(trips) // period
        if trips[:period] * times == trips:
            return f"{len(trips)} ({times} times {', '.join(trips[:period])})"
    return f"{len(trips)} ({', '.join(trips)})" if trips else "0"
