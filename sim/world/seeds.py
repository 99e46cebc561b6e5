"""Random streams: one for each purpose, made from the run's seed alone and never from the strategy.

So all strategies that are compared meet the same traffic and the same latencies (common random numbers).
"""

import numpy as np

DEFAULT_SEED = 1  # if none is given, in Python and on the command line

# Only append to this: the position of a purpose decides its stream.
PURPOSES = (
    "read_arrivals",
    "read_keys",
    "read_workers",
    "write_arrivals",
    "write_keys",
    "write_workers",
    "rate_shape",
    "write_ranks",
    "trace_stamps",
    "cache_rtt_s",
    "db_read_s",
    "db_commit_s",
    "render_s",
    "transaction_tail_s",
    "culling",
    "db_send_s",
    "db_write_s",
    "rollbacks",
)


def streams(seed: int) -> dict[str, np.random.SeedSequence]:
    """Return the seed sequence of each purpose, by name."""
    return dict(zip(PURPOSES, np.random.SeedSequence(seed).spawn(len(PURPOSES)), strict=True))
