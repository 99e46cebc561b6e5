"""Before a run each function of an experiment is called; what cannot be judged is refused, all in one list."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Literal, NamedTuple

from ..errors import one_line
from .compare import masked_difference
from .facts import Facts, facts_of
from .forks import fork, reap
from .snapshots import Snapshots

LATER_S = 119_820.0  # a day, and at another time of day: some pages say whether the shop is open


class Candidate(NamedTuple):
    """A function to be shown.

    `call` calls it with its first arguments and blank caches, at a second of the run; chance is to be another with each
    number that comes second.
    """

    kind: Literal["read", "write", "journey"]
    name: str
    call: Callable[[float, int], Any]
    expect: tuple[int, ...] = (200,)
    judge: Callable[[Any], Any] | None = None


class Trial(NamedTuple):
    """What came of it: what each function did, why some cannot be run, and what is noteworthy of others."""

    facts: list[tuple[Candidate, Facts]]
    refusals: list[str]
    notes: list[str]


def tried(candidates: Sequence[Candidate], snapshots: Snapshots) -> Trial:
    """Call each function in a process of its own, on the databases as they are now; nothing of it is left there.

    Reads are called three times: twice at the same second, and more than a day later. No connection to the databases
    may be open.
    """
    trial = Trial([], [], [])
    pin = snapshots.pin()
    try:
        for one in candidates:
            calls = [(0.0, 1), (0.0, 2), (LATER_S, 1)][: 3 if one.kind == "read" else 1]
            found = [_apart(snapshots, pin, one, partial(one.call, *how)) for how in calls]
            trial.facts.append((one, found[0]))
            trial.refusals.extend(f"{one.kind} {one.name}: {why}" for why in _refusals(one, found))
            if one.kind == "read" and found[0].cache_calls == 0:
                trial.notes.append(f"{one.kind} {one.name} asks no cache for a copy")
    finally:
        snapshots.let_go(pin)
    return trial


def _refusals(one: Candidate, found: Sequence[Facts]) -> Iterator[str]:
    first = found[0]
    if first.failure:
        yield one_line(first.failure, 200)
    elif first.is_async:
        yield "it calls an async view, which is not modelled; call a sync one"
    elif first.status is not None and first.status not in one.expect:
        yield _status(first)
    elif one.kind == "write" and first.commits == 0:
        answered = f" (status {first.status} of {one_line(first.asked)}: is a form refused?)" if first.asked else ""
        yield f"it commits no change of a row{answered}"
    elif one.kind == "read":
        yield from _unsteady(*found)


def _status(first: Facts) -> str:
    """Say which status was not expected, and what may be the reason."""
    told = f"status {first.status}{f' of {one_line(first.asked)}' if first.asked else ''}"
    if first.raised:
        return f"{told}: {one_line(first.raised, 200)}"
    to = f" to {one_line(first.location)}: does it need users=?" if first.location else ""
    return f"{told}{to}; if that is what it is to give, say expect={first.status}"


def _unsteady(first: Facts, again: Facts, later: Facts) -> Iterator[str]:
    """Say how a read is no function of the database."""
    if first.content != again.content:
        where = masked_difference(first.content, again.content)
        yield f"it gives two results on the same rows ({where}); name what matters with judge="
    elif first.content != later.content:
        where = masked_difference(first.content, later.content)
        yield f"it depends on the clock: a day later it differs ({where}); name what matters with judge="


def _apart(snapshots: Snapshots, pin: Any, one: Candidate, call: Callable[[], Any]) -> Facts:
    """Return what a function does, called in a fork of this process."""
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
    pipe.send(facts_of(adopted, call, one.judge))
