"""The words of surprises: a claim about backends, its test, and the verdict."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Any, NamedTuple

from django.core.cache.backends.base import BaseCache

from .crowds import THREADS, crowd, double_adds, lost_counts
from .observe import Conformance
from .stage import Raised, Stage
from .twins import Within


class Seen(NamedTuple):
    """Whether a claim holds, and what was seen."""

    holds: bool
    words: str


def told(holds: bool, words: str, *values: object) -> Seen:
    """Return *words* if the claim holds; otherwise the *values* that were seen instead."""
    return Seen(holds, words if holds else f"not so: {', '.join(map(repr, values))}")


class Claim(NamedTuple):
    """A statement about backends that may surprise, and the function that tests it.

    It applies to a user's own cache if the name of its class is among `backends`.
    """

    backends: tuple[str, ...]
    says: str
    decided_by: str
    check: Callable[[Stage, Conformance], Seen]


class Verdict(NamedTuple):
    """A claim about one backend, and what was seen there."""

    claim: Claim
    backend: str
    seen: Seen

    @property
    def word(self) -> str:
        """The verdict in a word."""
        return "confirmed" if self.seen.holds else "REFUTED"


def judge(claims: Iterable[Claim], stage: Stage, found: Conformance) -> list[Verdict]:
    """Test the claims about the stage's backend."""
    names = {stage.backend, found.cache_class.rpartition(".")[2]}
    return [Verdict(claim, stage.backend, claim.check(stage, found)) for claim in claims if names & {*claim.backends}]


def lives(call: str, state: str, asked: str, expected: str) -> Callable[[Stage, Conformance], Seen]:
    """Return a check that an entry lives as long as *expected* after a call."""

    def check(_stage: Stage, found: Conformance) -> Seen:
        seen = str(found.of(call, state, asked).lives)
        return Seen(seen == expected, f"lives {seen} s" if seen[0] in "<≤" else seen)

    return check


def atomic(call: str, *rivals: str) -> Callable[[Stage, Conformance], Seen]:
    """Return a check that exactly the calls *rivals* show that a call is not atomic; without any, that it is atomic."""

    def check(_stage: Stage, found: Conformance) -> Seen:
        seen = tuple(found.rivals.get(call, ()))
        words = f"beside {', '.join(seen)}, the results fit no order of the two calls" if seen else "atomic"
        return Seen(seen == rivals, words)

    return check


def crowded(body: Callable[[Sequence[Within]], Any], *, gives: Any, words: str) -> Callable[[Stage, Conformance], Seen]:
    """Return a check that real threads at once give *gives*; *words* describe this result."""

    def check(stage: Stage, _found: Conformance) -> Seen:
        seen = crowd(stage, body)
        return told(seen == gives, words, seen)

    return check


ALL_COUNT = crowded(lost_counts, gives=0, words=f"{THREADS} real threads at once lose no count")
ADDED_ONCE = crowded(double_adds, gives=0, words=f"of {THREADS} real threads at once one adds each key")


def takes(call: str, state: str, asked: str, *trips: str) -> Callable[[Stage, Conformance], Seen]:
    """Return a check that a call's round trips are *trips*."""

    def check(_stage: Stage, found: Conformance) -> Seen:
        seen = found.of(call, state, asked).trips
        return Seen(seen == trips, f"{len(seen)}: {', '.join(seen)}")

    return check


def returns(call: str, state: str, asked: str, *, gives: Any) -> Callable[[Stage, Conformance], Seen]:
    """Return a check of what a call returns (or raises)."""

    def check(_stage: Stage, found: Conformance) -> Seen:
        seen = found.of(call, state, asked).returned
        words = f"raises {seen.name}" if isinstance(seen, Raised) else str(seen)
        return Seen(seen == gives and type(seen) is type(gives), words)

    return check


def every(*checks: Callable[[Stage, Conformance], Seen]) -> Callable[[Stage, Conformance], Seen]:
    """Return a check that all *checks* pass."""

    def check(stage: Stage, found: Conformance) -> Seen:
        seen = [one(stage, found) for one in checks]
        return Seen(all(one.holds for one in seen), "; ".join(one.words for one in seen))

    return check


def other_application(cache: BaseCache) -> BaseCache:
    """Return a cache on the same store with another KEY_PREFIX."""
    other = copy(cache)
    other.key_prefix = "other"
    return other
