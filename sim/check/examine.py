"""Examines a strategy on a backend: the contract, its costs, and its bound under attack."""

from collections.abc import Iterator

from .bound import bound
from .contract import ANSWERS, contract
from .costs import costs
from .finding import Finding, Subject

STEPS = 18  # findings at most


def examine(subject: Subject) -> Iterator[Finding]:
    """Yield the findings, one trial at a time; if the strategy cannot answer requests, there is only that one."""
    for finding in contract(subject):
        yield finding
        if finding.verdict == "broke" and finding.what == ANSWERS:
            return
    yield from costs(subject)
    yield from bound(subject)
