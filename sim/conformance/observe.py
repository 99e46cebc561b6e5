"""Observes one backend: every case, every call with a second caller, and every async twin."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..backends import backend_named
from ..daemons.session import Servers
from .cases import CALLED_S, CALLS, STORED_S, Case, cases
from .deciders import decider, timeout_decider
from .lifetimes import Lifetime, lifetimes
from .meetings import met
from .stage import Stage
from .twins import twins


class Observation(NamedTuple):
    """The result of a case: its return value (or exception), its round trips, and the entry's lifetime after it."""

    case: Case
    returned: Any
    trips: tuple[str, ...]
    waits: int  # how often others could go first; up to one, none comes in between
    lives: Lifetime


class Conformance(NamedTuple):
    """All observations of one backend.

    `by_wire` says whether a client sends its calls to a server. `rivals` holds, for each call that is not atomic, the
    calls of another caller that show this. `twins` is the number of calls compared with their async twins; `unlike`
    names those that differ.
    """

    backend: str
    cache_class: str
    by_wire: bool
    observations: Sequence[Observation]
    rivals: Mapping[str, Sequence[str]]
    deciders: Mapping[str, str]
    timeouts_by: str
    twins: int
    unlike: Sequence[str]

    def of(self, call: str, state: str, asked: str = "") -> Observation:
        """Return one observation; `asked` names the timeout, if the call takes one."""
        return next(one for one in self.observations if one.case == Case(call, state, asked))


STEPS = 3  # how often `observe` calls `advance`


def observe(backend: str, servers: Servers, advance: Callable[[str], None] = lambda _next: None) -> Conformance:
    """Observe everything about *backend*; *advance* is called with the name of each next step.

    Raises:
        UserError: if the backend cannot run here.
    """
    stage = Stage(backend, servers)
    known = backend_named(backend)
    with known.open(servers, virtual=True):  # errors come before anything else
        cache_class = known.load()
    compared, unlike = twins(backend, servers)
    advance("lifetimes")
    observations = _observations(stage)
    advance("two callers at once")
    rivals = _rivals(stage)
    advance("surprises")
    return Conformance(
        backend=backend,
        cache_class=f"{cache_class.__module__}.{cache_class.__qualname__}",
        by_wire=known.wire is not None,
        observations=observations,
        rivals=rivals,
        deciders={call: decider(cache_class, call) for call in CALLS},
        timeouts_by=timeout_decider(cache_class),
        twins=compared,
        unlike=unlike,
    )


def _observations(stage: Stage) -> list[Observation]:
    """Observe all cases side by side, each on its own keys, except those that clear everything."""
    every = list(cases())
    together = [case for case in every if case.call != "clear"]
    alone = [[case] for case in every if case.call == "clear"]
    return [one for group in (together, *alone) for one in _observed(stage, group)]


def _observed(stage: Stage, group: Sequence[Case]) -> list[Observation]:
    cues = [(STORED_S, case.prepare) for case in group] + [(CALLED_S, case.perform) for case in group]
    done = stage.play(cues)[len(group) :]
    lives = lifetimes(stage, group)
    return [
        Observation(case, one.result, one.trips, one.waits, life)
        for case, one, life in zip(group, done, lives, strict=True)
    ]


def _rivals(stage: Stage) -> dict[str, list[str]]:
    rivals: dict[str, list[str]] = {}
    for meeting, times in met(stage).items():
        if times:
            rivals.setdefault(meeting.call, []).append(meeting.rival)
    return rivals
