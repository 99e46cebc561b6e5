"""Traces: real requests to replay, from the files that people have (docs/traces.md says which, and how they are read).

A size is the row's payload (the first one known for a key). Timeouts are the trace's own; strategies have their own,
so they are only reported. If every stamp is a whole second, requests are spread at random within their second.
"""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, file_name
from .cachelib import counted, is_counted
from .columns import TIMES, parse_columns, plain_columns
from .operations import FILL, FILL_OR_WRITE, NOTHING, READ, fills_by_misses, fills_in_order, kinds_in
from .tables import read_table
from .times import seconds_in
from .values import median_timeout_in, sizes_in

_SETTLED_S = 2.0  # longer than the ticks in which any file system counts


@dataclass(frozen=True)
class Trace:
    """A trace in memory; times start at 0 and ascend.

    `time_s`, `key_code` and `is_write` have one entry a request; `key_names` and `size_bytes` one a key (`size_bytes`
    is -1 where the trace does not say), and `first_rows`, the file's row in which the key comes first (from 1 on).
    `in_order` says whether the requests of one second are in the order in which they came. `notes` holds what is to be
    said of the reading, such as what was left out.
    """

    path: str
    time_s: NDArray[np.float64]
    key_code: NDArray[np.int32]
    is_write: NDArray[np.bool_]
    key_names: list[str]
    size_bytes: NDArray[np.int64]
    first_rows: NDArray[np.int64]
    whole_seconds: bool
    in_order: bool
    notes: tuple[str, ...]

    @property
    def end_s(self) -> float:
        """When the trace ends, in its own seconds: a whole-second trace ends with its last second."""
        return float(self.time_s[-1]) + (1.0 if self.whole_seconds else 0.0)

    @property
    def fields(self) -> tuple[str, ...]:
        """The scenario's inputs that the trace stands in for."""
        known = ["keys", "read_popularity", "reads_per_s", "arrivals"]
        known += ["writes_per_s", "write_popularity"] if self.has_writes else []
        return (*known, "value_bytes") if (self.size_bytes >= 0).any() else tuple(known)

    @property
    def has_writes(self) -> bool:
        """Whether any request is a write."""
        return bool(self.is_write.any())


@dataclass(frozen=True)
class _Requests:
    """What came, in the file's order: when, for which key, of which kind, and whether a read missed, if known."""

    time_s: NDArray[np.float64]
    key_code: NDArray[np.int32]
    kind: NDArray[np.int8]
    missed: NDArray[np.bool_] | None = None

    def where(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> "_Requests":
        """Return those that are kept."""
        missed = None if self.missed is None else self.missed[kept]
        return _Requests(self.time_s[kept], self.key_code[kept], self.kind[kept], missed)

    def fills(self) -> NDArray[np.bool_]:
        """Return which of them are fills."""
        if self.missed is None:
            return fills_in_order(self.kind, self.time_s, self.key_code)
        return fills_by_misses(self.kind, self.time_s.astype(np.int64), self.key_code, self.missed)


def load_trace(path: str, columns: str | None = None) -> Trace:
    """Read the trace at *path*; *columns* is what ``--trace-columns`` says of the names of its columns.

    Raises:
        UserError: for a file that is missing, broken, empty, or whose times go backwards; the message names the row.
    """
    columns = columns and plain_columns(columns)
    state = _state_of(path)
    return _read(path, columns) if state is None else _read_once(path, columns, state)


def _state_of(path: str) -> tuple[int, ...] | None:
    """Return what tells a file from what it was before; None if it was just written, as it may change unseen."""
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        return None
    settled = time.time() - stat.st_mtime > _SETTLED_S
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns) if settled else None


@lru_cache(maxsize=1)  # all runs of a process replay the same one
def _read_once(path: str, columns: str | None, _state: tuple[int, ...]) -> Trace:
    return _read(path, columns)


def _read(path: str, columns: str | None) -> Trace:
    where = f"trace {file_name(path)}"
    table = read_table(Path(path), {} if columns is None else parse_columns(columns), where)
    frame = table.frame
    if not len(frame):
        raise UserError(f"{where}: no rows")
    time_s, whole = seconds_in(frame, next(name for name in TIMES if name in frame.columns), where)
    if frame["key"].isna().any():
        raise UserError(f"{where}: row {int(frame['key'].isna().argmax()) + 1} has no key")
    codes, names = frame["key"].astype(str).factorize()
    key_code = codes.astype(np.int32)
    requests = _Requests(time_s, key_code, kinds_in(frame, where))
    notes = [*table.notes]
    sizes = sizes_in(frame, where)
    if is_counted(frame):
        sizes = np.where(sizes == 0, -1, sizes)
        found = counted(frame, where)
        requests = replace(requests.where(found.place), missed=found.missed)
        notes.append(f"the trace's {len(frame):,} rows stand for {len(found.place):,} requests (`op_count`)")
    timeout_s = median_timeout_in(frame, where)
    requests = _which_count(requests, notes, where)
    if timeout_s is not None:
        notes.append(f"the trace's own timeouts (median {timeout_s:g} s) are not used: strategies have their own")
    return Trace(
        path=path,
        time_s=requests.time_s,
        key_code=requests.key_code,
        is_write=requests.kind != READ,
        key_names=[str(name) for name in names],
        size_bytes=_first_known(sizes, key_code, len(names)),
        first_rows=table.places(np.unique(key_code, return_index=True)[1]),
        whole_seconds=whole,
        in_order=requests.missed is None,
        notes=tuple(notes),
    )


def _which_count(requests: _Requests, notes: list[str], where: str) -> _Requests:
    """Return the requests that read or write rows, and add to the *notes* how many do not.

    Raises:
        UserError: if none reads.
    """
    idle = requests.kind == NOTHING
    if idle.any():
        share = f"{idle.sum():,} of the trace's {len(idle):,} requests"
        notes.append(f"left out: {share}, which neither read nor change a value (such as touch, expire or OPTIONS)")
        requests = requests.where(~idle)
    fills = requests.fills()
    stores = int(np.isin(requests.kind, (FILL_OR_WRITE, FILL)).sum())
    if not (requests.kind == READ).any():
        raise UserError(f"{where}: no reads, only {int((~fills).sum()):,} writes")
    if fills.any():
        after = "came right after a read of the same key" if requests.missed is None else "answered a read that missed"
        notes.append(
            f"{fills.sum():,} of the trace's {stores:,} set and add requests {after}: they are taken for fills and "
            "left out (where they changed the row, call them write)"
        )
    return requests.where(~fills)


def _first_known(sizes: NDArray[np.int64], key_code: NDArray[np.int32], keys: int) -> NDArray[np.int64]:
    """Return each key's first size that is known, -1 for a key that has none."""
    found = np.full(keys, -1, np.int64)
    known = np.flatnonzero(sizes >= 0)[::-1]  # backwards, so that the first one stays
    found[key_code[known]] = sizes[known]
    return found
