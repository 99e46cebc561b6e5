"""Which write requests are rolled back: the share that was asked for, by number, and nothing else drawn otherwise."""

from itertools import pairwise

import numpy as np
import pytest

from cachewise.sim.world.rollbacks import TABLE_SIZE, rollbacks
from cachewise.sim.world.seeds import streams


def chosen(ratio: float, seed: int = 1) -> set[int]:
    """Return which of the first writes (numbered from -1 down) fail."""
    fails = rollbacks(ratio, streams(seed)["rollbacks"])
    assert fails is not None
    return {number for number in range(-1, -1 - TABLE_SIZE, -1) if fails(number)}


@pytest.mark.parametrize("ratio", [1e-4, 0.02, 0.5, 0.999])
def test_the_share_is_the_one_asked_for(ratio: float) -> None:
    """It is met to within two requests of 65,536."""
    assert abs(len(chosen(ratio)) - ratio * TABLE_SIZE) <= 2


def test_all_and_none() -> None:
    """1 chooses every write; with 0 there is nothing to ask."""
    assert len(chosen(1)) == TABLE_SIZE
    assert rollbacks(0, streams(1)["rollbacks"]) is None


def test_a_larger_share_holds_the_smaller_one() -> None:
    """What fails at 1% fails at 5%, too: runs with more of them differ in nothing else."""
    found = [chosen(ratio) for ratio in (0.001, 0.01, 0.05, 0.3)]
    assert all(less < more for less, more in pairwise(found))


def test_they_are_spread_at_random() -> None:
    """Another seed chooses others, and the next one does not depend on the last one."""
    first = chosen(0.2)
    assert abs(len(first & chosen(0.2, seed=2)) / TABLE_SIZE - 0.04) < 0.004
    fails = np.array([number in first for number in range(-1, -1 - TABLE_SIZE, -1)])
    assert abs(float(np.mean(fails[1:] & fails[:-1])) - 0.04) < 0.004
