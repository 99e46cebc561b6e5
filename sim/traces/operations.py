"""Operations: which verbs of caches, of HTTP and of logs read, write, fill, or do neither.

A look-aside cache's client stores what it has just loaded. Such a store is a *fill*, and is left out, as the strategy
under test does its own filling. What else is stored was changed: a write to the database.

Sources: the commands of Memcached (its ``doc/protocol.txt``) and of Redis; RFC 9110, 9.2.1, for the methods of HTTP
that are safe; Nishtala et al., Scaling Memcache at Facebook (NSDI 2013), 3.2.1, for leases.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, unknown

if TYPE_CHECKING:
    import pandas as pd

READS = (
    *("get", "gets", "gat", "gats", "read", "get_lease", "head"),
    *("mget", "getex", "getrange", "hget", "hmget", "hgetall"),
)
FILLS_OR_WRITES = ("set", "add", "setex", "psetex", "setnx", "mset", "hset", "hmset", "hsetnx")
FILLS = ("set_lease",)
WRITES = (
    *("cas", "replace", "append", "prepend", "incr", "decr", "write", "post", "put", "patch"),
    *("getset", "setrange", "incrby", "incrbyfloat", "decrby", "hincrby", "hincrbyfloat"),
)
DELETES = ("delete", "del", "unlink", "getdel", "hdel")
NEITHER = (
    *("touch", "expire", "expireat", "pexpire", "pexpireat", "persist", "ttl", "pttl", "exists"),
    *("options", "trace", "connect"),
)
READ, FILL_OR_WRITE, WRITE, FILL, NOTHING = range(5)
KINDS = {
    **dict.fromkeys(READS, READ),
    **dict.fromkeys(FILLS_OR_WRITES, FILL_OR_WRITE),
    **dict.fromkeys(FILLS, FILL),
    **dict.fromkeys((*WRITES, *DELETES), WRITE),
    **dict.fromkeys(NEITHER, NOTHING),
}
FILL_WINDOW_S = 1.0


def kinds_in(frame: "pd.DataFrame", where: str) -> NDArray[np.int8]:
    """Return the kind of each row's operation; without a column of them all are reads.

    Raises:
        UserError: for a row without one, or with one that is not known.
    """
    if "op" not in frame.columns:
        return np.zeros(len(frame), np.int8)
    codes, names = frame["op"].factorize()  # the code of none is -1
    known = [KINDS.get(str(name).strip().lower(), -1) for name in names]
    kinds: NDArray[np.int8] = np.array([*known, -1], np.int8)[codes]
    if (kinds < 0).any():
        row = int((kinds < 0).argmax())
        if codes[row] < 0:
            raise UserError(f"{where}: row {row + 1} has no op")
        raise UserError(f"{where}: row {row + 1}: {_unknown(str(names[codes[row]]))}")
    return kinds


def _unknown(op: str) -> str:
    """Return what is said of an operation that is not known: the nearest one, or what kind of word it must be."""
    said, _, hint = str(unknown("operation", op, KINDS)).partition("; known: ")
    return f"{said}; it must be one of Memcached, Redis or HTTP, or read or write" if hint else said


def fills_in_order(
    kind: NDArray[np.int8], time_s: NDArray[np.float64], key_code: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Return which requests are fills: stores right after a read of the same key, within `FILL_WINDOW_S`.

    Of several clients that missed at once, the first one's store is the fill; the others' are taken for writes.
    """
    order = np.argsort(key_code, kind="stable")
    previous = np.empty(len(order), np.int64)
    previous[order] = np.concatenate([[-1], order[:-1]])
    after_a_read = (
        (previous >= 0)
        & (key_code[previous] == key_code)
        & (kind[previous] == READ)
        & (time_s - time_s[previous] <= FILL_WINDOW_S)
    )
    found: NDArray[np.bool_] = (kind == FILL) | ((kind == FILL_OR_WRITE) & after_a_read)
    return found


def fills_by_misses(
    kind: NDArray[np.int8], second: NDArray[np.int64], key_code: NDArray[np.int32], missed: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which requests are fills where those of one second have no order, and reads say whether they missed.

    Each read that *missed* accounts for one store of its key, in the same second or in the next one; a store belongs to
    the oldest miss that has none yet.
    """
    import pandas as pd

    is_store = kind == FILL_OR_WRITE
    columns = {"key": key_code, "second": second, "misses": missed & (kind == READ), "stores": is_store}
    each = pd.DataFrame(columns)[np.isin(key_code, key_code[is_store])]
    totals = each[each["misses"] | each["stores"]].groupby(["key", "second"], as_index=False).sum()
    stores = each[each["stores"]][["key", "second"]]
    most = stores.merge(totals.assign(most=_stores_for_misses(totals)), on=["key", "second"])["most"]
    fills: NDArray[np.bool_] = kind == FILL
    fills[is_store] = stores.groupby(["key", "second"]).cumcount().to_numpy() < most.to_numpy()
    return fills


def _stores_for_misses(totals: "pd.DataFrame") -> list[int]:
    """Return how many stores answer a miss, for each key and second, in ascending order, with *totals* of both."""
    found, left, now = [], 0, (-1, -1)
    for key, second, misses, stores in totals.itertuples(index=False, name=None):
        old = left if now == (key, second - 1) else 0
        left = misses - min(max(stores - old, 0), misses)
        found.append(min(stores, old + misses))
        now = key, second
    return found
