"""Before a run each function of an experiment is called once. Those that cannot be judged are refused in one list."""

from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Literal, NamedTuple

from ..errors import one_line
from .compare import masked_difference
from .facts import MOMENTS, Facts, Judged, JudgedFacts, facts_of
from .forks import fork, reap
from .snapshots import Snapshots

BY_JUDGE = "name what matters with judge="
BY_READ = "let an @APP.read read it, and name what matters with judge="  # a journey's responses are compared as a whole

REFUSES = (401, 403)  # for instance, if nobody is logged in


class Candidate(NamedTuple):
    """A function to be tried.

    `call` calls it with its first arguments and blank caches. The arguments of `call` are a second of the run and a
    random seed. `judged` are the responses that a journey judged in its last call.
    """

    kind: Literal["read", "write", "journey"]
    name: str
    call: Callable[[float, int], Any]
    expect: tuple[int, ...] = (200,)
    judge: Callable[[Any], Any] | None = None
    judged: Sequence[Judged] = ()
    logged_in: bool = False  # whether it is called for a user


class Trial(NamedTuple):
    """The result: what each function did, why some cannot be run, and notes on others."""

    facts: list[tuple[Candidate, Facts]]
    refusals: list[str]
    notes: list[str]


def tried(candidates: Sequence[Candidate], snapshots: Snapshots) -> Trial:
    """Call each function in its own process, on the present databases; its writes are undone.

    Reads are called three times: twice at the same second, and once more than a day later. So are the requests that a
    journey judges, after it has ended. No connection to the databases may be open.
    """
    trial = Trial([], [], [])
    pin = snapshots.pin()
    try:
        for one in candidates:
            calls = MOMENTS[: 3 if one.kind == "read" else 1]
            found = [_apart(snapshots, pin, one, partial(one.call, *how)) for how in calls]
            trial.facts.append((one, found[0]))
            trial.refusals.extend(f"{one.kind} {one.name}: {why}" for why in _refusals(one, found))
            trial.refusals.extend(f"{one.kind} {one.name}: {why}" for why in _of_judged(found[0].judged))
            if one.kind == "read" and found[0].cache_calls == 0:
                trial.notes.append(f"{one.kind} {one.name} asks no cache for a copy")
    finally:
        snapshots.let_go(pin)
    return trial


def _refusals(one: Candidate, found: Sequence[Facts]) -> list[str]:
    first = found[0]
    refused = _of_response(first, one.expect, logged_in=one.logged_in)
    if refused:
        return refused
    if one.kind == "write" and first.commits == 0:
        answered = f" (status {first.status} of {one_line(first.asked)}: is a form refused?)" if first.asked else ""
        return [f"it commits no change of a row{answered}"]
    if one.kind == "read" and first.is_none:
        return ["it returns nothing; return the value to judge"]
    return _unsteady(found, BY_JUDGE) if one.kind == "read" else []


def _of_judged(judged: Sequence[JudgedFacts]) -> list[str]:
    """Say why a journey's judged responses cannot be reads; once for each name, even in a loop."""
    refused: dict[str, str] = {}
    for one in judged:
        for why in _of_response(one.first, one.expect, logged_in=True) or _unsteady(one.again, BY_READ):
            refused.setdefault(one.name, f"APP.judge({one_line(one.name, 60)!r}): {why}")
    return [*refused.values()]


def _of_response(first: Facts, expect: Sequence[int], *, logged_in: bool) -> list[str]:
    """Say why a function's result cannot be used."""
    if first.failure:
        return [one_line(first.failure, 200)]
    if first.is_async:
        return ["it calls an async view, which is not modelled; call a sync one"]
    if first.is_generator:
        return ["it gives a generator: return list(...)"]
    return [] if first.status is None or first.status in expect else [_status(first, logged_in=logged_in)]


def _status(first: Facts, *, logged_in: bool) -> str:
    """Say which status was not expected, and the likely reason."""
    told = f"status {first.status}{f' of {one_line(first.asked)}' if first.asked else ''}"
    if first.raised:
        return f"{told}: {one_line(first.raised, 200)}"
    to = f" to {one_line(first.location)}" if first.location else ""
    hint = ""
    if to:
        hint = ": is its user logged in?" if logged_in else ": does it need users=?"
    elif first.status in REFUSES:
        hint = ": may its user see it?" if logged_in else ": does it need users=?"
    return f"{told}{to}{hint}; correct the request, or say expect={first.status}"


def _unsteady(found: Sequence[Facts], cure: str) -> list[str]:
    """Say why a read's result does not depend on the database alone."""
    first, again, later = found
    failure = first.failure or again.failure or later.failure
    if failure:
        return [one_line(failure, 200)]
    if first.content != again.content:
        where = masked_difference(first.content, again.content)
        return [f"it gives two results on the same rows ({where}); {cure}"]
    if first.content != later.content:
        where = masked_difference(first.content, later.content)
        return [f"it depends on the clock: a day later it differs ({where}); {cure}"]
    return []


def _apart(snapshots: Snapshots, pin: Any, one: Candidate, call: Callable[[], Any]) -> Facts:
    """Call a function in a fork of this process; return the facts."""
    ours, theirs = Pipe()
    pid = fork(partial(_called, theirs, snapshots, pin, one, call))
    theirs.close()
    try:
        facts: Facts = ours.recv()
    except EOFError:
        facts = Facts(failure=f"it ends its process (status {reap(pid)})")
    else:
        reap(pid)
    finally:
        ours.close()
    return facts


def _called(pipe: Connection, snapshots: Snapshots, pin: Any, one: Candidate, call: Callable[[], Any]) -> None:
    adopted = snapshots.adopt(pin)
    pipe.send(facts_of(adopted, call, one.judge, one.judged))
