"""Columns: which of a file's columns are a trace's, by their names or by what ``--trace-columns`` says."""

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ..errors import UserError, one_line, unknown

TIMES = ("time_s", "time_ms", "time_us", "time")
COLUMNS = (*TIMES, "key", "op", "size_bytes", "timeout_s")
TWITTER = ("time_s", "key", "key_size", "size_bytes", "client_id", "op", "timeout_s")
CACHELIB = {  # Meta's names of ours, and what only CacheLib's files have
    "time_s": "op_time",
    "size_bytes": "size",
    "timeout_s": "ttl",
    "op_count": "op_count",
    "cache_hits": "cache_hits",
}
LEFT_OUT = "-"
_SHORT = {"size": "size_bytes", "timeout": "timeout_s"}  # what --trace-columns takes, too
# What others call them: without case, and with letters and digits only.
_LOOK_ALIKES: Mapping[str, tuple[str, ...]] = {
    "time": (
        *("times", "timestamp", "ts", "date", "datetime", "optime", "epoch", "at", "when", "createdat"),
        *("requesttime", "eventtime", "timems", "timeus", "tsms", "tsus", "timestampms", "timestampus", "epochms"),
    ),
    "key": ("keys", "cachekey", "url", "uri", "path", "requesturi", "target", "object", "objectid", "id"),
    "op": (
        *("op", "ops", "operation", "operations", "optype", "operationtype", "method", "requestmethod", "verb"),
        *("command", "cmd", "action"),
    ),
    "size_bytes": (
        *("size", "sizes", "bytes", "sizebyte", "valuesize", "objectsize", "length", "contentlength"),
        *("responsesize", "bodybytessent"),
    ),
    "timeout_s": ("timeout", "timeouts", "ttl", "ttls", "expiry", "expire", "expires", "exptime", "maxage"),
}


def parse_columns(text: str) -> dict[str, str]:
    """Return what ``--trace-columns`` says: for each of our columns the file's, or `LEFT_OUT`.

    Raises:
        UserError: for a text that is not NAME=COLUMN,..., or a column that a trace does not have.
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        name, _, theirs = (one.strip() for one in part.partition("="))
        if not name or not theirs:
            raise UserError(f"--trace-columns {one_line(text)}: write it as NAME=COLUMN,..., such as time=ts,key=url")
        ours = _SHORT.get(name, name)
        if ours not in COLUMNS:
            raise UserError(f"--trace-columns: {unknown('column of a trace', name, (*COLUMNS, *_SHORT))}")
        if ours in found or (ours in TIMES and set(TIMES) & set(found)):
            raise UserError(f"--trace-columns: {'the time' if ours in TIMES else repr(name)} is there twice")
        found[ours] = theirs
    return found


def plain_columns(text: str) -> str:
    """Return what ``--trace-columns`` says in our names and order: equal ones are written alike.

    Raises:
        UserError: as `parse_columns` does.
    """
    return ",".join(f"{ours}={theirs}" for ours, theirs in sorted(parse_columns(text).items(), key=_place))


def _place(column: tuple[str, str]) -> int:
    return COLUMNS.index(column[0])


def looks_like_a_header(names: Sequence[str], wanted: Mapping[str, str]) -> bool:
    """Return whether a line's values are names of columns: ours, those that are *wanted*, or else similar ones."""
    certain = {*COLUMNS} if are_numbers(wanted) else {*COLUMNS, *wanted.values()}
    if not certain.isdisjoint(names):
        return True
    similar = any(_is_like(name, ours) for name in names for ours in _LOOK_ALIKES)
    return similar and not any(re.fullmatch(r"[\d.]+", name) for name in names)


def are_numbers(wanted: Mapping[str, str]) -> bool:
    """Return whether ``--trace-columns`` names columns by their numbers."""
    named = [theirs for theirs in wanted.values() if theirs != LEFT_OUT]
    return bool(named) and all(theirs.isdecimal() for theirs in named)


def chosen(names: Sequence[str], wanted: Mapping[str, str], where: str) -> dict[str, str]:
    """Return for each of our columns what it is called in a file with the columns *names*.

    Raises:
        UserError: for a name that is there twice, one that is wanted and not there, one that looks like one of ours and
            is not, or a file without times or keys.
    """
    _refuse_twins(names, where)
    found = {ours: ours for ours in COLUMNS if ours in names}
    if {"op_time", "op_count", "key", "op"} <= set(names):
        found = {ours: theirs for ours, theirs in (found | CACHELIB).items() if theirs in names}
    for ours, theirs in wanted.items():
        _choose(found, ours, theirs, names, where)
    times = [one for one in TIMES if one in found]
    if len(times) > 1:
        mend = f"--trace-columns {times[0]}={found[times[0]]}"
        raise UserError(f"{where}: it has {' and '.join(times)}: say which is the time: {mend}")
    likes = _look_alikes(names, found, wanted)
    if not times or "key" not in found:
        lacking = ("key",) if times else TIMES
        mend = "" if likes.keys().isdisjoint(lacking) else _typed(wanted, likes)
        raise _lacking(lacking[0], names, mend, where)
    if likes:
        ours, like = next(iter(likes.items()))
        told = f"column {one_line(like, 20)!r} looks like {ours} under another name"
        raise UserError(f"{where}: {told}: write {_typed(wanted, likes)}, or {ours}={LEFT_OUT} to leave it out")
    return found


def _choose(found: dict[str, str], ours: str, theirs: str, names: Sequence[str], where: str) -> None:
    """Add one of the wanted columns to those that are *found*, instead of what was taken for it."""
    if theirs != LEFT_OUT and theirs not in names:
        raise UserError(f"{where}: --trace-columns {ours}={one_line(theirs)}: {_no_such(theirs, names)}")
    for one in TIMES if ours in TIMES and theirs != LEFT_OUT else (ours,):
        found.pop(one, None)
    if theirs != LEFT_OUT:
        found[theirs if ours == "time" and theirs in TIMES else ours] = theirs  # such a column's name says its unit


def _no_such(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {one_line(close[0], 20)!r}?" if close else f"found: {_listed(names)}"
    return f"the file has no such column; {hint}"


def _refuse_twins(names: Sequence[str], where: str) -> None:
    counts = Counter(name for name in names if name)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{where}: column {one_line(twice, 20)!r} is there twice")
    for ours in COLUMNS:
        twin = next((name for name in names if name.lower() == ours and name != ours), None)
        if ours in names and twin is not None:
            raise UserError(f"{where}: columns {ours!r} and {twin!r} are the same but for their case; rename one")


def _look_alikes(names: Sequence[str], found: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return for each of our columns that was not found the one that may be meant."""
    free = [name for name in names if name not in found.values()]
    likes = {}
    for ours in _LOOK_ALIKES:
        is_settled = ours in found or ours in wanted or (ours == "time" and not found.keys().isdisjoint(TIMES))
        like = None if is_settled else next((name for name in free if _is_like(name, ours)), None)
        if like is not None:
            likes[_with_unit(ours, like)] = like
    return likes


def _typed(wanted: Mapping[str, str], likes: Mapping[str, str]) -> str:
    """Return the option as it was typed, with the columns that may be meant."""
    pairs = {**wanted, **likes}.items()
    return f"--trace-columns {','.join(f'{ours}={one_line(theirs)}' for ours, theirs in pairs)}"


def _lacking(ours: str, names: Sequence[str], mend: str, where: str) -> UserError:
    need = "a trace needs time_s,key[,op,size_bytes,timeout_s]"
    hint = f"; write {mend}" if mend else ""
    return UserError(f"{where}: no column {ours!r} (found: {_listed(names)}); {need}{hint}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(one_line(name, 20) for name in names[:8]) + (", ..." if len(names) > 8 else "")


def _is_like(name: str, ours: str) -> bool:
    """Return whether *name* is what others call our column."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return plain in _LOOK_ALIKES[ours] or (plain == ours.replace("_", "") and name != ours)


def _with_unit(ours: str, theirs: str) -> str:
    """Return our column for times with the unit that their name ends in, if it does."""
    plain = theirs.lower()
    return next((one for one in ("time_ms", "time_us") if ours == "time" and plain.endswith(one[-2:])), ours)
