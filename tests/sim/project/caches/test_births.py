"""Births, against a reference that forgets nothing and looks at everything."""

import math
import random

from cachewise.sim.project.caches.births import GRACE_S, Births


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
