"""The effects of each call of Django's cache on copies and stores, recorded when it has happened."""

from collections.abc import Callable
from fnmatch import translate
from re import compile as compiled
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .desk import MISSING, Desk, Given, Noted, made

Effect = Callable[[Desk, Noted, Given], Any]


def through(desk: Desk, noted: Noted, given: Given) -> Any:
    """Make a call that is built from other calls, which are recorded; the project's own work in between is not."""
    if noted.verb in _NO_LOOKUPS:
        try:
            return given.call()
        finally:
            noted.hits = noted.misses = 0
    if noted.verb != "get_or_set":
        return given.call()
    default = given.take(1, "default")
    if callable(default):

        def computed() -> Any:
            under_way = desk.under_way.pop(given.task)
            try:
                return default()
            finally:
                desk.under_way[given.task] = under_way

        given.put(1, "default", computed)
    try:
        return given.call()
    finally:
        if noted.hits + noted.misses > 1:  # it looked up again what it had just stored
            noted.hits, noted.misses = 0, 1


def _get(desk: Desk, noted: Noted, given: Given) -> Any:
    default = given.take(1, "default")
    given.put(1, "default", MISSING)
    value = given.call()
    desk.looked_up(noted, given, given.take(0, "key"), given.take(2, "version"), value)
    return default if value is MISSING else value


def _has_key(desk: Desk, noted: Noted, given: Given) -> Any:
    there = given.call()
    desk.looked_up(noted, given, given.take(0, "key"), given.take(1, "version"), None if there else MISSING)
    return there


def _set(desk: Desk, noted: Noted, given: Given) -> Any:
    done = given.call()
    if done is not False:
        timeout = given.take(2, "timeout", DEFAULT_TIMEOUT)
        desk.stored(noted, given, given.take(0, "key"), given.take(3, "version"), timeout)
    return done


def _add(desk: Desk, noted: Noted, given: Given) -> Any:
    done = given.call()
    if done:
        timeout = given.take(2, "timeout", DEFAULT_TIMEOUT)
        desk.stored(noted, given, given.take(0, "key"), given.take(3, "version"), timeout)
    else:
        noted.key = noted.key or str(given.take(0, "key"))
    return done


def _touch(desk: Desk, noted: Noted, given: Given) -> Any:
    done = given.call()
    key, version = given.take(0, "key"), given.take(2, "version")
    if done:
        desk.touched(noted, given, key, version, given.take(1, "timeout", DEFAULT_TIMEOUT))
    noted.key = noted.key or str(key)
    return done


def _delete(desk: Desk, noted: Noted, given: Given) -> Any:
    done = given.call()
    desk.gone(noted, given, given.take(0, "key"), given.take(1, "version"))
    return done


def _incr(desk: Desk, noted: Noted, given: Given) -> Any:
    """Change a counter in place: this is no lookup."""
    key, delta = str(given.take(0, "key")), given.take(1, "delta", 1)
    noted.key = noted.key or key
    value = given.call()
    desk.counted(noted, given, key, given.take(2, "version"), value, delta if given.verb == "incr" else -delta)
    return value


def _incr_version(desk: Desk, noted: Noted, given: Given) -> Any:
    key, delta = given.take(0, "key"), given.take(1, "delta", 1)
    noted.key = noted.key or str(key)
    version = given.take(2, "version")
    version = given.cache.version if version is None else version
    newer = given.call()
    sign = -1 if given.verb.startswith("decr") else 1
    old, new = (made(given.cache, key, one) for one in (version, version + sign * delta))
    desk.births.moved((desk.store, old), (desk.store, new))
    return newer


def _get_many(desk: Desk, noted: Noted, given: Given) -> Any:
    keys = list(given.take(0, "keys", ()))
    given.put(0, "keys", keys)
    found = given.call()
    for key in keys:
        desk.looked_up(noted, given, key, given.take(1, "version"), found.get(key, MISSING))
    return found


def _set_many(desk: Desk, noted: Noted, given: Given) -> Any:
    """Store keys in groups with the same timeout: a variant may give keys different ones."""
    data, given_timeout = given.take(0, "data", {}), given.take(1, "timeout", DEFAULT_TIMEOUT)
    failures: list[Any] = []
    together: dict[Any, dict[Any, Any]] = {} if data else {given_timeout: {}}
    for key, value in data.items():
        together.setdefault(desk.timeouts.of(key, given_timeout), {})[key] = value
    for timeout, part in together.items():
        given.put(0, "data", part)
        if desk.timeouts:
            given.put(1, "timeout", timeout)
        failed = given.call() or []
        failures += failed
        for key in part:
            if key not in failed:
                desk.stored(noted, given, key, given.take(2, "version"), timeout)
    return failures


def _delete_many(desk: Desk, noted: Noted, given: Given) -> Any:
    keys = list(given.take(0, "keys", ()))
    given.put(0, "keys", keys)
    done = given.call()
    for key in keys:
        desk.gone(noted, given, key, given.take(1, "version"))
    return done


def _clear(desk: Desk, _noted: Noted, given: Given) -> Any:
    done = given.call()
    desk.cleared()
    return done


def _delete_pattern(desk: Desk, noted: Noted, given: Given) -> Any:
    pattern = str(given.take(0, "pattern", "*"))
    noted.key = pattern
    done = given.call()
    desk.cleared(compiled(translate(made(given.cache, pattern, given.take(1, "version")))).match)  # type: ignore[arg-type]
    return done


def _other(_desk: Desk, noted: Noted, given: Given) -> Any:
    """Make a call that reads no value and moves none."""
    key = given.take(0, "key")
    noted.key = key if isinstance(key, str) else None
    return given.call()


def _expire(desk: Desk, noted: Noted, given: Given) -> Any:
    """Make a call that changes a key's expiry: the new end is unknown here, so it counts as endless."""
    done = given.call()
    if done:
        desk.touched(noted, given, given.take(0, "key"), given.kwargs.get("version"), None)
    return done


MADE_OF_OTHERS = ("get_or_set",)  # in every class, it calls the project's code
_NO_LOOKUPS = ("incr", "decr", "incr_version", "decr_version")
_OTHERS = ("ttl", "pttl", "lock", "keys", "iter_keys")
_EXPIRES = ("expire", "pexpire", "expire_at", "pexpire_at", "persist")
TIMED = {"set": 2, "add": 2, "get_or_set": 2, "touch": 1}
EFFECTS: dict[str, Effect] = {
    "get": _get,
    "has_key": _has_key,
    "__contains__": _has_key,
    "get_many": _get_many,
    "get_or_set": through,
    "set": _set,
    "add": _add,
    "touch": _touch,
    "set_many": _set_many,
    "incr": _incr,
    "decr": _incr,
    "incr_version": _incr_version,
    "decr_version": _incr_version,
    "delete": _delete,
    "delete_many": _delete_many,
    "clear": _clear,
    "delete_pattern": _delete_pattern,
    **dict.fromkeys(_OTHERS, _other),
    **dict.fromkeys(_EXPIRES, _expire),
}
