"""Rollbacks: which write requests fail where their transaction would commit."""

from collections.abc import Callable

import numpy as np

TABLE_SIZE = 1 << 16


def rollbacks(ratio: float, seed: np.random.SeedSequence) -> Callable[[int], bool] | None:
    """Return a function that says of a request, by its number, whether it fails; None where none does.

    Of 65,536 requests in a row about *ratio* fail, the same ones whatever happens in the run. Those of a smaller ratio
    are among those of a larger one.
    """
    if ratio == 0:
        return None
    rng = np.random.default_rng(seed)
    shares = (np.arange(TABLE_SIZE) + rng.random(TABLE_SIZE)) / TABLE_SIZE
    rng.shuffle(shares)
    fails = (shares < ratio).tolist()
    return lambda request: fails[request & (TABLE_SIZE - 1)]
