"""Births, against a reference that forgets nothing and looks at everything."""

import math
import random
from contextlib import suppress
from typing import Any

import pytest
from django.core.cache import cache

from cachewise.sim.project.caches.births import GRACE_S, Births
from tests.sim.project.caches.play import Told
from tests.sim.project.caches.stage import CLASSES, entry, on_stage

KEYS = [f"k:{number}" for number in range(6)]


class Reference:
    """What Births says, told plainly."""

    def __init__(self) -> None:
        self.copies: dict[tuple[str, str], tuple[float, float]] = {}

    def oldest_s(self, now_s: float) -> float:
        return min((birth_s for birth_s, end_s in self.copies.values() if end_s >= now_s), default=math.inf)


def test_the_oldest_copy_is_that_of_the_reference() -> None:
    """Through stores, overwriting, touches, moves, deletions, clearing and expiry, at any time."""
    rng = random.Random(7)
    now = [0.0]
    births, reference = Births(lambda: now[0]), Reference()
    keys = [(store, str(number)) for store in "ab" for number in range(30)]
    seen = set()
    for _ in range(20_000):
        now[0] += rng.expovariate(1.0)
        place, timeout = rng.choice(keys), rng.choice([None, 1.0, 10.0, 100.0])
        end_s = math.inf if timeout is None else now[0] + timeout + GRACE_S
        act = rng.choice(["store"] * 6 + ["touch", "end", "end", "move", "clear" if rng.random() < 0.05 else "end"])
        if act == "store":
            birth_s = now[0] - rng.expovariate(0.2)
            births.stored(place, birth_s, timeout)
            reference.copies[place] = birth_s, end_s
        elif act == "touch" and reference.copies.get(place, (0, -1))[1] >= now[0]:
            births.touched(place, timeout)
            reference.copies[place] = reference.copies[place][0], end_s
        elif act == "move" and reference.copies.get(place, (0, -1))[1] >= now[0]:
            to = (place[0], rng.choice(keys)[1])
            births.moved(place, to)
            reference.copies[to] = reference.copies.pop(place)
        elif act == "end":
            births.ended(place)
            reference.copies.pop(place, None)
        elif act == "clear":
            births.ended_where(place[0])
            reference.copies = {one: copy for one, copy in reference.copies.items() if one[0] != place[0]}
        oldest_s = births.oldest_alive_s()
        assert oldest_s == reference.oldest_s(now[0])
        seen.add(oldest_s)
    assert len(seen) > 300
    assert len(births._heap) < 500
    births.strangers()
    assert births.oldest_alive_s() == -math.inf


class Requests:
    """Requests that store values which say how old they are, and hold what they are told against what they find."""

    ACTS = ("get",) * 4 + ("get_many", "get_or_set", "set", "set", "set_many", "add", "touch", "delete", "clear")

    def __init__(self) -> None:
        self.told = Told()
        self.rng = random.Random(3)
        self.hits = 0
        self.wrong: list[Any] = []

    def __call__(self, run: Any) -> None:
        """Serve one."""
        engine = run.current.engine
        own_s = engine.time()
        for _ in range(self.rng.randrange(1, 5)):
            act = self.rng.choice(self.ACTS)
            found = self.do(act, own_s)
            if found:
                own_s = min(own_s, *found)
                self.compare(act, run.births.oldest_alive_s(), engine.current.oldest_s, own_s, found)
            engine.sleep(self.rng.expovariate(0.3))

    def do(self, act: str, own_s: float) -> list[float]:
        """Call the cache, and return the values of hits."""
        one, other = self.rng.sample(KEYS, 2)
        if act.startswith("get"):
            got = {"get": lambda: cache.get(one), "get_many": lambda: cache.get_many([one, other])}.get(
                act, lambda: cache.get_or_set(one, lambda: own_s, 40)
            )()
            return [] if not self.told.calls[-1].hits else [*got.values()] if isinstance(got, dict) else [got]
        calls = {
            "set": lambda: cache.set(one, own_s, self.rng.choice([5, 30, None])),
            "set_many": lambda: cache.set_many({one: own_s, other: own_s}, 25),
            "add": lambda: cache.add(one, own_s, 25),
            "touch": lambda: cache.touch(one, 50),
            "delete": lambda: cache.delete(one),
            "clear": lambda: self.rng.random() < 0.1 and cache.clear(),
        }
        with suppress(ValueError):  # Django's file cache unlocks a closed file when it touches what has expired
            calls[act]()
        return []

    def compare(self, act: str, alive_s: float, task_s: float, own_s: float, found: list[float]) -> None:
        """Remember what was told wrongly of *found*. Of several that were not found at once, one may be gone by now."""
        self.hits += len(found)
        call = self.told.calls[-1]
        if call.oldest_s != min(found) or task_s != own_s or (act == "get" and alive_s > found[0]):
            self.wrong.append((call, found, own_s, alive_s))


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_a_hit_knows_the_birth_of_the_very_copy(kind: str) -> None:
    """With many requests under way together: each hit is told the very age that its value says."""
    requests = Requests()
    on_stage({"default": entry(kind)}, *[requests] * 400, watch=requests.told, workers=1, rtt_s=0.05, every_s=0.7)
    assert requests.wrong == []
    assert requests.hits > 200


@pytest.mark.parametrize("kind", ["redis", "memcached", "file"])
def test_the_same_requests_are_told_the_same(kind: str) -> None:
    """To the last digit, round trips drawn included: only the servers' processes are others."""
    told = []
    for _ in range(2):
        requests = Requests()
        on_stage(
            {"default": entry(kind)}, *[requests] * 60, watch=requests.told, rtt_s="lognormal:0.05:0.5", every_s=0.7
        )
        told.append([repr(call) for call in requests.told.calls])
    assert told[0] == told[1]
    assert len(told[0]) > 60
