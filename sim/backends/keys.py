"""Keys that a backend refuses: found before a run, or reported in one line if a strategy makes one during a run.

The key counts as the cache gets it: by default with prefix and version before it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.core.cache.backends.base import (
    MEMCACHE_MAX_KEY_LENGTH,
    BaseCache,
    InvalidCacheKey,
    memcached_error_chars_re,
)

from ..contract import Strategy
from ..errors import UserError, file_name, one_line
from ..world.workload import Workload
from .places import Backend

COLUMN_CHARACTERS = 255  # of `cache_key` (read in Django 5.2's createcachetable); SQLite alone does not enforce it
LONGEST_TOLD = 180  # characters of a message


class RefusedKeyError(UserError, InvalidCacheKey):
    """A strategy made a key that its backend refuses."""


def refused_by_memcached(key: str) -> str:
    """Return why memcached refuses *key*, or ""."""
    size = len(key.encode(errors="surrogatepass"))
    if size > MEMCACHE_MAX_KEY_LENGTH:
        return f"is {size:,} bytes long, and memcached takes {MEMCACHE_MAX_KEY_LENGTH}"
    return "has a blank or control character" if memcached_error_chars_re.search(key) else ""


def refused_by_table(key: str) -> str:
    """Return why a cache table cannot hold *key*, or ""."""
    if len(key) > COLUMN_CHARACTERS:
        return f"is {len(key):,} characters long, and the column of a cache table takes {COLUMN_CHARACTERS}"
    return "has a NUL character, which PostgreSQL does not store" if "\0" in key else ""


def require_keys(backend: Backend, strategies: Sequence[Strategy], workload: Workload) -> None:
    """Make sure that *backend* accepts the keys of *workload*, if one of the *strategies* uses them unchanged.

    A user's strategy may shorten keys, so its keys are checked only when it runs.

    Raises:
        UserError: with the key, and its row in the trace.
    """
    if not backend.refuses or not any(map(_hands_on, strategies)):
        return
    trace = workload.trace
    names = workload.key_names if trace else workload.key_names[-1:]  # synthetic: the last is longest
    for code, (name, made) in enumerate(zip(names, _made(backend, names), strict=False)):
        why = backend.refuses(made)
        if why:
            where = "" if trace is None else f"trace {file_name(trace.path)}: row {trace.first_rows[code]:,}: "
            raise UserError(f"{where}{_told(backend.name, name, made, why)}")


def _hands_on(strategy: Strategy) -> bool:
    """Return whether *strategy* is known to use keys unchanged: a shipped one that uses the cache."""
    return type(strategy).__module__.startswith("cachewise.strategies.") and any(getattr(strategy, "costs", ()))


def _made(backend: Backend, names: Sequence[str]) -> list[str]:
    """Return the keys that *backend*'s class makes of *names* without opening it; [] if it must be open for that."""
    maker: Any = object.__new__(backend.load())
    try:
        BaseCache.__init__(maker, {**backend.params})
        return [str(maker.make_key(name)) for name in names]
    except Exception:  # noqa: BLE001 - a user's make_key may need its __init__: then the run will tell
        return []


def _told(backend: str, key: str, made: str, why: str) -> str:
    grown = f" (as the cache gets it: {one_line(repr(made), 44)})" if made != key else ""
    return f"backend {backend!r} refuses key {one_line(repr(key), 44)}{grown}: it {why}; shorten or hash such keys"


def validating(cls: Any, backend: Backend) -> Callable[[Any, str], None]:
    """Return a `validate_key` for *cls* that refuses *backend*'s bad keys; a cache table would lose them silently."""

    def validate(self: Any, key: str) -> None:
        why = backend.refuses(key) if backend.refuses else ""
        if why:
            raise InvalidCacheKey(f"{key!r} {why}")
        cls.validate_key(self, key)

    return validate


@contextmanager
def refusals_in_a_line(backend: str) -> Iterator[None]:
    """Report in one line that *backend* has refused a strategy's key, and in which request.

    Raises:
        RefusedKeyError: in that case; it is also Django's InvalidCacheKey.
    """
    try:
        yield
    except InvalidCacheKey as error:
        where = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        raise RefusedKeyError(f"backend {backend!r} refuses a key: {_shortened(str(error))}{where}") from error


def _shortened(text: str) -> str:
    """Return *text* on one line, without the middle of a long key: the reason is at the end."""
    line = one_line(text, len(text) * 10)
    return line if len(line) <= LONGEST_TOLD else f"{line[: LONGEST_TOLD // 2]}...{line[-LONGEST_TOLD // 2 :]}"
