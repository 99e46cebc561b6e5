"""Births: how old a copy in a cache can be, so that whoever keeps old states knows which ones no copy can show."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, NamedTuple

Place = tuple[Any, str]  # a store, and the key as it is stored there
# Servers keep whole seconds, and some an entry for a second more: none has ended before this has passed.
GRACE_S = 2.0
FEW = 64


class Copy(NamedTuple):
    """A copy that is in a store: when the oldest data in it can have been read, and when it ends."""

    birth_s: float
    ends_s: float
    timeout: float | None
    serial: int


class Births:
    """The birth of every live copy in the private stores of a run."""

    unknown_s = -inf  # the birth of a copy that nobody has heard of

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._live: dict[Place, Copy] = {}
        self._heap: list[tuple[float, int, Place]] = []  # with copies among them that are there no more
        self._serial = 0
        self._strangers = False

    def stored(self, place: Place, birth_s: float, timeout: float | None) -> None:
        """Hear that a copy was stored, over any other: what is in it was read at *birth_s* or later."""
        self._serial += 1
        self._live[place] = Copy(birth_s, self._end_s(timeout), timeout, self._serial)
        heappush(self._heap, (birth_s, self._serial, place))
        if len(self._heap) > 2 * len(self._live) + FEW:
            self._clean()

    def touched(self, place: Place, timeout: float | None) -> None:
        """Hear that a copy got a new *timeout*."""
        copy = self._live.get(place)
        if copy is not None:
            self._live[place] = copy._replace(ends_s=self._end_s(timeout), timeout=timeout)

    def moved(self, place: Place, to: Place) -> None:
        """Hear that a copy has another key now."""
        copy = self._live.pop(place, None)
        if copy is not None:
            self._live[to] = copy
            heappush(self._heap, (copy.birth_s, copy.serial, to))

    def ended(self, place: Place) -> None:
        """Hear that a copy is gone, if there was one."""
        self._live.pop(place, None)

    def ended_where(self, store: Any, goes: Callable[[str], bool] = lambda _key: True) -> None:
        """Hear that all copies in *store* are gone whose key *goes*."""
        for place in [place for place in self._live if place[0] == store and goes(place[1])]:
            del self._live[place]

    def of(self, place: Place) -> Copy | None:
        """Return the copy at *place*, if one is known."""
        return self._live.get(place)

    def strangers(self) -> None:
        """Hear that somebody stores copies whose birth nobody knows."""
        self._strangers = True

    def oldest_alive_s(self) -> float:
        """Return the birth of the oldest copy that is still there: infinity without any, -infinity if nobody knows."""
        if self._strangers:
            return -inf
        now_s = self._now()
        while self._heap:
            birth_s, serial, place = self._heap[0]
            copy = self._live.get(place)
            if copy is not None and copy.serial == serial:
                if copy.ends_s >= now_s:
                    return birth_s
                del self._live[place]
            heappop(self._heap)
        return inf

    def _end_s(self, timeout: float | None) -> float:
        return inf if timeout is None else self._now() + timeout + GRACE_S

    def _clean(self) -> None:
        now_s = self._now()
        self._live = {place: copy for place, copy in self._live.items() if copy.ends_s >= now_s}
        self._heap = [(copy.birth_s, copy.serial, place) for place, copy in self._live.items()]
        heapify(self._heap)
