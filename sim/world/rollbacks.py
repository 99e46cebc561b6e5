"""Rollbacks: which write requests fail where their transaction would commit."""

from collections.abc import Callable

import numpy as np

TABLE_SIZE = 1 << 16


def rollbacks(ratio: float, seed: np.random.SeedSequence) -> Callable[[int], bool] | None:
    """Return a function that says whether the request with a given number fails; None if none does.

    Of 65,536 requests in a row, a share of about *ratio* fails. Which ones does not depend on what happens in the run,
    and those of a smaller ratio are among those of a larger one.
    """
    if ratio == 0:
        return None
    rng = np.random.default_rng(seed)
    shares = (np.arange(TABLE_SIZE) + rng.random(TABLE_SIZE)) / TABLE_SIZE
    rng.shuffle(shares)
    fails = (shares < ratio).tolist()
    return lambda request: fails[request & (TABLE_SIZE - 1)]
