"""Births: how old a copy in a cache can be. So the judge knows which old states no copy can show any more."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any, NamedTuple

Place = tuple[Any, str]  # a store, and the key as it is stored there
# Servers count whole seconds, and some keep an entry a second longer. After this time, an entry has surely ended.
GRACE_S = 2.0
FEW = 64


class Copy(NamedTuple):
    """A copy in a store: the earliest time at which its data can have been read, and when it ends."""

    birth_s: float
    ends_s: float
    timeout: float | None
    serial: int


class Births:
    """The birth of every live copy in the private stores of a run."""

    unknown_s = -inf  # the birth of a copy that was never recorded

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._live: dict[Place, Copy] = {}
        self._heap: list[tuple[float, int, Place]] = []  # some of these copies are gone already
        self._serial = 0
        self._strangers = False

    def stored(self, place: Place, birth_s: float, timeout: float | None) -> None:
        """Record that a copy was stored, replacing any other; its data was read at *birth_s* or later."""
        self._serial += 1
        self._live[place] = Copy(birth_s, self._end_s(timeout), timeout, self._serial)
        heappush(self._heap, (birth_s, self._serial, place))
        if len(self._heap) > 2 * len(self._live) + FEW:
            self._clean()

    def touched(self, place: Place, timeout: float | None) -> None:
        """Record that a copy got a new *timeout*."""
        copy = self._live.get(place)
        if copy is not None:
            self._live[place] = copy._replace(ends_s=self._end_s(timeout), timeout=timeout)

    def moved(self, place: Place, to: Place) -> None:
        """Record that a copy has another key now."""
        copy = self._live.pop(place, None)
        if copy is not None:
            self._live[to] = copy
            heappush(self._heap, (copy.birth_s, copy.serial, to))

    def ended(self, place: Place) -> None:
        """Record that a copy is gone, if there was one."""
        self._live.pop(place, None)

    def ended_where(self, store: Any, goes: Callable[[str], bool] = lambda _key: True) -> None:
        """Record that all copies in *store* are gone for whose key *goes* returns True."""
        for place in [place for place in self._live if place[0] == store and goes(place[1])]:
            del self._live[place]

    def of(self, place: Place) -> Copy | None:
        """Return the copy at *place*, if one is known."""
        return self._live.get(place)

    def strangers(self) -> None:
        """Record that copies of unknown birth are stored from now on."""
        self._strangers = True

    def oldest_alive_s(self) -> float:
        """Return the birth of the oldest copy still stored: infinity if there is none, -infinity if it is unknown."""
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
