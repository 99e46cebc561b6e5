"""Tests whether a call is atomic: do two callers at the same instant get what some order of the two gives?

A round trip of random length comes before each part of a call, so that the parts of two calls interleave in all ways.
One call of an embedded backend's own method is one instant here: races inside it are not seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.cache.backends.base import BaseCache

from .cases import LIVE_S, found
from .stage import Act, Cue, Stage, outcome

Part = Callable[[Any, str], Any]  # (cache, key)
TIMES = 20  # how often the two meet
MANY = 6  # keys of a call on many: enough for others to find it half done
APART_S = 30.0  # from one meeting to the next, which begins when the last is over
ROUND_TRIP = "uniform:0:1"


@dataclass(frozen=True)
class Meeting:
    """A call, and the calls of another caller meanwhile, one after the other.

    In a call on many keys, the other caller uses the first and the last key.
    """

    call: str
    rival: str
    mine: Part
    theirs: tuple[Part, ...]
    there: bool = True  # whether the keys exist before

    def prepare(self, cache: BaseCache, key: str) -> None:
        """Store the keys, if they should exist before."""
        if self.there:
            keys = many(key) if self.call.endswith("_many") else [key]
            cache.set_many(dict.fromkeys(keys, 5), LIVE_S)


def many(key: str) -> list[str]:
    """Return the keys of a call on many."""
    return [key, *(f"{key}-{nth}" for nth in range(2, MANY)), _last(key)]


def _last(key: str) -> str:
    return f"{key}-last"


SET: Part = lambda cache, key: cache.set(key, 8, LIVE_S)  # noqa: E731 - a table of one-liners
GET: Part = lambda cache, key: cache.get(key)  # noqa: E731
DELETE: Part = lambda cache, key: cache.delete(key)  # noqa: E731
INCR: Part = lambda cache, key: cache.incr(key)  # noqa: E731
DECR: Part = lambda cache, key: cache.decr(key)  # noqa: E731
MOVE: Part = lambda cache, key: cache.incr_version(key)  # noqa: E731


def _on_last(part: Part) -> Part:
    """Return *part* on the last key."""
    return lambda cache, key: part(cache, _last(key))


BOTH_READ = (GET, _on_last(GET))
BOTH_SET = (SET, _on_last(SET))
MEETINGS: Sequence[Meeting] = (
    Meeting("get", "set", GET, (SET,)),
    Meeting("set", "set", lambda cache, key: cache.set(key, 7, LIVE_S), (SET,)),
    Meeting(
        "add",
        "add",
        lambda cache, key: cache.add(key, 7, LIVE_S),
        (lambda cache, key: cache.add(key, 8, LIVE_S),),
        there=False,
    ),
    Meeting("delete", "delete", DELETE, (DELETE,)),
    Meeting("touch", "delete", lambda cache, key: cache.touch(key, LIVE_S), (DELETE,)),
    Meeting("incr", "incr", INCR, (INCR,)),
    Meeting("incr", "delete", INCR, (DELETE,)),
    Meeting("decr", "decr", DECR, (DECR,)),
    Meeting("decr", "delete", DECR, (DELETE,)),
    Meeting("incr_version", "incr_version", MOVE, (MOVE,)),
    Meeting("incr_version", "set", MOVE, (SET,)),
    Meeting(
        "get_or_set",
        "get_or_set",
        lambda cache, key: cache.get_or_set(key, 7, LIVE_S),
        (lambda cache, key: cache.get_or_set(key, 8, LIVE_S),),
        there=False,
    ),
    Meeting("get_many", "two sets", lambda cache, key: found(cache, many(key)), BOTH_SET),
    Meeting("set_many", "two gets", lambda cache, key: cache.set_many(dict.fromkeys(many(key), 7), LIVE_S), BOTH_READ),
    Meeting("delete_many", "two gets", lambda cache, key: cache.delete_many(many(key)), BOTH_READ),
    Meeting("clear", "set", lambda cache, _key: cache.clear(), (SET,)),
)


def met(stage: Stage, meetings: Sequence[Meeting] = MEETINGS, seed: int = 1) -> dict[Meeting, int]:
    """Return for each meeting how often, of `TIMES`, no order of the two callers explains the result."""
    overlapping = _overlapping(stage, meetings, seed)
    explained = {meeting: _one_after_the_other(stage, meeting) for meeting in meetings}
    return {meeting: sum(one not in explained[meeting] for one in overlapping[meeting]) for meeting in meetings}


def _one_after_the_other(stage: Stage, meeting: Meeting) -> list[Any]:
    """Return the results of a meeting with the call at every place among the other caller's calls."""
    cues: list[Cue] = []
    for place in range(len(meeting.theirs) + 1):
        at_s, key = 0.75 + place * APART_S, f"k{place}"
        turns = partial(_in_turn, meeting, place, key=key)
        cues += [(at_s, _on(meeting.prepare, key)), (at_s + 1, turns), (at_s + 2, _on(_left, key))]
    done = [one.result for one in stage.play(cues, counted=False)]
    return [(*done[first + 1], done[first + 2]) for first in range(0, len(done), 3)]


def _in_turn(meeting: Meeting, place: int, cache: BaseCache, key: str) -> tuple[Any, list[Any]]:
    before = _calls(cache, key, meeting.theirs[:place])
    mine = _call(cache, key, meeting.mine)
    return mine, before + _calls(cache, key, meeting.theirs[place:])


def _overlapping(stage: Stage, meetings: Sequence[Meeting], seed: int) -> dict[Meeting, list[Any]]:
    """Return the results of each meeting, `TIMES` times, with both callers starting at the same instant."""
    slots = [meeting for meeting in meetings for _ in range(TIMES)]
    cues: list[Cue] = []
    for slot, meeting in enumerate(slots):
        at_s, key = 0.75 + slot * APART_S, f"k{slot}"
        cues += [
            (at_s, _on(meeting.prepare, key)),
            (at_s + 8, partial(_call, key=key, part=meeting.mine)),
            (at_s + 8, partial(_calls, key=key, parts=meeting.theirs)),
            (at_s + 22, _on(_left, key)),
        ]
    done = [one.result for one in stage.play(cues, seed=seed, counted=False, cache_rtt_s=ROUND_TRIP)]
    came: dict[Meeting, list[Any]] = {meeting: [] for meeting in meetings}
    for slot, meeting in enumerate(slots):
        came[meeting].append(tuple(done[4 * slot + 1 : 4 * slot + 4]))
    return came


def _call(cache: BaseCache, key: str, part: Part) -> Any:
    return outcome(lambda: part(cache, key))


def _calls(cache: BaseCache, key: str, parts: Sequence[Part]) -> list[Any]:
    return [_call(cache, key, part) for part in parts]


def _on(part: Part, key: str) -> Act:
    return lambda cache: part(cache, key)


def _left(cache: BaseCache, key: str) -> Any:
    """Return the values left in the first and the last key, and in the first key's next version."""
    return cache.get(key), cache.get(_last(key)), cache.get(key, version=2)
