"""Versioning where the bump is not one call: what its docstring says about the file and database backends."""

from itertools import pairwise

import pytest

from cachewise import Scenario, run
from cachewise.sim.backends import Call
from cachewise.strategies import Versioning

SLOW_CACHE = Scenario(
    "slow cache",
    keys=2,
    reads_per_s=10,
    writes_per_s=6,
    write_popularity="uniform",
    duration_s=60,
    warmup_s=0,
    cache_rtt_s="exponential:0.2",
)
RARE_WRITES = Scenario("rare writes", keys=1, reads_per_s=1, writes_per_s=0.001, duration_s=10_000, warmup_s=0)


def bumps(log: list[Call]) -> dict[str, list[int]]:
    """Return the numbers that the bumps stored, by key, in order."""
    found: dict[str, list[int]] = {}
    for call in log:
        if call.method == "incr" and isinstance(call.result, int):  # it raises where there is no number yet
            found.setdefault(call.args[0], []).append(call.result)
        elif call.method == "set" and call.args[0].startswith("version:"):
            found.setdefault(call.args[0], []).append(call.args[1])
    return found


@pytest.mark.parametrize(("backend", "goes_back"), [("shared", False), ("file", True), ("db", True)])
def test_a_slow_bump_puts_an_old_number_back(backend: str, goes_back: bool) -> None:
    """Where `incr` is a get and a set, a number falls below one that was there; where it is one call, it only grows."""
    log: list[Call] = []
    run(SLOW_CACHE, Versioning(timeout=None), backend=backend, seed=1, log=log)
    steps = [later - earlier for mine in bumps(log).values() for earlier, later in pairwise(mine)]
    assert len(steps) > 200
    assert any(-50 < step < 0 for step in steps) == goes_back
    assert any(step == 0 for step in steps) == goes_back  # two bumps that count once


@pytest.mark.parametrize(("backend", "reloads"), [("shared", False), ("file", True), ("db", True)])
def test_a_bumped_number_expires(backend: str, reloads: bool) -> None:
    """After a bump on file and db the row is loaded again when the number's 300 s are over; on LocMem it never is."""
    result = run(RARE_WRITES, Versioning(timeout=None), backend=backend, seed=1)
    writes, loads = len(result.writes), int((~result.reads["hit"]).sum())
    assert writes >= 5
    assert (loads > writes + 1) == reloads
