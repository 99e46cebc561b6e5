"""Round trips: how many calls of the cache a hit, a miss and a write make, counted one request at a time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from ..backends import Call, backend_named
from ..contract import Costs
from ..declared import declared_costs, parameters
from .finding import BrokeError, Finding, Subject
from .script import Step, script

TRIPS = "round trips: a hit, added by a miss, a write"
TIMEOUT_S = 300  # of the strategy, if it has one
WARM: list[Step] = [
    (0.0, "read", "a"),
    (0.5, "read", "b"),
    (1.0, "write", "a"),
    (2.0, "read", "a"),  # it stores again what the write deleted
    (3.0, "read", "b"),
    (10.5, "read", "b"),  # a hit
    (20.0, "write", "a"),  # a write of a cached key
    (21.0, "read", "b"),
    (22.0, "read", "a"),  # a miss, if nothing expires
    (400.5, "read", "b"),  # a miss, because the timeout is over; all tokens are in the cache
]
HITS, MISSES, WRITE = (10.5,), (400.5, 22.0, 0.5), 20.0
REFERENCE = "shared"  # where each call is one round trip
SIMPLE = {"get", "set", "add", "delete", "incr"}  # each of these is one call on the backends that have all of them


class Counted(NamedTuple):
    """Round trips of a hit, of a whole miss, and of a write; None if none was seen."""

    hit: int | None
    miss: int | None
    write: int


def count(subject: Subject) -> Counted:
    """Return the round trips that the strategy takes.

    Raises:
        BrokeError: if it breaks the contract.
    """
    log: list[Call] = []
    strategy: Any = subject.strategy
    if "timeout" in parameters(strategy):
        strategy = replace(strategy, timeout=TIMEOUT_S)
    with subject.servers.folder() as folder:
        reads = subject.play(script(folder, WARM), strategy=strategy, log=log).reads
    was_hit = dict(zip(reads["arrival_s"], reads["hit"], strict=True))

    def first(times: tuple[float, ...], *, hit: bool) -> int | None:
        at_s = next((one for one in times if was_hit[one] == hit), None)
        return None if at_s is None else sum(call.at_s == at_s for call in log)

    return Counted(first(HITS, hit=True), first(MISSES, hit=False), sum(call.at_s == WRITE for call in log))


def costs(subject: Subject) -> Iterator[Finding]:
    """Compare the counted round trips with the declared ones."""
    declared = declared_costs(subject.strategy)
    try:
        counted = count(subject)
        if declared is None:
            yield Finding(TRIPS, "not claimed", f"{_shown(counted)}; no `costs` are declared")
        elif counted.hit is None and declared.on_hit:
            yield Finding(TRIPS, "not claimed", f"{_shown(counted)}: no cached entry was found again")
        else:
            yield _against(subject, declared, counted)
    except BrokeError as error:
        yield Finding(TRIPS, "broke", str(error), frames=error.frames)


def _against(subject: Subject, declared: Costs, counted: Counted) -> Finding:
    """Compare the count with the declaration. That counts calls, so if they differ, count on `REFERENCE`, too."""
    seen = _shown(counted)
    if _agree(counted, declared):
        return Finding(TRIPS, "held", f"{seen}, as declared")
    said = f"{seen}; declared {declared.on_hit}, {declared.added_by_miss}, {declared.on_write}"
    reference = backend_named(REFERENCE)
    if counts_calls(subject) or reference.lacks(subject.strategy):
        return Finding(TRIPS, "broke", said)
    there = count(replace(subject, backend=REFERENCE))
    if _agree(there, declared):
        return Finding(TRIPS, "held", f"{said} calls: on this cache some calls take several round trips")
    return Finding(TRIPS, "broke", f"{said}; {REFERENCE}: {_shown(there)}")


def _agree(counted: Counted, declared: Costs) -> bool:
    claimed = Counted(declared.on_hit, declared.on_hit + declared.added_by_miss, declared.on_write)
    return all(found in (None, claim) for found, claim in zip(counted, claimed, strict=True))


def counts_calls(subject: Subject) -> bool:
    """Return whether each simple call of the cache is one round trip, as `costs` assumes."""
    backend = backend_named(subject.backend)
    return backend.wire is None and set(backend.primitives) >= SIMPLE


def _shown(counted: Counted) -> str:
    hit = "no hit seen" if counted.hit is None else str(counted.hit)
    base = counted.hit or 0
    miss = "no miss seen" if counted.miss is None else str(counted.miss - base)
    return f"{hit}, {miss}, {counted.write}"
