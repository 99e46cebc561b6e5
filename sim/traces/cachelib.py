"""Meta's CacheLib traces: ``op_time,key,key_size,op,op_count,size,cache_hits,ttl[,usecase,sub_usecase]``.

A row is what one cache saw of a key in one second: `op_count` operations, of which `cache_hits` were hits. It becomes
`op_count` requests at random times within that second. The order of the rows of one second means nothing: in the
published files a SET stands before the GET whose miss it answers. `size` is 0 where a read missed, so 0 is no size.
GET_LEASE is a get that gives a lease on a miss. SET_LEASE is the store of the client that has the lease, so it
is always a fill. Keys are anonymous; `key_size`, `usecase` and `sub_usecase` are not used.

Sources: CacheLib, cachebench/workload/KVReplayGenerator.h, and its sample, test_configs/trace_replay/kvcache; Nishtala
et al., Scaling Memcache at Facebook (NSDI 2013), 3.2.1, for leases.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .values import whole_numbers_in

if TYPE_CHECKING:
    import pandas as pd

MOST_PER_ROW = 1_000_000
MOST_REQUESTS = 200_000_000


class Counted(NamedTuple):
    """The requests that the rows stand for: the place of each one's row, and whether it would have missed as a read."""

    place: NDArray[np.int64]
    missed: NDArray[np.bool_]


def is_counted(frame: "pd.DataFrame") -> bool:
    """Return whether a row stands for several requests."""
    return "op_count" in frame.columns


def counted(frame: "pd.DataFrame", where: str) -> Counted:
    """Return what the rows of *frame* stand for.

    Raises:
        UserError: for a row without a count or hits, or with one that cannot be, or more requests than can be replayed.
    """
    counts = whole_numbers_in(frame, "op_count", 1, MOST_PER_ROW, where)
    total = int(counts.sum())
    if total > MOST_REQUESTS:
        raise UserError(f"{where}: its rows stand for {total:,} requests (op_count), more than {MOST_REQUESTS:,}")
    hits = np.zeros(len(frame), np.int64)
    if "cache_hits" in frame.columns:
        hits = whole_numbers_in(frame, "cache_hits", 0, MOST_PER_ROW, where)
    place = np.repeat(np.arange(len(frame)), counts)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return Counted(place, within >= hits[place])
